import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from 'pg';
import { applyEvent, bookFill as bookReally } from '../../activities/order/evidence.js';
import type { OrderStore } from '../../activities/ports/store.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { failure } from '../../core/errors.js';
import { decimalTextOf } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { ApprovedOrder, GateVerdict } from '../../core/risk/approved-order.js';
import { isKilled } from '../../core/risk/protective.js';
import type { RiskView } from '../../core/risk/view.js';
import { LIMITS } from '../support/ledger.js';
import { testDatabase, type TestDatabase } from '../support/postgres.js';
import { authoriseOrder, beginSubmit, bookFill, changeOrder, slotAt, withActor, withBooks, writeLatch } from './ledger.js';
import { KEY, PRICE, RULES, SIGNALS } from './market.js';
import { EVENTS, evidenceOf, newRow, sideOf, storedOf, type NamedEvent } from './rows.js';
import { slotsOf, type Setup } from './setup.js';
import { AT_REST } from './worker.js';
import type { VenueStatus, World } from './world.js';

/**
 * The statements of Postgres stand in the model by their contracts, which were written by hand (`ledger.ts`). Here the same happens to
 * both, in any order, also where no actor of the model would do it: outcomes, rows, position and locks must be the same after each step.
 */

const SETUP: Setup = {
  slots: slotsOf({ entry: 2, exit: 1, stop: 1, slice: 1 }),
  receiveWindow: 1,
  visibilityBound: 1,
  startsOwners: true,
  mutants: new Set(),
};
const ACTORS = 2;
const START: World = {
  books: {
    isLatched: false,
    position: 0,
    exit: 'none',
    isBlocked: false,
    isTold: false,
    lease: -1,
    isVerified: false,
    isCut: false,
    crime: null,
  },
  rows: SETUP.slots.map(() => null),
  held: SETUP.slots.map(() => null),
  actors: Array.from({ length: ACTORS }, () => ({ role: 'killer' as const, ...AT_REST })),
};
const EVIDENCE: readonly VenueStatus[] = ['open', 'triggered', 'filled', 'canceled', 'expired'];
const PLAIN = [EVENTS.loseReply, EVENTS.reject, EVENTS.proveAbsent, EVENTS.requestCancel, EVENTS.expireUnsent] as const;

const actor = fc.nat(ACTORS - 1);
const slot = fc.nat(SETUP.slots.length - 1);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), actor }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('authorise' as const), actor, slot, quantity: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('submit' as const), slot }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('event' as const), slot, event: fc.constantFrom(...PLAIN) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('evidence' as const), slot, status: fc.constantFrom(...EVIDENCE), executed: fc.nat(2) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fill' as const), slot, isAgain: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('latch' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lease' as const), actor }) },
);
type Happening = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Every outcome that a statement of these has: none of them may be missing from what was tried. */
const OUTCOMES = [
  ...['written', 'stored', 'conflict', 'denied'].map((kind) => `authorise: ${kind}`),
  ...['submitting', 'stored', 'refused'].map((kind) => `submit: ${kind}`),
  ...['moved', 'unmoved', 'surprise'].map((kind) => `event: ${kind}`),
  ...['applied', 'duplicate'].map((kind) => `fill: ${kind}`),
];

const LONG_MS = 60_000;
let accounts = 0;

describe('the contracts of the statements, as the model has them and as Postgres keeps them', () => {
  let database: TestDatabase;
  let pool: Pool;
  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    await createMarketStore(pool).saveInstruments('paper', [RULES]);
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  it('are the same, whatever happens in whatever order', { timeout: 300_000 }, async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 45 }), async (happenings) => {
        const both = await Both.open(pool, database.pool, seen);
        for (const happening of happenings) {
          await both.take(happening);
          await both.compare();
        }
      }),
      { numRuns: 40, seed: 20_261_127, endOnFailure: true },
    );
    expect(OUTCOMES.filter((one) => !seen.has(one))).toEqual([]);
  });
});

/** An account of Postgres beside a world of the model. */
class Both {
  private world = START;
  private readonly views: (RiskView | undefined)[] = [];
  private readonly kill: ReturnType<typeof createKillStore>;
  private readonly store: OrderStore;

  private readonly owner: Pool;
  private readonly account: string;
  private readonly seen: Set<string>;

  private constructor(pool: Pool, owner: Pool, account: string, seen: Set<string>) {
    this.owner = owner;
    this.account = account;
    this.seen = seen;
    this.store = createOrderStore(pool);
    this.kill = createKillStore(pool);
  }

  static async open(pool: Pool, owner: Pool, seen: Set<string>): Promise<Both> {
    const account = `contracts-${(accounts += 1)}`;
    const control = createControlStore(pool);
    const strategies = [{ strategy: KEY.strategy, instrument: KEY.instrument, version: '1', modelHash: 'none' }];
    await control.applyConfiguration({ account, venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
    await control.onboard(account, { USDT: decimalTextOf('10000') });
    return new Both(pool, owner, account, seen);
  }

  async take(happening: Happening): Promise<void> {
    switch (happening.kind) {
      case 'read':
        this.views[happening.actor] = await this.store.readRisk(this.key);
        this.world = withActor(this.world, happening.actor, { isFresh: true });
        return;
      case 'authorise':
        return this.authorise(happening.actor, happening.slot, happening.quantity);
      case 'submit':
        return this.submit(happening.slot);
      case 'event':
        return this.move(happening.slot, happening.event);
      case 'evidence':
        return this.move(happening.slot, evidenceOf(happening));
      case 'fill':
        return this.fill(happening.slot, happening.isAgain);
      case 'latch': {
        const latch = { scope: 'account', scopeValue: this.account, policy: 'atOnce', reason: 'a test', subject: 'test' };
        if (!this.world.books.isLatched) await this.owner.query('select engage_latch($1::jsonb)', [JSON.stringify(latch)]);
        if (!this.world.books.isLatched) this.world = writeLatch(this.world);
        return;
      }
      case 'lease': {
        // That one ends by its time, or is given back, are the same to the statements.
        const { lease } = this.world.books;
        if (lease >= 0) await this.kill.dropLease(this.account, nameOfActor(lease));
        assert.equal((await this.kill.takeLease(this.account, nameOfActor(happening.actor), LONG_MS)).isMine, true);
        this.world = withBooks(this.world, { lease: happening.actor });
      }
    }
  }

  private async authorise(index: number, at: number, quantity: number): Promise<void> {
    const { purpose, sequence } = slotAt(SETUP, at);
    const view = this.views[index];
    // Only a kill makes slices, and only under a latch; and nobody decides on what was never read.
    if (view === undefined || (purpose === 'slice' && !this.world.books.isLatched)) return;
    const leg = purpose === 'entry' ? 'open' : 'close';
    const told = storedOf(newRow(true, quantity, 0, -1), slotAt(SETUP, at));
    const signal =
      purpose === 'entry' || purpose === 'exit'
        ? { ...SIGNALS[leg], account: this.account, barCloseTime: at + 1, validUntil: 2 ** 50 }
        : null;
    const verdict: GateVerdict =
      quantity > 0
        ? { kind: 'approved', order: this.approved(told, at, view) }
        : { kind: 'denied', failures: [failure('RISK_CONTENTION', { account: this.account, attempts: 10 })] };
    const store = purpose === 'slice' ? this.kill.ordersAs(nameOfActor(index)) : this.store;
    const real = await store.authorise(
      {
        intent: { ...this.key, intentId: this.intent(at), strategyVersion: '1', leg, purpose: told.purpose, sequence },
        signal,
        clientOrderId: this.client(at),
        epoch: 1,
        controlVersion: view.controlVersion,
        verdict,
        authorisedForMs: LONG_MS,
      },
      {},
    );
    const model = authoriseOrder(this.world, SETUP, index, at, quantity);
    this.seen.add(`authorise: ${real.kind}`);
    assert.equal(real.kind, model.kind);
    if ('world' in model) this.world = model.world;
  }

  private approved(told: StoredOrder, at: number, view: RiskView): ApprovedOrder {
    const { controlVersion, riskVersion } = view;
    const unbound = { sizing: null, overrides: [], notBefore: 0, notAfter: null, neighbourVersion: null };
    // Only the gate makes one; here anything may have been decided.
    return { ...told, ...unbound, intentId: this.intent(at), controlVersion, riskVersion } as unknown as ApprovedOrder;
  }

  private async submit(at: number): Promise<void> {
    const row = this.world.rows[at];
    if (row === null || row === undefined) return;
    const store = row.lease >= 0 ? this.kill.ordersAs(nameOfActor(row.lease)) : this.store;
    const real = await store.beginSubmit({ intentId: this.intent(at), epoch: 1, signedTimestamp: 1_000, receiveWindowMs: 500 });
    // The first is what happens; that the authorisation has passed meanwhile is another.
    const model = beginSubmit(this.world, SETUP, at)[0];
    this.seen.add(`submit: ${real.kind}`);
    assert.equal(real.kind, model?.kind);
    if (model !== undefined) this.world = model.world;
  }

  private async move(at: number, { name, event }: NamedEvent): Promise<void> {
    if (this.world.rows[at] === null) return;
    const ofThis = 'venueOrderId' in event ? { ...event, venueOrderId: this.venueOrder(at) } : event;
    await applyEvent({ store: this.store, epoch: 1 }, this.intent(at), ofThis);
    const moved = changeOrder(this.world, SETUP, at, { name, event });
    const isSurprise = moved.books.isBlocked && !this.world.books.isBlocked;
    this.seen.add(`event: ${moved === this.world ? 'unmoved' : isSurprise ? 'surprise' : 'moved'}`);
    this.world = moved;
  }

  private async fill(at: number, isAgain: boolean): Promise<void> {
    const row = this.world.rows[at];
    const side = sideOf(slotAt(SETUP, at));
    if (row === null || row === undefined || row.status === 'denied' || (isAgain && row.executed === 0)) return;
    // No venue executes more than was ordered, and nothing is sold that is not held: those would be worlds that have gone wrong before.
    if (!isAgain && (row.executed === row.quantity || (side === 'sell' && this.world.books.position === 0))) return;
    const number = isAgain ? row.executed : row.executed + 1;
    await bookReally({ store: this.store, epoch: 1 }, this.account, {
      venueTradeId: `${at}-${number}`,
      venueOrderId: this.venueOrder(at),
      clientOrderId: this.client(at),
      instrument: KEY.instrument,
      side,
      price: decimalTextOf(String(PRICE)),
      quantity: decimalTextOf('1'),
      fee: decimalTextOf('0'),
      feeAsset: 'USDT',
      liquiditySide: 'taker',
      eventTime: 1_005,
    });
    this.seen.add(`fill: ${isAgain ? 'duplicate' : 'applied'}`);
    if (!isAgain) this.world = bookFill(this.world, SETUP, at);
  }

  async compare(): Promise<void> {
    const { books, rows } = this.world;
    const { rows: stored } = await this.owner.query<{ o: StoredOrder }>('select order_json(o) as o from orders o where account = $1', [
      this.account,
    ]);
    const orders = new Map(stored.map(({ o }) => [o.intentId, outline(o)]));
    const expected = rows.flatMap((row, at) =>
      row === null ? [] : [[this.intent(at), outline(storedOf(row, slotAt(SETUP, at)))] as const],
    );
    assert.deepEqual(orders, new Map(expected));
    const view = await this.store.readRisk(this.key);
    const { quantity } = await this.store.position(this.key);
    // The model has one number for a position: its row is always what its fills add up to.
    const { rows: sums } = await this.owner.query<{ quantity: string }>('select quantity from position_sums where account = $1', [
      this.account,
    ]);
    assert.equal(Number(sums[0]?.quantity ?? 0), quantity.toNumber());
    const { rows: told } = await this.owner.query(`select from outbox where data->>'account' = $1 and data->>'because' <> 'stopChanged'`, [
      this.account,
    ]);
    const real = {
      position: quantity.toNumber(),
      isLatched: isKilled(this.key, view),
      isBlocked: view.blocked !== undefined,
      // What surprises is told as well.
      isTold: books.isBlocked ? books.isTold : told.length > 0,
    };
    assert.deepEqual(real, { position: books.position, isLatched: books.isLatched, isBlocked: books.isBlocked, isTold: books.isTold });
    if (books.isTold) assert.notEqual(told.length, 0);
  }

  private get key() {
    return { ...KEY, account: this.account };
  }
  private intent = (at: number): string => `${this.account}:${at}`;
  private client = (at: number): string => `${this.account}-${at}`;
  private venueOrder = (at: number): string => `v-${this.account}-${at}`;
}

const nameOfActor = (index: number): string => `kill-${index}`;

/** What the model keeps of an order; of one that was denied nothing but that is asked any more. */
function outline(order: StoredOrder): object {
  const { status, quantity, reservedQuantity, reservedNotional, executedQuantity, executedNotional, isFinal } = order;
  if (status === 'denied') return { status, isFinal };
  const { venueOrderId, venueStatus, venueExecutedQuantity, triggeredTime } = order;
  return {
    ...{ status, quantity, reservedQuantity, reservedNotional, executedQuantity, executedNotional, isFinal },
    ...{ isKnown: venueOrderId !== null, isTriggered: triggeredTime !== null, venueStatus, venueExecutedQuantity },
  };
}
