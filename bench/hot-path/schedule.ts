import type { Leg } from '../../core/signal/signal.js';

/** One account trades so many instruments, each with a bar a second: a signal a second each while signals are due. */
export const INSTRUMENTS: readonly string[] = Array.from({ length: 20 }, (_, index) => `A${String(index + 1).padStart(2, '0')}/USDT`);
export const BAR_MS = 1_000;

/** Signals a second, and so how many instruments have bars. */
export const PACES = { singly: 4, twenty: 20 } as const;
export type Pace = keyof typeof PACES;

/** Signals and floor take turns of so many bars; an even number, so that each turn ends without a position. */
export const BARS_A_TURN = 4;

/** What is begun on a bar: a signal, or the floor, from the same place and at the same pace. */
export type Due = Leg | 'floor';

/** @param closeTime the last millisecond of the bar, as venues give it. */
export function dueOn(closeTime: number): Due {
  const bar = Math.floor(closeTime / BAR_MS);
  if (Math.floor(bar / BARS_A_TURN) % 2 === 1) return 'floor';
  return bar % 2 === 0 ? 'open' : 'close';
}

/** How long after its close a bar's frame leaves, so that frames leave one by one. */
export function delayOf(instrument: string, pace: Pace): number {
  return (INSTRUMENTS.indexOf(instrument) * BAR_MS) / PACES[pace];
}
