import { amountOf, decimal, text, type DecimalText } from '../money/index.js';
import type { Findings } from './judge.js';
import { leftLines, leftOf, type LeftDifference } from './left.js';

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
  readonly left: readonly LeftDifference[];
}
export type Balances = Readonly<Record<string, DecimalText>>;

/**
 * The closing of each asset against what the venue has, what is kept, and the entries of the day. What is off by exactly what people have
 * decided to leave is no finding: it is told, and signed for.
 */
export function checkStatement({ lines, left, wrong, wrongCount }: StatementFacts, venue: Balances): Findings {
  const closings = new Map(lines.map(({ asset, closing }) => [asset, closing]));
  const assets = [...new Set([...closings.keys(), ...Object.keys(venue)])].sort();
  return [
    ...assets.flatMap((asset) => {
      const closing = decimal(closings.get(asset) ?? '0');
      const shown = amountOf(venue, asset);
      const [apart, isLeft] = [shown.minus(closing), leftOf(left, asset)];
      if (apart.isZero() || apart.eq(isLeft)) return [];
      const of = isLeft.isZero() ? '' : `, and what is left as it is is ${text(isLeft)}`;
      return [`${asset}: the statement closes at ${text(closing)}, the venue has ${text(shown)}${of}`];
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
export function statementLines({ day, fills, movements, lines, left }: StatementFacts, venue: Balances): string {
  const told = lines
    .filter(({ opening, closing }) => !decimal(opening).isZero() || !decimal(closing).isZero())
    .map(({ asset, opening, closing }) => {
      const shown = amountOf(venue, asset);
      const there = shown.eq(closing) ? 'as at the venue' : `the venue has ${text(shown)}: the rest is left as it is`;
      return `${asset}: ${opening} → ${closing}, ${there}`;
    });
  return [`${day} (UTC) until now: ${fills} fills, ${movements} movements, no difference in the books`, ...told, ...leftLines(left)].join(
    '\n',
  );
}
