import type { Pool } from 'pg';
import type { OrderDependencies } from '../../activities/order/dependencies.js';
import type { ProtectionStore } from '../../activities/ports/store.js';
import type { Venue } from '../../activities/ports/venue.js';
import type { StreamedMarket } from '../../activities/streams/live-market.js';
import type { DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { Venue as PaperVenue } from '../../exchange/venue.js';
import { INSTRUMENT, openLedger, testSignal, type Ledger } from './ledger.js';
import { startOrderWorker, type OrderWorker, type OrderWorkerOptions, type TemporalAddress } from './order-worker.js';
import { openPaperAccount, PATIENT, type PaperAccount, type PaperAccountOptions } from './paper-account.js';
import { testDatabase, type TestDatabase } from './postgres.js';
import type { Witness } from './witness.js';

export { INSTRUMENT, LIMITS } from './ledger.js';
export { workflowBundle } from './workflow-bundle.js';

// Test files share a Temporal server, and the owners of positions are named after accounts.
export const ACCOUNT = process.env['RECORD_HISTORIES'] === '1' ? 'main' : `main-${process.pid}`;

/** Paper venue, ledger and order activities, real all of them, for one account. */
export interface TradingStack {
  /** What the venue itself says of our account, read anew. */
  witness(): Witness;
  readonly venue: Venue;
  readonly ledger: Ledger;
  readonly database: TestDatabase;
  readonly dependencies: OrderDependencies;
  readonly protection: ProtectionStore;
  readonly pool: Pool;
  /** The paper venue's program, for what only it can do: prices, faults, orders by hand. */
  readonly paper: PaperVenue;
  readonly market: StreamedMarket;
  /** Where the paper venue answers. */
  readonly addresses: PaperAccount['addresses'];
  /** A signal, with a price and a clock that are fresh. */
  signal(leg: TradeSignal['leg'], barCloseTime: number): TradeSignal;
  /** The same venue and database, as a process sees them that is started now. Closed before this one. */
  reopened(): Promise<TradingStack>;
  close(): Promise<void>;
}

/** @param database outside of a test run, which has a server of its own. It is dropped with the stack. */
export async function openTradingStack({
  database: given,
  ...overrides
}: Pick<PaperAccountOptions, 'venueOf' | 'instruments'> & { readonly database?: TestDatabase | undefined } = {}): Promise<TradingStack> {
  const database = given ?? (await testDatabase());
  const account = await openPaperAccount({ account: ACCOUNT, venueName: 'paper', windows: PATIENT, ...overrides });
  const stack = await stackOf(database, account);
  return {
    ...stack,
    async close() {
      await account.close();
      await stack.close();
      await database.drop();
    },
  };
}

async function stackOf(database: TestDatabase, account: PaperAccount): Promise<TradingStack> {
  const ledger = await openLedger(database);
  await ledger.enrol(account);
  const { dependencies, protection, pool, market } = ledger;
  return {
    witness: () => account.witness(),
    venue: account.venue,
    ledger,
    database,
    dependencies,
    protection,
    pool,
    paper: account.paper,
    market,
    addresses: account.addresses,
    signal(leg, barCloseTime) {
      // A file may take longer than a price or a reading of the clock stays fresh.
      market.seePrice(ACCOUNT, INSTRUMENT, '50000' as DecimalText, { seenTime: Date.now() });
      market.seeClock(ACCOUNT, { skewMs: 0, roundTripMs: 1 });
      return testSignal(ACCOUNT, leg, barCloseTime);
    },
    reopened: () => stackOf(database, account),
    close: () => ledger.close(),
  };
}

export type StackWorker = Omit<OrderWorker, 'watch'>;

/** A worker that also watches the stack's account. */
export async function startWorker(stack: TradingStack, temporal: TemporalAddress, options?: OrderWorkerOptions): Promise<StackWorker> {
  // What a test puts between the steps and their ports is in the stack's own dependencies.
  const worker = await startOrderWorker({ ...stack.ledger, dependencies: stack.dependencies }, temporal, options);
  await worker.watch(ACCOUNT);
  return worker;
}
