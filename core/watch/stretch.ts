import { decimal, maximum, text, type DecimalText } from '../money/index.js';
import type { KeptDay, Performance } from './performance.js';
import type { Repricing } from './repricing.js';
import { withLost, type Lost } from './unexplained.js';
import { performanceAt, type Sample, type WatchState } from './sample.js';

/** What else than prices and our own fills has changed an account's figures at a sample; samples from one such to the next are a stretch. */
export interface Step {
  /** Nothing was known of the account before. */
  readonly isFirst?: true;
  readonly flow?: DecimalText;
  readonly repriced?: Omit<Repricing, 'flow'> & { readonly flow: DecimalText };
  readonly isRebased?: true;
  /** What had been taken for withdrawn, and was lost. */
  readonly lost?: Readonly<Record<keyof Lost, DecimalText>>;
}

/** Undefined: nothing but prices and fills. Pure. */
export function stepOf(before: WatchState, { flow, repriced, wasRebased, lost, equity }: Sample): Step | undefined {
  const step: Step = {
    ...(before.performance === undefined && equity !== undefined ? { isFirst: true } : {}),
    ...(flow === '0' ? {} : { flow }),
    ...(repriced === undefined ? {} : { repriced: { ...repriced, flow: text(repriced.flow) } }),
    ...(wasRebased ? { isRebased: true } : {}),
    ...(lost === undefined
      ? {}
      : { lost: { share: text(lost.share), dayShare: text(lost.dayShare), dayWorth: text(lost.dayWorth), worth: text(lost.worth) } }),
  };
  return Object.keys(step).length === 0 ? undefined : step;
}

/** The samples between two steps within one UTC day, as far as figures follow from them. */
export interface Stretch {
  readonly step: Step;
  /** Of its performance, epoch ms. */
  readonly day: number;
  readonly opening: DecimalText;
  readonly highest: DecimalText;
  readonly closing: DecimalText;
}

/**
 * What is remembered of an account's equity after a stretch: the same as after its samples, one by one. Pure.
 * @param today what was kept last of its day, where another has begun since
 */
export function performanceAfter(
  before: Performance | undefined,
  { step, day, opening, highest, closing }: Stretch,
  today?: KeptDay,
): Performance {
  const { isFirst = false, flow = '0', repriced, isRebased = false, lost } = step;
  const move = { now: day, equity: decimal(opening), flow: decimal(flow), today };
  const change = repriced && { ...repriced, flow: decimal(repriced.flow) };
  const moved = performanceAt(isFirst ? undefined : before, move, change, isRebased);
  const opened = lost === undefined ? moved : withLost(moved, lostOf(lost));
  return { ...opened, equity: closing, peak: text(maximum(decimal(opened.peak), decimal(highest))) };
}

function lostOf({ share, dayShare, dayWorth, worth }: NonNullable<Step['lost']>): Lost {
  return { share: decimal(share), dayShare: decimal(dayShare), dayWorth: decimal(dayWorth), worth: decimal(worth) };
}
