import type { DecimalText } from '../money/index.js';

/** What the venue says about an instrument: its status and the filters that every order must pass. */
export interface InstrumentRules {
  readonly instrument: string;
  readonly base: string;
  readonly quote: string;
  /** Whether it takes entries, and all else. */
  readonly trading: boolean;
  /** Which sales of what is held it takes while it takes no entries: every one, or only those with a limit. Absent, as in rows of before 0.7: none. */
  readonly sales?: 'all' | 'limit';
  /** The venue's own word for its status, for messages. */
  readonly status: string;
  readonly tickSize: DecimalText;
  readonly stepSize: DecimalText;
  readonly minQuantity: DecimalText;
  readonly maxQuantity: DecimalText;
  /** Most of an order that trades at the market, a woken market stop included; absent where the venue sets none of its own. */
  readonly maxMarketQuantity?: DecimalText;
  readonly minNotional: DecimalText;
  /** Most stops, and most orders with stops among them, that an account may have at rest; absent where the venue does not say. */
  readonly maxStops?: number;
  readonly maxOrders?: number;
  /** The smallest part in which the venue keeps either asset; absent where it does not say. */
  readonly baseUnit?: DecimalText;
  readonly quoteUnit?: DecimalText;
  /** Whether the venue takes a stop that sells at the market; absent in rows of before is no. */
  readonly marketStop?: boolean;
}

/** Which sales of what is held an instrument takes now (P19). */
export function salesTaken({ trading, sales }: InstrumentRules): 'all' | 'limit' | 'none' {
  return trading ? 'all' : (sales ?? 'none');
}

/** Whether it takes stops that sell at the market now. */
export function takesMarketStops(rules: InstrumentRules): boolean {
  return rules.marketStop === true && salesTaken(rules) === 'all';
}
