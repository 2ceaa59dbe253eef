import { amountOf, amountsOf, Decimal, decimal, maximum, minimum, text, ZERO, ZERO_TEXT, type DecimalText } from '../money/index.js';
import { differenceOf } from './carried.js';
import type { Quantities } from './valuation.js';
import type { Taken, Went } from './went.js';

export interface Gone {
  readonly quantity: DecimalText;
  readonly worth: DecimalText;
  /** All that it is went after this moment. Undefined: an earlier build has seen it go. */
  readonly from?: number | undefined;
  /** All of it had gone by this moment. Undefined: an earlier build has seen it go. */
  readonly to?: number | undefined;
}

/**
 * What went from the account without anything that came for it. Balances cannot tell a withdrawal from what another hand has lost between
 * two readings, so it is both at once: peak and day's opening are moved as by a withdrawal (`Performance`), and here stands which share of
 * the account went so. The figures count that as lost until the books explain it: booked as withdrawn it was no loss, booked as the fills
 * of another hand it was one.
 */
export interface Unexplained {
  /** What nobody has explained yet: how much of each asset, and what it was worth when it went. */
  readonly assets: Readonly<Record<string, Gone>>;
  /** When something went last; what comes back soon was never gone. */
  readonly since: number;
  /** When a reading showed last what is known: what has happened before is in that. Undefined: in a row of an earlier build. */
  readonly checked?: number | undefined;
  /** Shares of the account, from 0 to 1; of the day, what went on it. */
  readonly share: DecimalText;
  readonly day: number;
  readonly dayShare: DecimalText;
  readonly dayWorth: DecimalText;
  /** What was seen as an exchange by others and is not booked as fills yet. */
  readonly exchanged: Quantities;
  /** What was withdrawn and has explained something already, and what others have traded, as far as it is reckoned with. */
  readonly used: Pick<Booked, 'withdrawn' | 'traded'>;
  /** What the venue showed beside the books at the first look, and nobody has booked. Undefined: in a row of an earlier build. */
  readonly base?: Quantities | undefined;
  /** What withdrawals have explained while the books did not explain the asset to the last unit: of another movement, perhaps. */
  readonly excused?: Quantities | undefined;
  /** What one of each asset was worth when it was last seen to move, and when anything was. */
  readonly movedAt?: { readonly prices: Quantities; readonly time: number } | undefined;
  /** What the books said at the last sample. Undefined: in a row of an earlier build. */
  readonly seen?: Pick<Booked, 'withdrawn' | 'before'> | undefined;
  /** Undefined: in a row of an earlier build. */
  readonly went?: Went | undefined;
  /** What our own fills had made of the account when a reading showed last what is known. Undefined: in a row of an earlier build. */
  readonly own?: Quantities | undefined;
  /** Undefined: in a row of an earlier build. */
  readonly late?: Late | undefined;
  /** How much less the venue has shown than the books and all of this explain, at the least since it did first. */
  readonly short?: Readonly<Record<string, { readonly quantity: DecimalText; readonly since: number }>> | undefined;
}

/** What the books say of what came and went beside our own fills, since the onboarding. */
export interface Booked extends Taken {
  readonly deposited: Quantities;
  /** What of that had happened before what is unexplained of an asset can have gone, or before the last look where nothing is: it explains nothing. */
  readonly before: Quantities;
  /** What of that happened when what is unexplained of an asset had gone already: it explains nothing before it is seen to go, too. */
  readonly after: Quantities;
  /** Fills by other hands, corrections, and fills of ours that a person has decided on, signed. */
  readonly traded: Quantities;
}

/** Fills of ours that were booked after readings had shown them: what they have moved, and what each time was given, summed up. */
export interface Late {
  readonly moved: Quantities;
  readonly given: Quantities;
}

const DIGITS = 30;
const ONE = new Decimal(1);

/** What the venue shows and the books do not explain. */
export function besideBooks(external: Quantities, { deposited, withdrawn, traded }: Booked): Quantities {
  return [deposited, withdrawn, traded].reduce(differenceOf, external);
}

export const goneOf = ({ assets }: Unexplained, asset: string): Decimal => decimal(assets[asset]?.quantity ?? ZERO_TEXT);

/** What the venue shows and nothing explains: no booking that is reckoned with, no first look, and no exchange that awaits its fills. */
export function openOf({ base, used, exchanged }: Unexplained, booked: Booked, external: Quantities): Quantities {
  return [base ?? {}, exchanged].reduce(differenceOf, besideBooks(external, { ...booked, traded: used.traded }));
}

/** As much of one as goes the same way as the other. */
export function common(one: Quantities, other: Quantities): Quantities {
  return amountsOf(
    Object.keys(one)
      .map((asset) => {
        const [a, b] = [amountOf(one, asset), amountOf(other, asset)];
        if (a.isNegative() !== b.isNegative()) return [asset, ZERO] as const;
        return [asset, a.abs().lt(b.abs()) ? a : b] as const;
      })
      .filter(([, quantity]) => !quantity.isZero()),
  );
}

/** How much less of an asset the venue has than that explains. */
export function lacking(before: Unexplained, booked: Booked, external: Quantities): (asset: string) => Decimal {
  const open = openOf(before, booked, external);
  return (asset) => maximum(ZERO, amountOf(open, asset).neg());
}

/** How much of what is unexplained is covered by so much of each asset. */
export function coveredOf({ assets }: Unexplained, by: (asset: string) => Decimal): Quantities {
  const covered = Object.entries(assets).map(([asset, { quantity }]) => [asset, minimum(decimal(quantity), by(asset))] as const);
  return amountsOf(covered.filter(([, quantity]) => quantity.gt(0)));
}

/** Without these quantities, and without their part of the shares. */
export function less(before: Unexplained, covered: Quantities): Unexplained {
  const assets = Object.fromEntries(
    Object.entries(before.assets)
      .map(([asset, { quantity, worth, from, to }]) => {
        const left = decimal(quantity).minus(amountOf(covered, asset));
        return [asset, { from, to, quantity: text(left), worth: rounded(decimal(worth).mul(left).div(decimal(quantity))) }] as const;
      })
      .filter(([, { quantity }]) => decimal(quantity).gt(0)),
  );
  const part = Object.keys(assets).length === 0 ? ONE : partOf(before, covered);
  const kept = (value: DecimalText): DecimalText => rounded(decimal(value).mul(ONE.minus(part)));
  return { ...before, assets, share: kept(before.share), dayShare: kept(before.dayShare), dayWorth: kept(before.dayWorth) };
}

/** Which part, by worth, of everything unexplained these quantities are. */
export function partOf(before: Unexplained, covered: Quantities): Decimal {
  const whole = worthOf(before);
  if (whole.isZero()) return ZERO;
  const worths = Object.entries(before.assets).map(([asset, { quantity, worth }]) =>
    decimal(worth).mul(amountOf(covered, asset)).div(decimal(quantity)),
  );
  return minimum(ONE, worths.reduce((sum, worth) => sum.plus(worth), ZERO).div(whole));
}

export function worthOf({ assets }: Unexplained): Decimal {
  return Object.values(assets).reduce((sum, { worth }) => sum.plus(decimal(worth)), ZERO);
}

/** Up, so that rounding never makes a loss smaller. */
export function rounded(value: Decimal): DecimalText {
  return text(value.toDecimalPlaces(DIGITS, Decimal.ROUND_UP));
}
