import type { AlertSeverity } from '../alerts/severity.js';
import { PROTOCOL } from '../risk/limits.js';
import { WATCH, type WatchRules } from './rules.js';
import type { Figures } from './performance.js';

/** What the watch may find. A later one of the same pair is the worse one. */
export const CONDITIONS = [
  'dailyLossWarn',
  'dailyLossLimit',
  'drawdownWarn',
  'drawdownLimit',
  'lossUnexplained',
  'equityUnknown',
  'venueUnreachable',
  'noMarketData',
  'notComparedWarn',
  'notComparedLimit',
] as const;
export type Condition = (typeof CONDITIONS)[number];

/** The venue is lost: a run of its own brings the account back (runbook venueDisconnected). */
export const LOST = ['venueUnreachable', 'noMarketData'] as const satisfies readonly Condition[];

interface Definition {
  readonly severity: AlertSeverity;
  /** `samples`: so many in a row. `time`: for so long. `atOnce`: the first one that shows it. */
  readonly confirmedBy: { readonly samples: number } | { readonly time: number } | 'atOnce';
  /** One alert a UTC day beside one each time that it does something, or one each time that it begins. */
  readonly alertsEach: 'day' | 'time';
  readonly acts: 'reduceOnly' | 'paused' | 'kill' | 'no';
}

const SOFT = { samples: WATCH.confirmingSamples } as const;

export const DEFINITIONS: Readonly<Record<Condition, Definition>> = {
  dailyLossWarn: { severity: 'warning', confirmedBy: SOFT, alertsEach: 'day', acts: 'no' },
  dailyLossLimit: { severity: 'error', confirmedBy: SOFT, alertsEach: 'day', acts: 'reduceOnly' },
  drawdownWarn: { severity: 'warning', confirmedBy: SOFT, alertsEach: 'day', acts: 'no' },
  drawdownLimit: { severity: 'critical', confirmedBy: 'atOnce', alertsEach: 'time', acts: 'kill' },
  // Perhaps somebody has withdrawn it, for which nothing is sold; perhaps not.
  lossUnexplained: { severity: 'critical', confirmedBy: 'atOnce', alertsEach: 'day', acts: 'paused' },
  equityUnknown: { severity: 'error', confirmedBy: { time: WATCH.equityUnknownMs }, alertsEach: 'day', acts: 'paused' },
  // Their ages are counted where they are seen, so a sample that shows them has waited already.
  venueUnreachable: { severity: 'error', confirmedBy: 'atOnce', alertsEach: 'time', acts: 'paused' },
  noMarketData: { severity: 'error', confirmedBy: 'atOnce', alertsEach: 'time', acts: 'paused' },
  // Confirmed by time: after a sleep an account is compared first. The gate does not wait for that (`RISK_NOT_COMPARED`).
  notComparedWarn: { severity: 'warning', confirmedBy: { time: WATCH.notComparedForMs }, alertsEach: 'time', acts: 'no' },
  notComparedLimit: { severity: 'error', confirmedBy: { time: WATCH.notComparedForMs }, alertsEach: 'time', acts: 'no' },
};

/** Samples in a row that show a condition. */
export interface Run {
  readonly since: number;
  readonly samples: number;
  /** When a sample was counted last: two guardians side by side do not confirm twice as fast. */
  readonly countedTime: number;
}
export type Runs = Readonly<Partial<Record<Condition, Run>>>;

/** What a sample says of the conditions; undefined where it cannot tell, as of losses while the equity is not known. */
export type Findings = Readonly<Record<Condition, boolean | undefined>>;

export interface Ages {
  /** Since the venue last answered, and since its last price came, as far as this process has lived to see it. */
  readonly venueMs: number;
  readonly marketDataMs: number;
  readonly marketDataLimitMs: number;
  /** Since the last comparison with the venue began that came to an end. */
  readonly comparedMs: number;
}

/** @param certain the figures without what is not explained: for that alone nothing is sold. */
export function findingsOf(rules: WatchRules, figures: Figures | undefined, certain: Figures | undefined, ages: Ages): Findings {
  const reaches = (ratio: Figures['drawdownRatio'] | undefined, limit: number): boolean | undefined =>
    ratio === undefined ? undefined : ratio.gte(limit);
  return {
    dailyLossWarn: reaches(figures?.dailyLossRatio, rules.dailyLossWarnRatio),
    dailyLossLimit: reaches(figures?.dailyLossRatio, rules.dailyLossLimitRatio),
    drawdownWarn: reaches(figures?.drawdownRatio, rules.drawdownWarnRatio),
    drawdownLimit: reaches(certain?.drawdownRatio, rules.drawdownLimitRatio),
    lossUnexplained:
      figures && reaches(figures.drawdownRatio, rules.drawdownLimitRatio) && !reaches(certain?.drawdownRatio, rules.drawdownLimitRatio),
    equityUnknown: figures === undefined,
    venueUnreachable: ages.venueMs > rules.venueUnreachableMs,
    noMarketData: ages.marketDataMs > ages.marketDataLimitMs,
    notComparedWarn: ages.comparedMs > WATCH.notComparedWarnMs,
    notComparedLimit: ages.comparedMs > PROTOCOL.notComparedMs,
  };
}

/**
 * Carries the runs on to the next sample. Only a sample that denies a condition ends its run; one that cannot tell, or comes
 * late, ends none. What is confirmed by time began anew if nobody looked meanwhile: `silent`. What began at a time to come, before
 * the clock was set back, began now. Pure.
 */
export function nextRuns(before: Runs, findings: Findings, now: number, silent: boolean): Runs {
  const next: Partial<Record<Condition, Run>> = {};
  for (const condition of CONDITIONS) {
    const found = findings[condition];
    const kept = before[condition];
    const run = kept !== undefined && kept.since > now ? { ...kept, since: now } : kept;
    const isForgotten = silent && typeof DEFINITIONS[condition].confirmedBy === 'object' && 'time' in DEFINITIONS[condition].confirmedBy;
    if (found === undefined && run !== undefined) next[condition] = run;
    if (found !== true) continue;
    if (run === undefined || isForgotten) next[condition] = { since: now, samples: 1, countedTime: now };
    else if (now - run.countedTime < WATCH.confirmingGapMs && now >= run.countedTime) next[condition] = run;
    else next[condition] = { ...run, samples: run.samples + 1, countedTime: now };
  }
  return next;
}

export function isConfirmed(condition: Condition, runs: Runs, now: number): boolean {
  const run = runs[condition];
  if (run === undefined) return false;
  const { confirmedBy } = DEFINITIONS[condition];
  if (confirmedBy === 'atOnce') return true;
  return 'samples' in confirmedBy ? run.samples >= confirmedBy.samples : now - run.since > confirmedBy.time;
}
