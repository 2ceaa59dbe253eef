import type { Leg } from '../../core/signal/signal.js';

/** One account trades so many instruments, each with a bar a second. */
export const INSTRUMENTS: readonly string[] = Array.from({ length: 20 }, (_, index) => `A${String(index + 1).padStart(2, '0')}/USDT`);
export const BAR_MS = 1_000;

export type Pace = 'singly' | 'twenty' | 'barsOnly';

export interface PaceTerms {
  /** How many instruments have bars, and so how many signals there are in a second. */
  readonly instruments: number;
  /**
   * Whether entries find a price: they are then filled, protected by a stop and closed a bar later. Otherwise the venue's
   * book lies far above what the bars tell, and every order ends as it came.
   */
  readonly isFilled: boolean;
  /** Without signals the bars only tell prices. */
  readonly hasSignals: boolean;
}

export const PACES: Readonly<Record<Pace, PaceTerms>> = {
  singly: { instruments: 1, isFilled: true, hasSignals: true },
  twenty: { instruments: 20, isFilled: false, hasSignals: true },
  barsOnly: { instruments: 20, isFilled: true, hasSignals: false },
};

/** Signals and floor take turns of so many bars; an even number, so that each turn ends without a position. */
export const BARS_A_TURN = 4;

/** What is begun on a bar: a signal, or the floor, from the same place and at the same pace. */
export type Due = Leg | 'floor' | 'nothing';

/** @param closeTime the last millisecond of the bar, as venues give it. */
export function dueOn(closeTime: number, pace: Pace): Due {
  const { isFilled, hasSignals } = PACES[pace];
  if (!hasSignals) return 'nothing';
  const bar = Math.floor(closeTime / BAR_MS);
  if (Math.floor(bar / BARS_A_TURN) % 2 === 1) return 'floor';
  return bar % 2 === 0 || !isFilled ? 'open' : 'close';
}

/** Whether this instrument has bars at that pace. What it had before, which a worker reads at its start, is no reason for a signal. */
export const hasBars = (instrument: string, pace: Pace): boolean => INSTRUMENTS.indexOf(instrument) < PACES[pace].instruments;

/** How long after its close a bar's frame leaves, so that frames leave one by one. */
export function delayOf(instrument: string, pace: Pace): number {
  return (INSTRUMENTS.indexOf(instrument) * BAR_MS) / PACES[pace].instruments;
}
