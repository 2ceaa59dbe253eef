import { loosens, type Mode } from '../control/mode.js';
import type { AlertSeverity } from '../alerts/severity.js';
import { Decimal, ZERO, decimal, text, type DecimalText } from '../money/index.js';
import { PROTOCOL } from '../risk/limits.js';
import { carriedForward, settle, type Readings } from './carried.js';
import { CONDITIONS, DEFINITIONS, findingsOf, isConfirmed, LOST, nextRuns, type Ages, type Condition, type Runs } from './conditions.js';
import { dayOf, figuresOf, moved, rebased, type Figures, type Move, type Performance } from './performance.js';
import { pricingOf, repricingOf, revalued, type Pricing, type Repricing } from './repricing.js';
import type { WatchRules } from './rules.js';
import { valuationOf, type Prices, type Quantities, type Valuation } from './valuation.js';

/** What the watch remembers of an account, in a row of the database: two guardians share it, restarts keep it. */
export interface WatchState {
  /** Undefined until the equity was known once. */
  readonly performance: Performance | undefined;
  /** How it was valued then. */
  readonly pricing: Pricing | undefined;
  /** What the venue holds beside our ledger. */
  readonly external: Quantities | undefined;
  readonly runs: Runs;
  /** The halt that a drawdown has caused. */
  readonly latchId: string | undefined;
}

export const UNWATCHED: WatchState = { performance: undefined, pricing: undefined, external: undefined, runs: {}, latchId: undefined };

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
  readonly mode: Mode;
  /** Only where a part of ours has paused the account: the mode that it would go back to, and why. */
  readonly hold: Hold | undefined;
  /** What of the drawdown's halt: it stands, or two people have released it. */
  readonly latch: 'none' | 'stands' | 'released';
  /** Inventory and every booked fill, by asset. */
  readonly ledger: Quantities;
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
  /** What the configuration values in another way than at the last known equity: a flow of its own. */
  readonly repriced: Repricing | undefined;
  readonly wasRebased: boolean;
}

/** The next sample of an account: what it is worth, what that says, what is to be done about it. Pure. */
export function sampleAccount(account: string, before: WatchState, seen: Observation, rules: WatchRules): Sample {
  const { now, readings, prices } = seen;
  const settled = readings === undefined ? undefined : settle(before.external, readings, prices);
  const external = settled?.external ?? before.external;
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
  const equity = isUnpriced ? undefined : valued;
  const repriced = isUnpriced ? undefined : found;
  // What came from outside is believed together with the equity that it changes, or not yet.
  const flow = equity === undefined ? ZERO : settledFlow;
  const wasRebased = seen.latch === 'released' && equity !== undefined;
  const performance =
    equity === undefined ? before.performance : performanceAt(before.performance, { now, equity, flow }, repriced, wasRebased);

  const figures = equity === undefined || performance === undefined ? undefined : figuresOf(performance);
  const isSilent = seen.lastTime === undefined || now - seen.lastTime > PROTOCOL.watchSilentMs;
  const runs = nextRuns(before.runs, findingsOf(rules, figures, seen.ages), now, isSilent);
  const confirmed = CONDITIONS.filter((condition) => isConfirmed(condition, runs, now));
  const isNew = (condition: Condition): boolean => !isConfirmed(condition, before.runs, seen.lastTime ?? 0);
  const said = (condition: Condition): string => summaryOf(account, condition, rules, figures, { ...seen, isUnpriced });
  const mode = modeOf(confirmed, seen, said);
  return {
    state: {
      performance,
      pricing: equity === undefined || quantities === undefined ? before.pricing : pricingOf(quantities, prices, before.pricing, now),
      external: equity === undefined ? before.external : external,
      runs,
      latchId: wasRebased ? undefined : before.latchId,
    },
    equity: equity === undefined ? undefined : text(equity),
    figures,
    valuation,
    mode,
    outage: outageOf(confirmed, equity !== undefined, seen.ages, said),
    kill: seen.latch === 'none' && confirmed.includes('drawdownLimit') ? said('drawdownLimit') : undefined,
    alerts: [
      ...confirmed.filter(isNew).map((condition) => ({
        // Each time that it does something is told, and else once a day what comes and goes.
        key: `watch:${account}:${condition}:${DEFINITIONS[condition].alertsEach === 'day' && mode?.cause !== condition ? dayOf(now) : (runs[condition]?.since ?? now)}`,
        severity: DEFINITIONS[condition].severity,
        condition,
        summary: said(condition),
      })),
      ...(repriced === undefined ? [] : [repricedAlert(account, repriced, now)]),
    ],
    flow: text(flow),
    repriced,
    wasRebased,
  };
}

/** Equity, peak and day after a sample, whatever has changed it. Pure. */
export function performanceAt(
  before: Performance | undefined,
  move: Move,
  repriced: Repricing | undefined,
  isRebased: boolean,
): Performance {
  const from = before !== undefined && repriced !== undefined ? revalued(before, repriced, move.equity.minus(move.flow)) : before;
  const next = moved(from, move);
  return isRebased ? rebased(next) : next;
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
  return 'there is no fresh price for what it holds';
}

const WHY_NOT_COMPARED = 'What stops them: keelson reconcile list, and keelson schedules list.';
const percent = (ratio: Decimal): string => ratio.mul(100).toDecimalPlaces(2).toFixed();
