import { decimal } from '../core/money/index.js';

/** Where a command writes, and what it reads of its surroundings. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the clone: `.keelson` and `keelson.config.json` are looked for here. */
  readonly root: string;
  /** Epoch ms. */
  readonly now: () => number;
  readonly newId: () => string;
  /** Puts a question to the person at the keyboard; absent where there is none. */
  readonly ask?: (question: string) => Promise<string>;
  out(text: string): void;
  error(text: string): void;
}

/** What a table or a line may hold: text from elsewhere must not move the cursor or recolour the screen. Its lines stand beside one another. */
export function harmless(text: string): string {
  return text
    .trimEnd()
    .replaceAll(/\s*\n\s*/g, ' | ')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '�');
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'right';
  value(row: Row): string;
}

/** A table of plain text, as wide as its widest cells; `nothing` where there are no rows. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], nothing: string): string {
  if (rows.length === 0) return `${nothing}\n`;
  const cells = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => harmless(column.value(row))))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => (line[index] ?? '').length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => (columns[index]?.align === 'right' ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Money for a table, rounded to what a person reads; `--json` has every digit. Null is a dash. */
export function moneyText(value: string | null, places = 8): string {
  return value === null ? '–' : decimal(value).toDecimalPlaces(places).toFixed();
}

/** UTC to the millisecond, without the letters: `2026-11-23 02:13:42.123`. */
export function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('T', ' ').replace('Z', '');
}

/** A time span in its largest whole unit: `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const [divisor, unit] =
    ms < 120_000 ? [1_000, 's'] : ms < 7_200_000 ? [60_000, 'min'] : ms < 172_800_000 ? [3_600_000, 'h'] : [86_400_000, 'd'];
  return `${Math.floor(ms / divisor)} ${unit}`;
}
