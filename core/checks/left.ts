import { amountOf, decimal, ZERO, type Decimal, type DecimalText } from '../money/index.js';

/** A difference that a person has decided to leave as it is, and that stands. */
export interface LeftDifference {
  readonly differenceId: string;
  readonly class: string;
  readonly subject: string;
  /** What the venue has of it, and the books have not. */
  readonly deltas: Readonly<Record<string, DecimalText>>;
  readonly leftBy: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly leftTime: number;
}

const MOST_LINES = 10;

/** What the venue has of an asset, and the books have not, as people have decided to leave it. */
export function leftOf(left: readonly LeftDifference[], asset: string): Decimal {
  return left.reduce((sum, { deltas }) => sum.plus(amountOf(deltas, asset)), ZERO);
}

/** By how much each asset is off, who has left it so, and why: in lines for people. */
export function leftLines(left: readonly LeftDifference[]): readonly string[] {
  const lines = left.slice(0, MOST_LINES).map(({ differenceId, class: what, subject, deltas, leftBy, reason, leftTime }) => {
    const moved = Object.entries(deltas).map(([asset, amount]) => `${decimal(amount).gt(ZERO) ? '+' : ''}${amount} ${asset}`);
    const about = [`${what} ${subject}`, ...moved].join(', ');
    return `difference ${differenceId} (${about}), left as it is by ${leftBy} at ${new Date(leftTime).toISOString().slice(0, 16)}Z: ${reason}`;
  });
  const more = left.length - lines.length;
  return more === 0 ? lines : [...lines, `and ${more} more (keelson reconcile list)`];
}
