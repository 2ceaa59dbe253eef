import { decimal, maximum, text, type DecimalText } from '../money/index.js';
import type { Performance } from './performance.js';
import type { Repricing } from './repricing.js';
import { performanceAt, type Sample, type WatchState } from './sample.js';

/** What else than prices and our own fills has changed an account's figures at a sample; samples from one such to the next are a stretch. */
export interface Step {
  /** Nothing was known of the account before. */
  readonly isFirst?: true;
  readonly flow?: DecimalText;
  readonly repriced?: Omit<Repricing, 'flow'> & { readonly flow: DecimalText };
  readonly isRebased?: true;
}

/** Undefined: nothing but prices and fills. Pure. */
export function stepOf(before: WatchState, { flow, repriced, wasRebased, equity }: Sample): Step | undefined {
  const step: Step = {
    ...(before.performance === undefined && equity !== undefined ? { isFirst: true } : {}),
    ...(flow === '0' ? {} : { flow }),
    ...(repriced === undefined ? {} : { repriced: { ...repriced, flow: text(repriced.flow) } }),
    ...(wasRebased ? { isRebased: true } : {}),
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

/** What is remembered of an account's equity after a stretch: the same as after its samples, one by one. Pure. */
export function performanceAfter(before: Performance | undefined, { step, day, opening, highest, closing }: Stretch): Performance {
  const { isFirst = false, flow = '0', repriced, isRebased = false } = step;
  const move = { now: day, equity: decimal(opening), flow: decimal(flow) };
  const change = repriced && { ...repriced, flow: decimal(repriced.flow) };
  const opened = performanceAt(isFirst ? undefined : before, move, change, isRebased);
  return { ...opened, equity: closing, peak: text(maximum(decimal(opened.peak), decimal(highest))) };
}
