import type { Mode } from '../control/mode.js';
import { isFresh } from '../risk/watch-heartbeat.js';
import { CONDITIONS, DEFINITIONS } from '../watch/conditions.js';

/** What the ledger knows of an outage, at one moment. Times are epoch ms by the database's clock. */
export interface OutageFacts {
  readonly outageId: string;
  readonly account: string;
  readonly now: number;
  readonly beganTime: number;
  /** Null while the watch sees it. */
  readonly overTime: number | null;
  /** When the run had its first answer since it was lost last. */
  readonly answeredTime: number | null;
  readonly tries: number;
  readonly resumedTime: number | null;
  /** Since when the part that is at work has been, whoever began it. */
  readonly partTime: number | null;
  readonly mode: Mode;
  /** A halt over all that the account does, in words. */
  readonly halt: string | null;
  readonly watch: {
    readonly sampleAgeMs: number;
    readonly isEquityKnown: boolean;
    /** Conditions that the newest sample shows. */
    readonly standing: readonly string[];
  } | null;
  /** When the comparison began that found the account clean last. */
  readonly cleanTime: number | null;
  /** Since when the account has been paused by a part of ours, the newest cause. */
  readonly holdTime: number | null;
  /** Differences that are a person's, in words. */
  readonly differences: string | null;
  /** Who has given the run up, and why; null: nobody. */
  readonly givenUp: { readonly subject: string; readonly reason: string } | null;
}

/** What the venue itself has just told; `skewMs`: of its clock. */
export type Asked = { readonly hasAnswered: true; readonly skewMs: number } | { readonly hasAnswered: false; readonly detail: string };

/** What keeps a venue from counting as back, in words; nothing: it is. */
export function unsteady(facts: OutageFacts, asked: Asked, clockSkewLimitMs: number): readonly string[] {
  const { watch, overTime, answeredTime } = facts;
  if (watch === null || !isFresh(watch.sampleAgeMs)) return ['the account watch is silent'];
  const pausing = CONDITIONS.filter((condition) => DEFINITIONS[condition].acts === 'paused' && watch.standing.includes(condition));
  return [
    ...(asked.hasAnswered ? [] : [`it does not answer: ${asked.detail}`]),
    ...(overTime === null || answeredTime === null ? ['it counts as lost'] : []),
    ...pausing.map((condition) => `the account watch finds ${condition}`),
    ...(watch.isEquityKnown ? [] : ['the equity is not known']),
    ...(asked.hasAnswered && Math.abs(asked.skewMs) > clockSkewLimitMs
      ? [`its clock is ${Math.round(asked.skewMs)} ms off (limit ${clockSkewLimitMs} ms)`]
      : []),
  ];
}

/** Whether a comparison has found the account clean that began after all that happened: the return, and every cause of its pause. */
export function isComparedSince({ cleanTime, overTime, answeredTime, holdTime }: OutageFacts): boolean {
  if (cleanTime === null || overTime === null || answeredTime === null) return false;
  return cleanTime > Math.max(overTime, answeredTime, holdTime ?? 0);
}
