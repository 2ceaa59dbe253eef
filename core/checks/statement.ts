import { decimal, text, type Decimal, type DecimalText } from '../money/index.js';
import type { Findings } from './judge.js';

/** The statement of a day of UTC so far, and what of the books contradicts it. */
export interface StatementFacts {
  readonly day: string;
  readonly fills: number;
  readonly movements: number;
  /** Transactions since the last statement that was checked, and of yesterday, whose entries are not what they say, the first of them in words, and how many there are. */
  readonly wrong: readonly string[];
  readonly wrongCount: number;
  readonly lines: readonly {
    readonly asset: string;
    readonly opening: DecimalText;
    /** What the entries sum up to … */
    readonly closing: DecimalText;
    /** … and what is kept of that. */
    readonly kept: DecimalText;
  }[];
}
export type Balances = Readonly<Record<string, DecimalText>>;

/** The closing of each asset against what the venue has, what is kept, and the entries of the day. */
export function checkStatement({ lines, wrong, wrongCount }: StatementFacts, venue: Balances): Findings {
  const closings = new Map(lines.map(({ asset, closing }) => [asset, closing]));
  const assets = [...new Set([...closings.keys(), ...Object.keys(venue)])].sort();
  const shown = (asset: string): Decimal => decimal(venue[asset] ?? '0');
  return [
    ...assets.flatMap((asset) => {
      const closing = decimal(closings.get(asset) ?? '0');
      if (closing.eq(shown(asset))) return [];
      return [`${asset}: the statement closes at ${text(closing)}, the venue has ${text(shown(asset))}`];
    }),
    ...lines
      .filter(({ closing, kept }) => !decimal(closing).eq(decimal(kept)))
      .map(({ asset, closing, kept }) => `${asset}: the books keep ${kept}, its entries sum up to ${closing}`),
    ...(wrongCount === 0
      ? []
      : [`${wrongCount} transactions since the last statement are not booked as they say (keelson ledger verify): ${wrong.join(', ')}`]),
  ];
}

/** The statement, in lines for people; assets of which there never was anything are left out. */
export function statementLines({ day, fills, movements, lines }: StatementFacts): string {
  const told = lines
    .filter(({ opening, closing }) => !decimal(opening).isZero() || !decimal(closing).isZero())
    .map(({ asset, opening, closing }) => `${asset}: ${opening} → ${closing}, as at the venue`);
  return [`${day} (UTC) until now: ${fills} fills, ${movements} movements, no difference in the books`, ...told].join('\n');
}
