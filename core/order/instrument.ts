import type { DecimalText } from '../money/index.js';

/** What the venue says about an instrument: its status and the filters that every order must pass. */
export interface InstrumentRules {
  readonly instrument: string;
  readonly base: string;
  readonly quote: string;
  readonly trading: boolean;
  /** The venue's own word for its status, for messages. */
  readonly status: string;
  readonly tickSize: DecimalText;
  readonly stepSize: DecimalText;
  readonly minQuantity: DecimalText;
  readonly maxQuantity: DecimalText;
  readonly minNotional: DecimalText;
  /** Whether the venue takes a stop that sells at the market; absent in rows of before is no. */
  readonly marketStop?: boolean;
}
