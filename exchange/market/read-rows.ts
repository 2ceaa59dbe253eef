import { readFileSync } from 'node:fs';
import { checkedRows, commonStepMs, type PriceRow } from './price-rows.js';

const TIME_COLUMNS = ['date', 'time', 'timestamp', 'datetime', 'opentime', 'open_time', 'start'];

/**
 * Reads recorded bars: CSV with a header that has a date or time column and open, high, low, close and (optional) volume;
 * JSON `{candles: [{start: seconds, open, …}]}`; JSON `{ohlc: [{endTime: ms, openPrice, …}]}`.
 * @throws RangeError that names the file and what was expected.
 */
export function readPriceRows(file: string): PriceRow[] {
  const content = readFileSync(file, 'utf8');
  try {
    return checkedRows(/^\s*[{[]/.test(content) ? rowsOfJson(content) : rowsOfCsv(content));
  } catch (error) {
    throw new RangeError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function rowsOfCsv(content: string): PriceRow[] {
  const lines = content.split(/\r?\n/).filter((line) => line.trim() !== '');
  const header = (lines[0] ?? '').split(',').map((name) => name.trim().toLowerCase());
  const timeColumn = header.findIndex((name) => TIME_COLUMNS.includes(name));
  const columns = ['open', 'high', 'low', 'close', 'volume'].map((name) => header.indexOf(name));
  if (timeColumn < 0 || columns.slice(0, 4).some((column) => column < 0)) {
    throw new RangeError(`the header must have date or time, open, high, low and close, not "${lines[0] ?? ''}"`);
  }
  return lines.slice(1).map((line) => {
    const cells = line.split(',');
    const [open, high, low, close, volume] = columns.map((column) => Number(cells[column] ?? 'NaN')) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return { time: timeOf(cells[timeColumn] ?? ''), open, high, low, close, volume };
  });
}

/** Epoch seconds, epoch milliseconds or an ISO date; a date without a zone is UTC. */
function timeOf(cell: string): number {
  const text = cell.trim();
  if (/^\d+$/.test(text)) return Number(text) < 100_000_000_000 ? Number(text) * 1000 : Number(text);
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) || /^\d{4}-\d\d-\d\d$/.test(text);
  return Date.parse(zoned ? text : `${text.replace(' ', 'T')}Z`);
}

function rowsOfJson(content: string): PriceRow[] {
  const document = JSON.parse(content) as Record<string, unknown>;
  if (Array.isArray(document['candles'])) {
    return (document['candles'] as Record<string, unknown>[]).map((candle) => ({
      time: Number(candle['start']) * 1000,
      open: Number(candle['open']),
      high: Number(candle['high']),
      low: Number(candle['low']),
      close: Number(candle['close']),
      volume: Number(candle['volume']),
    }));
  }
  if (!Array.isArray(document['ohlc'])) throw new RangeError('JSON must have a list "candles" or "ohlc"');
  const rows = (document['ohlc'] as Record<string, unknown>[]).map((candle) => ({
    time: Number(candle['endTime']) + 1,
    open: Number(candle['openPrice']),
    high: Number(candle['highPrice']),
    low: Number(candle['lowPrice']),
    close: Number(candle['closePrice']),
    volume: Number(candle['volume']),
  }));
  const step = commonStepMs([...rows].sort((left, right) => left.time - right.time));
  return rows.map((row) => ({ ...row, time: row.time - step }));
}
