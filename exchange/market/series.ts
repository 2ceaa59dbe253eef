import { commonStepMs, type PriceRow } from './price-rows.js';

export type AtEnd = 'loop' | 'stop';

export interface SeriesWindow {
  /** First and last row played, both inclusive; rows before the first serve as history. */
  readonly firstRow: number;
  readonly lastRow: number;
  /** Row at which bar 0 is, counted from the first row of the window. */
  readonly startOffset: number;
  readonly atEnd: AtEnd;
}

export type PlayedBar = Omit<PriceRow, 'time'>;

interface Pass {
  /** Price played = factor × price, or factor ÷ price when inverted. */
  readonly factor: number;
  readonly inverted: boolean;
}

const DAY_MS = 86_400_000;
/** Past this multiple of the window's first price, a pass is played inverted instead of climbing or falling further. */
const WIDEST = 30;

/**
 * The endless sequence of bars behind an instrument: bar `index` is a function of the rows, of the window and of nothing
 * else, for negative indexes (history) as well. A missing row of an intraday recording stays a gap (`undefined`); daily
 * rows are taken one after the other, because weekends are no gaps.
 */
export class Series {
  readonly #rows: readonly PriceRow[];
  /** Slot → row, -1 for a gap. A slot is one interval of the recording. */
  readonly #slots: Int32Array;
  readonly #firstSlot: number;
  readonly #length: number;
  readonly #start: number;
  readonly #atEnd: AtEnd;
  readonly #first: PriceRow;
  readonly #last: PriceRow;
  readonly #passes: Pass[] = [{ factor: 1, inverted: false }];

  constructor(rows: readonly PriceRow[], window: SeriesWindow) {
    this.#rows = rows;
    const slotOfRow = slotsOf(rows);
    this.#slots = new Int32Array((slotOfRow[rows.length - 1] as number) + 1).fill(-1);
    for (const [row, slot] of slotOfRow.entries()) this.#slots[slot] = row;
    this.#first = rows[window.firstRow] as PriceRow;
    this.#last = rows[window.lastRow] as PriceRow;
    this.#firstSlot = slotOfRow[window.firstRow] as number;
    this.#length = (slotOfRow[window.lastRow] as number) - this.#firstSlot + 1;
    const startRow = window.firstRow + (window.startOffset % (window.lastRow - window.firstRow + 1));
    this.#start = (slotOfRow[startRow] as number) - this.#firstSlot;
    this.#atEnd = window.atEnd;
  }

  /** Bar 0 is the first one played. `undefined`: a gap of the recording, or nothing after its end. */
  bar(index: number): PlayedBar | undefined {
    const slot = this.#start + index;
    if (slot >= 0) return slot >= this.#length && this.#atEnd === 'stop' ? undefined : this.#looped(slot, 1);
    const before = this.#firstSlot + slot;
    if (before >= 0) return this.#rowAt(before, { factor: 1, inverted: false });
    return this.#looped(before, (this.#rows[0] as PriceRow).open / this.#first.open);
  }

  /** True when `--at-end stop` has been reached. */
  endsBefore(index: number): boolean {
    return this.#atEnd === 'stop' && this.#start + index >= this.#length;
  }

  #looped(slot: number, scale: number): PlayedBar | undefined {
    const pass = Math.floor(slot / this.#length);
    const { factor, inverted } = pass >= 0 ? this.#pass(pass) : this.#earlierPass(pass);
    return this.#rowAt(this.#firstSlot + slot - pass * this.#length, { factor: factor * scale, inverted });
  }

  #pass(index: number): Pass {
    while (this.#passes.length <= index) {
      const previous = this.#passes[this.#passes.length - 1] as Pass;
      const level = played(this.#last.close, previous);
      const ratio = level / this.#first.open;
      const rising = this.#last.close > this.#first.open;
      const inverted = rising ? ratio > WIDEST : ratio < 1 / WIDEST;
      this.#passes.push({ inverted, factor: inverted ? level * this.#first.open : level / this.#first.open });
    }
    return this.#passes[index] as Pass;
  }

  #earlierPass(index: number): Pass {
    return { factor: (this.#first.open / this.#last.close) ** -index, inverted: false };
  }

  #rowAt(slot: number, pass: Pass): PlayedBar | undefined {
    const row = this.#slots[slot];
    if (row === undefined || row < 0) return undefined;
    const { open, high, low, close, volume } = this.#rows[row] as PriceRow;
    return {
      open: played(open, pass),
      high: played(pass.inverted ? low : high, pass),
      low: played(pass.inverted ? high : low, pass),
      close: played(close, pass),
      volume,
    };
  }
}

function played(price: number, { factor, inverted }: Pass): number {
  return inverted ? factor / price : factor * price;
}

function slotsOf(rows: readonly PriceRow[]): number[] {
  const step = commonStepMs(rows);
  if (step >= DAY_MS || step <= 0) return rows.map((_, index) => index);
  const begin = (rows[0] as PriceRow).time;
  let previous = -1;
  return rows.map((row) => {
    previous = Math.max(previous + 1, Math.round((row.time - begin) / step));
    return previous;
  });
}
