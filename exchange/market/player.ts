import type { Tape, TapeBar } from './tape.js';

/** One print of the tape. */
export interface TapeTick {
  readonly tape: Tape;
  readonly bar: TapeBar;
  readonly tick: number;
  readonly time: number;
}

export interface TapeListener {
  /** A print inside a bar. */
  onTick(tick: TapeTick): void;
  /** Called right after the last millisecond of the bar. */
  onBarClosed(tape: Tape, bar: TapeBar): void;
  /** All instruments have been moved to `time`. */
  onMoment(time: number): void;
}

/** After a pause (a laptop's lid) longer than this many bars the missed ones are not played one by one. */
const MOST_BARS_TO_CATCH_UP = 200;

/** Plays tapes in real time: one timer for all, set to the next tick of the wall clock. */
export class Player {
  readonly #tapes: readonly Tape[];
  readonly #listener: TapeListener;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #index = 0;
  #tick = 0;

  constructor(tapes: readonly Tape[], listener: TapeListener, now: () => number) {
    this.#tapes = tapes;
    this.#listener = listener;
    this.#now = now;
  }

  start(): void {
    const lead = this.#tapes[0] as Tape;
    const now = this.#now();
    this.#index = lead.indexAt(now);
    this.#tick = lead.tickAt(now);
    this.#play(now);
    this.#listener.onMoment(now);
    this.#advance();
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const lead = this.#tapes[0] as Tape;
    const wait = lead.timeOf(this.#index, this.#tick) - this.#now();
    this.#timer = setTimeout(() => this.#catchUp(), Math.max(0, wait));
  }

  #catchUp(): void {
    const lead = this.#tapes[0] as Tape;
    const now = this.#now();
    if (lead.indexAt(now) - this.#index > MOST_BARS_TO_CATCH_UP) {
      this.#index = lead.indexAt(now);
      this.#tick = 0;
    }
    let moved = false;
    while (lead.timeOf(this.#index, this.#tick) <= now) {
      // The frame of a closed bar leaves before anything else is worked out.
      if (this.#tick === 0) this.#closeBar(this.#index - 1);
      this.#play(lead.timeOf(this.#index, this.#tick));
      this.#advance();
      moved = true;
    }
    if (moved) this.#listener.onMoment(now);
    this.#schedule();
  }

  #closeBar(index: number): void {
    for (const tape of this.#tapes) {
      const bar = tape.bar(index);
      if (bar !== undefined) this.#listener.onBarClosed(tape, bar);
    }
  }

  #play(time: number): void {
    for (const tape of this.#tapes) {
      const bar = tape.bar(this.#index);
      if (bar !== undefined) this.#listener.onTick({ tape, bar, tick: this.#tick, time });
    }
  }

  #advance(): void {
    this.#tick += 1;
    if (this.#tick < (this.#tapes[0] as Tape).ticksPerBar) return;
    this.#tick = 0;
    this.#index += 1;
  }
}
