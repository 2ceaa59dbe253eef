import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { PriceColumns } from '../../core/strategy/price-columns.js';

/** A recorded series of daily bars; `dates` are ISO dates, one for each bar. */
export interface DailySeries {
  readonly dates: readonly string[];
  readonly prices: PriceColumns;
  /** SHA-256 of the file's bytes, hex. */
  readonly fileHash: string;
}

const COLUMNS = ['date', 'open', 'high', 'low', 'close'] as const;

/** The S&P 500 of 2000–2020 in the package `vega-datasets`, where it was installed. */
export function packagedSeriesPath(): string {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  return join(dirname(entry), '..', 'data', 'sp500-2000.csv');
}

/** Reads a CSV with the columns date, open, high, low, close (others are ignored). @throws Error naming the bad line. */
export function readDailySeries(path: string): DailySeries {
  const bytes = readFileSync(path);
  const [header = '', ...lines] = bytes.toString('utf8').trim().split(/\r?\n/);
  const names = header.split(',');
  const [date = 0, ...fields] = COLUMNS.map((column) => {
    const index = names.indexOf(column);
    if (index < 0) throw new Error(`${path} has no column ${column}`);
    return index;
  });
  const columns = fields.map(() => new Float64Array(lines.length));
  const dates = lines.map((line, row) => {
    const cells = line.split(',');
    fields.forEach((field, column) => {
      const value = Number(cells[field]);
      if (!(value > 0)) throw new Error(`${path}, line ${row + 2}: ${names[field]} is not a positive number`);
      columns[column]?.fill(value, row, row + 1);
    });
    return cells[date] ?? '';
  });
  const [open, high, low, close] = columns;
  if (!open || !high || !low || !close) throw new Error(`${path} has no price columns`);
  return { dates, prices: { open, high, low, close }, fileHash: createHash('sha256').update(bytes).digest('hex') };
}
