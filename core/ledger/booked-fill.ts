import { hasOthersName, isSoldByHand } from '../order/own-name.js';
import type { LedgerFill } from './position.js';

/** A fill as it is booked, with whose it is. */
export interface BookedFill extends LedgerFill {
  readonly account: string;
  readonly instrument: string;
  readonly venueTradeId: string;
  readonly venueOrderId: string;
  /** Null for a trade by hand or by another client of the account: no intent of ours, no strategy. */
  readonly intentId: string | null;
  readonly strategy: string | null;
  readonly strategyVersion: string | null;
  readonly origin: 'ours' | 'foreign';
  readonly liquiditySide: string;
  /** Epoch ms, by the venue. */
  readonly eventTime: number;
  /** In which order fills were booked; those of the same millisecond are in this order. */
  readonly booking: number;
}

/** Who traded it, as people are told: what a person had booked for a strategy, or taken over for it, was sent by another hand all the same. */
export function tradedBy({ origin, intentId }: Pick<BookedFill, 'origin' | 'intentId'>): BookedFill['origin'] {
  return intentId !== null && (isSoldByHand(intentId) || hasOthersName({ intentId })) ? 'foreign' : origin;
}

/** Results are of one strategy in one instrument; what was traded by hand is kept apart. */
export function bookOf({ account, strategy, instrument }: Pick<BookedFill, 'account' | 'strategy' | 'instrument'>): string {
  return JSON.stringify([account, strategy, instrument]);
}
