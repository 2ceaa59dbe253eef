import { existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateRows } from './generate-rows.js';
import { instrumentOf, type Instrument, type PriceOrigin } from './instrument.js';
import type { PriceRow } from './price-rows.js';
import { readPriceRows } from './read-rows.js';
import { Series, type AtEnd } from './series.js';

export interface DataSource {
  readonly file: string;
  readonly instrument: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface SimulatedSource {
  readonly instrument: string;
  readonly seed: number;
  readonly startPrice: number;
  readonly volatility: number;
}

export interface MarketSelection {
  readonly data: readonly DataSource[];
  readonly simulations: readonly SimulatedSource[];
  readonly startOffset: number;
  readonly atEnd: AtEnd;
  readonly seed: number;
}

export interface LoadedInstrument {
  readonly instrument: Instrument;
  readonly series: Series;
  /** Of everything that decides the bars: equal digests play equal bars. */
  readonly digest: string;
}

const GENERATED_BARS = 20_000;
/** Bars of a generated series that are history when it begins. */
const GENERATED_HISTORY = 1500;
const PACKAGED = { file: 'vega-datasets/data/sp500-2000.csv', instrument: 'SPX/USDT' };

/** Reads or generates all that is to be played. @throws RangeError naming the file and the problem. */
export function loadMarket(selection: MarketSelection): LoadedInstrument[] {
  const { data, simulations } = selection.data.length + selection.simulations.length > 0 ? selection : demonstration(selection.seed);
  const loaded = [...data.map((source) => recorded(source, selection)), ...simulations.map((source) => simulated(source, selection))];
  const seen = new Set<string>();
  for (const { instrument } of loaded) {
    if (seen.has(instrument.symbol)) throw new RangeError(`${instrument.name} is given twice`);
    seen.add(instrument.symbol);
  }
  return loaded;
}

function demonstration(seed: number): Pick<MarketSelection, 'data' | 'simulations'> {
  return {
    data: [{ file: packagedFile(), instrument: PACKAGED.instrument, from: undefined, to: undefined }],
    simulations: [
      { instrument: 'BTC/USDT', seed, startPrice: 60_000, volatility: 0.0012 },
      { instrument: 'ETH/USDT', seed: seed + 1, startPrice: 3000, volatility: 0.0014 },
    ],
  };
}

/** The npm package's file, wherever above this module its node_modules lies. */
function packagedFile(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, 'node_modules', PACKAGED.file);
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) throw new RangeError(`the packaged prices (${PACKAGED.file}) are not installed: run npm ci`);
  }
}

function recorded(source: DataSource, selection: MarketSelection): LoadedInstrument {
  const rows = readPriceRows(source.file);
  const name = source.instrument ?? nameInFile(source.file);
  const firstRow = rowAt(rows, source.from, 0, 'first');
  const lastRow = rowAt(rows, source.to, rows.length - 1, 'last');
  if (lastRow - firstRow < 1) throw new RangeError(`${source.file}: fewer than two rows from ${source.from} to ${source.to}`);
  return loadedInstrument(rows, { name, origin: 'recorded', source: basename(source.file), firstRow, lastRow }, selection);
}

function simulated(source: SimulatedSource, selection: MarketSelection): LoadedInstrument {
  const rows = generateRows({ ...source, bars: GENERATED_BARS });
  const description = `generator, seed ${source.seed}`;
  const window = { firstRow: GENERATED_HISTORY, lastRow: rows.length - 1 };
  return loadedInstrument(rows, { name: source.instrument, origin: 'simulated', source: description, ...window }, selection);
}

interface Chosen {
  readonly name: string;
  readonly origin: PriceOrigin;
  readonly source: string;
  readonly firstRow: number;
  readonly lastRow: number;
}

function loadedInstrument(rows: readonly PriceRow[], chosen: Chosen, selection: MarketSelection): LoadedInstrument {
  const { startOffset, atEnd, seed } = selection;
  const window = { firstRow: chosen.firstRow, lastRow: chosen.lastRow, startOffset, atEnd };
  const digest = createHash('sha256')
    .update(JSON.stringify([rows, window, chosen.name, seed]))
    .digest('hex')
    .slice(0, 16);
  const price = (rows[chosen.firstRow] as PriceRow).open;
  return { instrument: instrumentOf({ ...chosen, price }), series: new Series(rows, window), digest };
}

/** `Coinbase-BTC-USD-PT4H.json` holds BTC/USD. */
function nameInFile(file: string): string {
  const match = /(?:^|[^A-Z0-9])([A-Z0-9]{2,6})[-_/]?(USDT|USDC|USD|EUR|BTC)(?![A-Z0-9])/.exec(basename(file));
  if (match === null) throw new RangeError(`${file}: the name does not say the instrument; give FILE@BTC/USDT`);
  return `${match[1]}/${match[2]}`;
}

function rowAt(rows: readonly PriceRow[], text: string | undefined, fallback: number, which: 'first' | 'last'): number {
  if (text === undefined) return fallback;
  if (/^\d{1,9}$/.test(text)) return Math.min(rows.length - 1, Number(text));
  const begin = Date.parse(text);
  if (!Number.isFinite(begin)) throw new RangeError(`a date or a row number, not "${text}"`);
  const end = /^\d{4}-\d\d-\d\d$/.test(text) ? begin + 86_400_000 : begin + 1;
  const found = which === 'first' ? rows.findIndex((row) => row.time >= begin) : rows.findLastIndex((row) => row.time < end);
  if (found < 0) throw new RangeError(`no row ${which === 'first' ? 'from' : 'to'} ${text}`);
  return found;
}
