import { decimal, text, type DecimalText } from '../money/index.js';

/** Best bid and ask of a venue's book. */
export interface TopOfBook {
  readonly bid: DecimalText;
  readonly ask: DecimalText;
}

/** Why no mid price is known of a moment. `notNoted`: nobody looked for one, as for a stop, whose price is its own. */
export const WITHOUT_MID = ['noBook', 'oldBook', 'crossedBook', 'notNoted'] as const;
export type WithoutMid = (typeof WITHOUT_MID)[number];
export type Mid = { readonly price: DecimalText } | { readonly missing: WithoutMid };

/** A book is asked for each five seconds where entries are decided; one that is older says nothing of now. */
const MAX_AGE_MS = 10_000;

/** The middle of the best bid and ask, as they were seen so long ago. */
export function midOf(book: (TopOfBook & { readonly ageMs: number }) | undefined): Mid {
  if (book === undefined) return { missing: 'noBook' };
  if (Math.abs(book.ageMs) > MAX_AGE_MS) return { missing: 'oldBook' };
  const [bid, ask] = [decimal(book.bid), decimal(book.ask)];
  if (bid.lte(0) || ask.lte(bid)) return { missing: 'crossedBook' };
  return { price: text(bid.plus(ask).div(2)) };
}
