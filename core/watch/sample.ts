import { loosens, type Mode } from '../control/mode.js';
import type { AlertSeverity } from '../alerts/severity.js';
import { Decimal, ZERO, text, type DecimalText } from '../money/index.js';
import { PROTOCOL } from '../risk/limits.js';
import { carriedForward, settle, type Readings } from './carried.js';
import { CONDITIONS, DEFINITIONS, findingsOf, isConfirmed, LOST, nextRuns, type Ages, type Condition, type Runs } from './conditions.js';
import { dayOf, figuresOf, moved, rebased, type Figures, type Move, type Performance } from './performance.js';
import type { WatchRules } from './rules.js';
import { valuationOf, type Prices, type Quantities, type Valuation } from './valuation.js';

/** What the watch remembers of an account, in a row of the database: two guardians share it, restarts keep it. */
export interface WatchState {
  /** Undefined until the equity was known once. */
  readonly performance: Performance | undefined;
  /** What the venue holds beside our ledger. */
  readonly external: Quantities | undefined;
  readonly runs: Runs;
  /** The halt that a drawdown has caused. */
  readonly latchId: string | undefined;
}

export const UNWATCHED: WatchState = { performance: undefined, external: undefined, runs: {}, latchId: undefined };

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
  readonly condition: Condition;
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
  readonly wasRebased: boolean;
}

/** The next sample of an account: what it is worth, what that says, what is to be done about it. Pure. */
export function sampleAccount(account: string, before: WatchState, seen: Observation, rules: WatchRules): Sample {
  const { now, readings, prices } = seen;
  const settled = readings === undefined ? undefined : settle(before.external, readings, prices);
  const external = settled?.external ?? before.external;
  const valuation = external === undefined ? undefined : valuationOf(carriedForward(seen.ledger, external), prices);
  const equity = seen.isReadingFresh ? valuation?.equity : undefined;
  // What came from outside is believed together with the equity that it changes, or not yet.
  const flow = equity === undefined || settled === undefined ? ZERO : settled.flow;
  const wasRebased = seen.latch === 'released' && equity !== undefined;
  const performance = equity === undefined ? before.performance : performanceAt(before.performance, { now, equity, flow }, wasRebased);

  const figures = equity === undefined || performance === undefined ? undefined : figuresOf(performance);
  const isSilent = seen.lastTime === undefined || now - seen.lastTime > PROTOCOL.watchSilentMs;
  const runs = nextRuns(before.runs, findingsOf(rules, figures, seen.ages), now, isSilent);
  const confirmed = CONDITIONS.filter((condition) => isConfirmed(condition, runs, now));
  const isNew = (condition: Condition): boolean => !isConfirmed(condition, before.runs, seen.lastTime ?? 0);
  const said = (condition: Condition): string => summaryOf(account, condition, rules, figures, seen);
  return {
    state: {
      performance,
      external: equity === undefined ? before.external : external,
      runs,
      latchId: wasRebased ? undefined : before.latchId,
    },
    equity: equity === undefined ? undefined : text(equity),
    figures,
    valuation,
    mode: modeOf(confirmed, seen, said),
    outage: outageOf(confirmed, equity !== undefined, seen.ages, said),
    kill: seen.latch === 'none' && confirmed.includes('drawdownLimit') ? said('drawdownLimit') : undefined,
    alerts: confirmed.filter(isNew).map((condition) => ({
      key: `watch:${account}:${condition}:${DEFINITIONS[condition].alertsEach === 'day' ? dayOf(now) : (runs[condition]?.since ?? now)}`,
      severity: DEFINITIONS[condition].severity,
      condition,
      summary: said(condition),
    })),
    flow: text(flow),
    wasRebased,
  };
}

function performanceAt(before: Performance | undefined, move: Move, isRebased: boolean): Performance {
  const next = moved(before, move);
  return isRebased ? rebased(next) : next;
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

function summaryOf(account: string, condition: Condition, rules: WatchRules, figures: Figures | undefined, seen: Observation): string {
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
  }
}

function unknownBecause(seen: Observation): string {
  if (seen.readings === undefined || !seen.isReadingFresh) return 'the venue does not tell its balances';
  return 'there is no fresh price for what it holds';
}

const percent = (ratio: Decimal): string => ratio.mul(100).toDecimalPlaces(2).toFixed();
