import { invariant } from '../../core/errors.js';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import type { LiveView, RiskView } from '../../core/risk/view.js';
import type { Sizing } from '../../core/sizing/sizing.js';
import type { LiveMarket } from '../ports/live.js';
import type { RiskSource } from '../ports/risk.js';
import type { OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';

/** What an entry is decided on beside the ledger: what this process sees of the market, and what the venue says of our calls. */
export function entryView({ live, venueOf }: Pick<OrderDependencies, 'live' | 'venueOf'>, account: string, instrument: string): LiveView {
  return { ...live.view(account, instrument), venueWeight: venueOf(account).weight() };
}

/** How the entries of a strategy in an instrument are sized and worked. */
export interface EntryTerms {
  readonly sizing: Sizing;
  readonly execution: ExecutionPolicy;
}

/** @throws where the strategy does not trade the instrument any more: nothing is entered then. */
export function entryTerms(
  { entriesOf }: Pick<OrderDependencies, 'entriesOf'>,
  { account, strategy, instrument }: PositionKey,
): EntryTerms {
  const terms = entriesOf(account, strategy, instrument);
  invariant(terms !== undefined, `strategy ${strategy} of ${account} is configured for ${instrument}`);
  return terms;
}

/** What the order activities of one process work with. Time is the venue's, through `live`, or the database's. */
export interface OrderDependencies {
  readonly store: OrderStore;
  readonly risk: RiskSource;
  readonly venueOf: (account: string) => Venue;
  readonly live: LiveMarket;
  /** The epoch that this process was started under (P31) and the instance that its client order ids belong to. */
  readonly epoch: number;
  readonly instanceId: string;
  /** Undefined where the configuration does not have it any more: what it had entered is looked after all the same. */
  readonly entriesOf: (account: string, strategy: string, instrument: string) => EntryTerms | undefined;
  /** The gate's verdicts that were found while a start was under way. */
  readonly decidedAhead?: { take(intentId: string, ledger: RiskView): GateVerdict | undefined };
}
