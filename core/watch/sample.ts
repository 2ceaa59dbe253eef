import { loosens, type Mode } from '../control/mode.js';
import type { AlertSeverity } from '../alerts/severity.js';
import { Decimal, ZERO, ZERO_TEXT, decimal, text, type DecimalText } from '../money/index.js';
import { PROTOCOL } from '../risk/limits.js';
import { carriedForward, differenceOf, isAsKnown, isMoving, missingBy, settle, type Readings, type Settled } from './carried.js';
import { CONDITIONS, DEFINITIONS, findingsOf, isConfirmed, LOST, nextRuns, type Ages, type Condition, type Runs } from './conditions.js';
import type { Booked, Unexplained } from './gone.js';
import { dayOf, figuresOf, moved, rebased, type Figures, type KeptDay, type Move, type Performance } from './performance.js';
import { pricingOf, repricingOf, revalued, type Pricing, type Repricing } from './repricing.js';
import { WATCH, type WatchRules } from './rules.js';
import {
  bookedLate,
  explainedBy,
  explainedSoFar,
  onDay,
  requoted,
  withLateFills,
  withLost,
  withSettled,
  withUnexplained,
  type Known,
  type Lost,
} from './unexplained.js';
import { valuationOf, type Prices, type Quantities, type Valuation } from './valuation.js';

/** What the watch remembers of an account, in a row of the database: two guardians share it, restarts keep it. */
export interface WatchState {
  /** Undefined until the equity was known once. */
  readonly performance: Performance | undefined;
  /** How it was valued then. */
  readonly pricing: Pricing | undefined;
  /** What the venue holds beside our ledger. */
  readonly external: Quantities | undefined;
  /** What went without a known reason; undefined before the first known equity. */
  readonly unexplained: Unexplained | undefined;
  /** Since when each reading differs from the books in another way; undefined: they do not. */
  readonly movingSince: number | undefined;
  readonly runs: Runs;
  /** The halt that a drawdown has caused. */
  readonly latchId: string | undefined;
}

export const UNWATCHED: WatchState = {
  ...{ performance: undefined, pricing: undefined, external: undefined, unexplained: undefined, movingSince: undefined },
  ...{ runs: {}, latchId: undefined },
};

/** A pause of which is known what has caused it. */
export interface Hold {
  readonly was: Mode;
  readonly classes: readonly string[];
}

/** What is seen at one moment. */
export interface Observation {
  /** The database's clock, epoch ms. */
  readonly now: number;
  /** When the account was sampled before, by whoever did; undefined: never. */
  readonly lastTime: number | undefined;
  /** Only where the day that is remembered is to come: what was kept last of the day that it is. */
  readonly today?: KeptDay | undefined;
  readonly mode: Mode;
  /** Only where a part of ours has paused the account: the mode that it would go back to, and why. */
  readonly hold: Hold | undefined;
  /** What of the drawdown's halt: it stands, or two people have released it. */
  readonly latch: 'none' | 'stands' | 'released';
  /** A standing halt of the watch that no sample has noted: whoever wrote it got no further. */
  readonly unnotedHalt: { readonly latchId: string; readonly reason: string } | undefined;
  /** Inventory and every booked fill of ours, by asset, but those that a person has decided on: at the venue nothing moves with them. */
  readonly ledger: Quantities;
  /** What the books have of all else that moved balances. */
  readonly booked: Booked;
  /** Undefined before the first reading of the venue's balances. */
  readonly readings: Readings | undefined;
  /** Whether the last reading is as young as the plan of readings would have it. */
  readonly isReadingFresh: boolean;
  readonly prices: Prices;
  readonly ages: Ages;
}

export interface Alert {
  readonly key: string;
  readonly severity: AlertSeverity;
  /** `repriced`: not what the market did, but what the configuration has changed. */
  readonly condition: Condition | 'repriced';
  readonly summary: string;
}

/** The venue is lost, or it is there (no causes). */
export interface Outage {
  readonly causes: readonly Condition[];
  /** For how long it has been lost. */
  readonly ageMs: number;
  readonly reason: string;
}

export interface Sample {
  readonly state: WatchState;
  /** Undefined: not known at this moment. */
  readonly equity: DecimalText | undefined;
  /** Undefined with the equity. */
  readonly figures: Figures | undefined;
  readonly valuation: Valuation | undefined;
  /** What must not be looser from now on, and why; only given where it is. */
  readonly mode: { readonly mode: 'reduceOnly' | 'paused'; readonly cause: Condition; readonly reason: string } | undefined;
  /** Undefined where it cannot be told: a venue that is said to be back has told what the account holds. */
  readonly outage: Outage | undefined;
  /** Why everything the account does must stop; only given where no halt of the watch stands. */
  readonly kill: string | undefined;
  /** Of every condition that this sample confirms. */
  readonly alerts: readonly Alert[];
  readonly flow: DecimalText;
  /** What had been taken for withdrawn and is booked as traded by another hand: lost, whenever it went. */
  readonly lost: Lost | undefined;
  /** What the configuration values in another way than at the last known equity: a flow of its own. */
  readonly repriced: Repricing | undefined;
  readonly wasRebased: boolean;
}

/** The next sample of an account: what it is worth, what that says, what is to be done about it. Pure. */
export function sampleAccount(account: string, before: WatchState, seen: Observation, rules: WatchRules): Sample {
  const { now, readings, prices } = seen;
  const isSilent = seen.lastTime === undefined || now - seen.lastTime > PROTOCOL.watchSilentMs;
  const late =
    readings === undefined || before.external === undefined || before.unexplained === undefined
      ? {}
      : bookedLate(before.unexplained, seen.booked, before.external, readings, now);
  const settled = readings === undefined ? undefined : settle(before.external && differenceOf(before.external, late), readings, prices);
  const external = settled?.external ?? before.external;
  const movingSince = movingSinceOf(before, seen, settled);
  const isMoved = movingSince !== undefined && now - movingSince > WATCH.movingMs;
  const quantities = external && carriedForward(seen.ledger, external);
  const valuation = quantities && valuationOf(quantities, prices);
  const valued = seen.isReadingFresh ? valuation?.equity : undefined;
  // Of what was there before: what has come since is valued as it is now.
  const heldBefore = carriedForward(seen.ledger, before.external ?? external ?? {});
  const found = valued && repricingOf(before.pricing, heldBefore, prices, now);
  // A configuration that prices nothing of what is held says nothing of what it is worth.
  const settledFlow = settled?.flow ?? ZERO;
  const isWorth = decimal(before.performance?.equity ?? '0').gt(0);
  const isUnpriced = found !== undefined && valued !== undefined && isWorth && valued.minus(settledFlow).lte(0);
  const carried = isUnpriced ? undefined : valued;
  const equity = isMoved ? undefined : carried;
  const repriced = isUnpriced || isMoved ? undefined : found;
  // What came from outside is believed together with the equity that it changes, or not yet.
  const flow = equity === undefined ? ZERO : settledFlow;
  const wasRebased = seen.latch === 'released' && equity !== undefined;
  const next =
    carried === undefined || external === undefined
      ? { ...before, lost: undefined }
      : rememberedAt(before, external, { ...seen, equity: carried, flow, isSilent }, settled, late, repriced, wasRebased);
  const { performance, unexplained } = equity === undefined ? before : next;
  // What the account itself has lost for certain halts it, also while another hand moves its balances.
  const certain = carried === undefined || next.performance === undefined ? undefined : figuresOf(next.performance);
  // What is missing at each of three readings is counted before it is certain.
  const missing = movingSince === undefined || readings === undefined ? ZERO : missingBy(before.external ?? {}, readings, prices);
  const figures =
    equity !== undefined && certain && performance && unexplained ? withUnexplained(certain, performance, unexplained, missing) : undefined;
  const runs = nextRuns(before.runs, findingsOf(rules, figures, certain, seen.ages), now, isSilent);
  const confirmed = CONDITIONS.filter((condition) => isConfirmed(condition, runs, now));
  const isNew = (condition: Condition): boolean => !isConfirmed(condition, before.runs, seen.lastTime ?? 0);
  const said = (condition: Condition): string => summaryOf(account, condition, rules, figures, { ...seen, isUnpriced, isMoved });
  const mode = modeOf(confirmed, seen, said);
  const kill = seen.latch === 'none' && confirmed.includes('drawdownLimit') ? said('drawdownLimit') : undefined;
  // Where the sample after it shows the loss, too, it halts again, which changes nothing, and tells it.
  const noted = seen.latch === 'none' && kill === undefined ? seen.unnotedHalt : undefined;
  return {
    state: {
      performance,
      pricing: equity === undefined || quantities === undefined ? before.pricing : pricingOf(quantities, prices, before.pricing, now),
      external: equity === undefined ? before.external : external,
      unexplained,
      movingSince,
      runs,
      latchId: wasRebased ? undefined : (noted?.latchId ?? before.latchId),
    },
    equity: equity === undefined ? undefined : text(equity),
    figures,
    valuation,
    mode,
    outage: outageOf(confirmed, equity !== undefined, seen.ages, said),
    kill,
    alerts: [
      ...confirmed.filter(isNew).map((condition) => ({
        key: `watch:${account}:${condition}:${occasionOf(condition, seen, before.latchId, mode?.cause === condition, runs[condition]?.since)}`,
        severity: DEFINITIONS[condition].severity,
        condition,
        summary: said(condition),
      })),
      ...(noted === undefined ? [] : [haltAlert(account, noted)]),
      ...(repriced === undefined ? [] : [repricedAlert(account, repriced, now)]),
    ],
    flow: text(flow),
    lost: equity === undefined ? undefined : next.lost,
    repriced,
    wasRebased,
  };
}

/** Only what is seen ends it: a process that has just begun has not read often enough to tell. */
function movingSinceOf(before: WatchState, { now, readings }: Observation, settled: Settled | undefined): number | undefined {
  if (readings === undefined) return before.movingSince;
  if (settled !== undefined || isAsKnown(before.external, readings)) return undefined;
  return before.movingSince ?? (isMoving(before.external, readings) ? now : undefined);
}

/** What is remembered after a sample that knows the equity. */
function rememberedAt(
  before: WatchState,
  external: Quantities,
  {
    now,
    today,
    equity,
    flow,
    booked,
    prices,
    readings,
    isSilent,
  }: Move & Pick<Observation, 'booked' | 'prices' | 'readings'> & Pick<Known, 'isSilent'>,
  settled: Settled | undefined,
  late: Quantities,
  repriced: Repricing | undefined,
  isRebased: boolean,
): Required<Pick<WatchState, 'performance' | 'unexplained'>> & { readonly lost?: Lost | undefined } {
  const was = before.performance;
  const performance = performanceAt(was, { now, today, equity, flow }, repriced, isRebased);
  // Two people have decided that it goes on from here.
  if (isRebased || before.unexplained === undefined) return { performance, unexplained: explainedSoFar(external, booked, now) };
  const isRequoted = repriced !== undefined && repriced.quotes.was !== repriced.quotes.is;
  const known = isRequoted ? requoted(before.unexplained, was?.equity ?? ZERO_TEXT, text(equity.minus(flow))) : before.unexplained;
  const ofToday = onDay(known, performance.day);
  const withMoved = settled === undefined ? ofToday : withSettled(withLateFills(ofToday, late), settled, equity, prices, now);
  const isChecked = settled !== undefined || (readings !== undefined && isAsKnown(before.external, readings));
  const { left, lost } = explainedBy(withMoved, booked, { external, equity, prices, now, isChecked, isSilent });
  // As late as the last reading that has shown all that is known.
  const unexplained = isChecked ? { ...left, checked: now, own: readings?.ledger ?? left.own } : left;
  return { performance: lost === undefined ? performance : withLost(performance, lost), unexplained, lost };
}

/** Equity, peak and day after a sample, whatever has changed it. Pure. */
export function performanceAt(
  before: Performance | undefined,
  move: Move,
  repriced: Repricing | undefined,
  isRebased: boolean,
): Performance {
  const from = before !== undefined && repriced !== undefined ? revalued(before, repriced, move.equity.minus(move.flow)) : before;
  // In another quote asset nothing that was kept is worth the same.
  const isRequoted = repriced !== undefined && repriced.quotes.was !== repriced.quotes.is;
  const next = moved(from, isRequoted ? { ...move, today: undefined } : move);
  return isRebased ? rebased(next) : next;
}

/**
 * What an alert is told once for. Each time that it does something is told; else once a day what comes and goes, and once a halt
 * the drawdown that has caused it: an equity that hovers at the limit tells nothing new.
 */
function occasionOf(
  condition: Condition,
  { now, latch }: Pick<Observation, 'now' | 'latch'>,
  latchId: string | undefined,
  isDone: boolean,
  since = now,
): string | number {
  if (condition === 'drawdownLimit' && latch === 'stands' && latchId !== undefined) return latchId;
  return DEFINITIONS[condition].alertsEach === 'day' && !isDone ? dayOf(now) : since;
}

/** Of a halt whose own sample was lost, with what it would have told. */
function haltAlert(account: string, { latchId, reason }: NonNullable<Observation['unnotedHalt']>): Alert {
  const { severity } = DEFINITIONS.drawdownLimit;
  return { key: `watch:${account}:drawdownLimit:${latchId}`, severity, condition: 'drawdownLimit', summary: reason };
}

/** Once a day for the same assets: two guardians of different configurations would tell it each second. */
function repricedAlert(account: string, { quotes, assets, flow }: Repricing, now: number): Alert {
  const isRequoted = quotes.was !== quotes.is;
  const what = isRequoted
    ? `${account} is valued in ${quotes.is}, not in ${quotes.was} any more: what it has lost of its peak and of its day stays the same share. What its prices have done between the two is in no figure.`
    : `${account} values ${assets.join(', ')} in another way than before (${text(flow)} ${quotes.is}), since its configuration prices it so: that counts neither as a loss nor as a gain.`;
  return {
    key: `watch:${account}:repriced:${isRequoted ? `${quotes.was}-${quotes.is}` : assets.join('-')}:${dayOf(now)}`,
    severity: isRequoted ? 'error' : 'warning',
    condition: 'repriced',
    summary: `${what} See accounts.${account}.watch and strategies in the configuration if that was not meant.`,
  };
}

/**
 * The strictest mode that is asked for, where the account's is looser: the watch loosens none and repeats none. A pause that might end
 * by itself has each of its causes noted, and a lost venue is noted in every pause, since a resume then waits for more.
 */
function modeOf(
  confirmed: readonly Condition[],
  { mode, hold }: Pick<Observation, 'mode' | 'hold'>,
  said: (condition: Condition) => string,
): Sample['mode'] {
  const isUnnoted = (cause: Condition): boolean =>
    hold === undefined ? LOST.some((lost) => lost === cause) : !hold.classes.includes(cause);
  const pausing = confirmed.filter((condition) => DEFINITIONS[condition].acts === 'paused');
  const cause = pausing.find((condition) => loosens('paused', mode) || isUnnoted(condition));
  if (cause !== undefined) return { mode: 'paused', cause, reason: said(cause) };
  const reducing = confirmed.find((condition) => DEFINITIONS[condition].acts === 'reduceOnly');
  if (reducing === undefined || !loosens('reduceOnly', hold?.was ?? mode)) return undefined;
  return { mode: 'reduceOnly', cause: reducing, reason: said(reducing) };
}

function outageOf(
  confirmed: readonly Condition[],
  isEquityKnown: boolean,
  { venueMs, marketDataMs }: Ages,
  said: (condition: Condition) => string,
): Outage | undefined {
  const causes = LOST.filter((cause) => confirmed.includes(cause));
  const [first] = causes;
  if (first === undefined) return isEquityKnown ? { causes, ageMs: 0, reason: '' } : undefined;
  return { causes, ageMs: Math.round(first === 'venueUnreachable' ? venueMs : marketDataMs), reason: said(first) };
}

interface Seen extends Observation {
  readonly isUnpriced: boolean;
  /** Each reading of the venue shows other balances that the books do not explain. */
  readonly isMoved: boolean;
}

function summaryOf(account: string, condition: Condition, rules: WatchRules, figures: Figures | undefined, seen: Seen): string {
  const lost = (ratio: Decimal | undefined): string => `${percent(ratio ?? ZERO)} %`;
  const limit = (ratio: number): string => `${percent(new Decimal(ratio))} %`;
  const seconds = (ms: number): string => `${Math.floor(ms / 1_000)} s`;
  switch (condition) {
    case 'dailyLossWarn':
      return `${account} has lost ${lost(figures?.dailyLossRatio)} today (warning from ${limit(rules.dailyLossWarnRatio)}).`;
    case 'dailyLossLimit':
      return `${account} has lost ${lost(figures?.dailyLossRatio)} today (limit ${limit(rules.dailyLossLimitRatio)}): it may only reduce.`;
    case 'drawdownWarn':
      return `${account} is ${lost(figures?.drawdownRatio)} under its peak (warning from ${limit(rules.drawdownWarnRatio)}).`;
    case 'drawdownLimit':
      return `${account} is ${lost(figures?.drawdownRatio)} under its peak (limit ${limit(rules.drawdownLimitRatio)}): it is halted.`;
    case 'lossUnexplained':
      return `${account} is ${lost(figures?.drawdownRatio)} under its peak (limit ${limit(rules.drawdownLimitRatio)}) with what went and is not explained: it is paused, and nothing is sold. If nobody has withdrawn it somebody else trades with your key: keelson kill. If somebody has: keelson reconcile list, then decide book.`;
    case 'equityUnknown':
      return `The equity of ${account} is not known: ${unknownBecause(seen)}. It is paused; resume it when the cause is gone.`;
    case 'venueUnreachable':
      return `The venue of ${account} has not answered for ${seconds(seen.ages.venueMs)}: it is paused.`;
    case 'noMarketData':
      return `${account} has had no market data for ${seconds(seen.ages.marketDataMs)}: it is paused.`;
    case 'notComparedWarn':
      return `No comparison of ${account} with its venue has come to an end for ${seconds(seen.ages.comparedMs)}: from ${seconds(PROTOCOL.notComparedMs)} on nothing is entered. ${WHY_NOT_COMPARED}`;
    case 'notComparedLimit':
      return `No comparison of ${account} with its venue has come to an end for ${seconds(seen.ages.comparedMs)}: nothing is entered until one does. ${WHY_NOT_COMPARED}`;
  }
}

function unknownBecause(seen: Seen): string {
  if (seen.isUnpriced) return `its configuration prices nothing of what it holds, in ${seen.prices.quote}`;
  if (seen.readings === undefined || !seen.isReadingFresh) return 'the venue does not tell its balances';
  if (seen.isMoved) return 'its venue shows other balances at each look, and the books explain none of it';
  return 'there is no fresh price for what it holds';
}

const WHY_NOT_COMPARED = 'What stops them: keelson reconcile list, and keelson schedules list.';
const percent = (ratio: Decimal): string => ratio.mul(100).toDecimalPlaces(2).toFixed();
