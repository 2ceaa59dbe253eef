import { amountOf, decimal, text, ZERO, type Decimal, type DecimalText } from '../money/index.js';
import { deltasOf, Sum } from './deltas.js';
import { isRejected, type Deltas, type Difference, type KnownDifference } from './difference.js';
import { excusesOf, type Excuses } from './excused.js';
import { filledMeanwhile } from './fills.js';
import { intentSubject } from './orders.js';
import type { ReconcileRules } from './rules.js';
import { isUnresolved, type LedgerSight, type Rounding, type VenueSight } from './sight.js';

/** What the kept amount of an asset is the sum of. */
const KEPT_APART = ['balance', 'inventory', 'opening'] as const;

/**
 * Balances to the last unit: venue less ledger, less what other differences explain. While it is not known what became of an
 * order, or one has moved at the venue whose fills are not listed yet, a balance that is off by no more than it may have moved says nothing.
 * What was filled while the venue was read may have come after its balances, and is none that they lack. What a person has decided to leave is told
 * with its amount for as long as nothing else has moved.
 * @param open subjects of the orders whose fills are missing, beside those that are looked up
 */
export function compareBalances(
  venue: VenueSight,
  ledger: LedgerSight,
  explained: readonly Pick<Difference, 'class' | 'deltas' | 'evidence'>[],
  open: ReadonlySet<string>,
  rules: Pick<ReconcileRules, 'excusedMs'>,
  known: readonly Pick<KnownDifference, 'class' | 'status' | 'decision' | 'deltas'>[] = [],
): Difference[] {
  const left = new Sum();
  for (const row of known) if (row.class === 'balanceMovement' && isRejected(row)) left.add(row.deltas);
  const cause = new Sum();
  for (const { deltas } of explained) cause.add(deltas);
  const unclear = excusesOf(
    ledger.orders.filter((order) => isUnresolved(order) || open.has(intentSubject(order.intentId))),
    { venue, ledger, rules },
  );
  // Their list and the books are read after the balances.
  const meanwhile = filledMeanwhile(venue, ledger).map((fill) => deltasOf(fill, ledger.instruments));
  const damages = new Map(ledger.contradictions.map(({ subject, kept, reckoned }) => [subject, decimal(kept).minus(reckoned)]));
  const assets = new Set([
    ...Object.keys(venue.balances),
    ...Object.keys(ledger.balances),
    ...explained.flatMap(({ deltas }) => Object.keys(deltas)),
  ]);
  return [...assets].sort().flatMap((asset): Difference[] => {
    const [shown, kept] = [amountOf(venue.balances, asset), amountOf(ledger.balances, asset)];
    const ofKept = shown.minus(kept).minus(cause.of(asset));
    if (ofKept.eq(ZERO) || isFromBefore(ofKept, asset, meanwhile)) return [];
    // By what our own entries contradict nothing has moved at the venue: that is told as what it is, and here only what is left.
    const damage = KEPT_APART.reduce((sum, part) => sum.plus(damages.get(`books:${part}:${asset}`) ?? ZERO), ZERO);
    const amount = ofKept.plus(damage);
    if (amount.eq(ZERO) || isFromBefore(amount, asset, meanwhile)) return [];
    const beside = amount.minus(left.of(asset));
    const movement = (told: DecimalText): Difference => ({
      class: 'balanceMovement',
      subject: `balance:${asset}`,
      fingerprint: told,
      treatment: 'secondLook',
      isInFlight: [{}, ...meanwhile].some(leavesExcused(beside, asset, unclear)),
      deltas: { [asset]: told },
      evidence: {
        venue: { asset, balance: text(shown) },
        ledger: { asset, balance: text(kept), explained: text(cause.of(asset)), unexplained: told },
      },
    });
    const asRounding = (rounded: Decimal): Difference[] =>
      rounded.eq(ZERO) ? [] : [rounding(asset, rounded, shown, kept, ledger, unclear.has(asset))];
    const ofBeside = roundingIn(beside, asset, meanwhile, ledger, explained);
    // What a person has decided to leave stays so beside it.
    if (ofBeside !== undefined) return [...(left.of(asset).eq(ZERO) ? [] : [movement(text(left.of(asset)))]), ...asRounding(ofBeside)];
    const ofAll = roundingIn(amount, asset, meanwhile, ledger, explained);
    if (ofAll !== undefined) return asRounding(ofAll);
    return [movement(text(isFromBefore(beside, asset, meanwhile) ? left.of(asset) : amount))];
  });
}

/** Whether what a balance lacks besides the newest of what was filled meanwhile, taken one by one, is what orders may have moved. */
function leavesExcused(amount: Decimal, asset: string, excuses: Excuses): (deltas: Deltas) => boolean {
  let lacking = amount;
  return (deltas) => {
    lacking = lacking.plus(amountOf(deltas, asset));
    return excuses.covers(asset, lacking);
  };
}

/** Whether a balance is exactly what it was before the newest of these. */
function isFromBefore(amount: Decimal, asset: string, newestFirst: readonly Deltas[]): boolean {
  let lacking = amount;
  return newestFirst.some((deltas) => {
    lacking = lacking.plus(amountOf(deltas, asset));
    return lacking.eq(ZERO);
  });
}

/**
 * What of an amount is the venue's rounding of fills: not more than a unit for each that the books have (and a unit for each that they lack, which goes
 * with that one: zero). What was filled while the venue was read may be missing in its balance. Undefined: it is something else.
 */
function roundingIn(
  amount: Decimal,
  asset: string,
  newestFirst: readonly Deltas[],
  { roundings, instruments }: LedgerSight,
  explained: readonly Pick<Difference, 'class' | 'deltas' | 'evidence'>[],
): Decimal | undefined {
  // Names of assets are the venue's: `constructor` may be one.
  const known = roundingOf(roundings, asset);
  const left = known === undefined ? ZERO : decimal(known.left);
  const unit =
    known?.unit ?? Object.values(instruments).find(({ quote, quoteUnit }) => quote === asset && quoteUnit !== undefined)?.quoteUnit;
  const lacking = unit === undefined ? ZERO : decimal(unit).mul(explained.reduce((sum, one) => sum + fillsOf(one, asset), 0));
  let rest = amount;
  for (const deltas of [{}, ...newestFirst]) {
    rest = rest.plus(amountOf(deltas, asset));
    if (rest.abs().lte(lacking)) return ZERO;
    if (rest.abs().lte(left)) return rest;
  }
  return undefined;
}

function roundingOf(roundings: LedgerSight['roundings'], asset: string): Rounding | undefined {
  return roundings !== undefined && Object.hasOwn(roundings, asset) ? roundings[asset] : undefined;
}

/** How many fills that are not in the books a difference tells of. */
function fillsOf({ class: what, deltas, evidence }: Pick<Difference, 'class' | 'deltas' | 'evidence'>, asset: string): number {
  if (!Object.hasOwn(deltas, asset)) return 0;
  if (what === 'missedFill') return 1;
  return what === 'orphanOrder' ? ((evidence.venue as { readonly fills?: readonly unknown[] }).fills?.length ?? 0) : 0;
}

function rounding(
  asset: string,
  amount: Decimal,
  shown: Decimal,
  kept: Decimal,
  { roundings }: LedgerSight,
  isInFlight: boolean,
): Difference {
  return {
    class: 'rounding',
    subject: `balance:${asset}`,
    fingerprint: text(amount),
    treatment: 'repair',
    isInFlight,
    deltas: { [asset]: text(amount) },
    evidence: {
      venue: { asset, balance: text(shown) },
      ledger: { asset, balance: text(kept), ...roundingOf(roundings, asset) },
    },
    repair: { kind: 'bookRounding', asset, amount: text(amount) },
  };
}
