import type { Part } from '../../../activities/ports/runbook.js';

/** What an order is for, as its intent's id says. */
export type Purpose = 'entry' | 'stop' | 'exit' | 'escape';

/** A part of a step of a runbook: the step's place in it, from 0, and which part. */
type PartOfStep = `${number}:${Part}`;

/** Where a program under test is ended or stopped: at the n-th call of a port from the moment that it is armed. */
export interface Point {
  /** `during`: the call is under way, its bytes have left, and its answer is not read yet. */
  readonly when: 'before' | 'during' | 'after';
  /** A method of a port, such as `store.beginSubmit` or `sender.submit`. */
  readonly call: string;
  /** Only a call for an order of this purpose, or for this part of a run. */
  readonly of?: Purpose | PartOfStep;
  readonly occurrence: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

const FORM = /^(before|during|after) ([a-z]+\.[a-zA-Z]+)(?:\((entry|stop|exit|escape|\d+:[a-z]+)\))?#(\d+):(SIGKILL|SIGSTOP)$/;

/** `after store.beginSubmit(stop)#1:SIGKILL` */
export const textOf = ({ when, call, of, occurrence, signal }: Point): string =>
  `${when} ${call}${of === undefined ? '' : `(${of})`}#${occurrence}:${signal}`;

/** @throws Error for a text that is no point */
export function pointOf(text: string): Point {
  const [, when, call, of, occurrence, signal] = FORM.exec(text) ?? [];
  if (when === undefined || call === undefined) throw new Error(`not a point: ${text}`);
  return {
    when: when as Point['when'],
    call,
    ...(of === undefined ? {} : { of: of as Purpose | PartOfStep }),
    occurrence: Number(occurrence),
    signal: signal as Point['signal'],
  };
}

/** The purpose of an intent; undefined for a kill's. */
export function purposeOf(intentId: string): Purpose | undefined {
  if (intentId.startsWith('stop:')) return 'stop';
  if (intentId.startsWith('escape:')) return 'escape';
  if (/:open:\d+$/.test(intentId)) return 'entry';
  return /:close:\d+$/.test(intentId) ? 'exit' : undefined;
}
