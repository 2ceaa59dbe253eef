import { join } from 'node:path';
import { INSTRUMENT, KEY, PRICE, SECRET, SYMBOL, VENUE_ACCOUNT } from '../../../bench/kill/lane.js';
import { Steered, steeredInstrument } from '../../../bench/kill/steered.js';
import { unitsOf } from '../../../exchange/amount/units.js';
import { serve, type Serving } from '../../../exchange/serve.js';
import { balancesOf, testInstrument, calmRows } from '../../../exchange/testing/open-venue.js';
import { Venue as PaperVenue } from '../../../exchange/venue.js';
import { readJournal } from '../../../exchange/journal/reader.js';
import type { JournalLine } from '../../../exchange/journal/record.js';
import { readWitness, type Witness } from '../../support/witness.js';

export { INSTRUMENT, KEY, PRICE, SECRET, SYMBOL, VENUE_ACCOUNT };

/** What each account holds before us. */
export const BALANCES = { USDT: '100000', BTC: '2', BNB: '10' } as const;
const UNITS_OF_ONE = unitsOf('1');
/** In which asset the venue takes its fees, by turns. */
const FEE_ASSETS = ['received', 'quote', 'BNB'] as const;

/** One account of ours at a paper venue of its own, in this process. */
export class SoakLane {
  readonly account: string;
  readonly paper: PaperVenue;
  private readonly serving: Serving;
  private readonly series: Steered;
  private readonly journalFile: string;

  private constructor(account: string, paper: PaperVenue, serving: Serving, series: Steered, journalFile: string) {
    this.account = account;
    this.paper = paper;
    this.serving = serving;
    this.series = series;
    this.journalFile = journalFile;
  }

  static async open(account: string, index: number, folder: string, now: () => number): Promise<SoakLane> {
    const journalFile = join(folder, `${account}.ndjson`);
    const series = new Steered(PRICE);
    const feeAsset = FEE_ASSETS[index % FEE_ASSETS.length] ?? 'received';
    const paper = new PaperVenue({
      instruments: [steeredInstrument(INSTRUMENT, series), testInstrument('BNB/USDT', calmRows(500))],
      intervalMs: 1_000,
      seed: 7,
      depthNotional: 20_000,
      feeRates: { maker: 100n, taker: 100n },
      rateLimits: { weightPerMinute: 1_000_000, ordersPer10Seconds: 1_000_000 },
      accounts: [
        { name: VENUE_ACCOUNT, key: KEY, secret: SECRET, balances: balancesOf(BALANCES), permissions: ['read', 'trade'], feeAsset },
      ],
      journalFile,
      now,
    });
    return new SoakLane(account, paper, await serve(paper, 0, 0), series, journalFile);
  }

  get urls(): { readonly rest: string; readonly stream: string; readonly wsApi: string } {
    const { rest, stream, wsApi } = this.serving.addresses;
    return { rest, stream, wsApi };
  }

  /** From the next bar on. */
  set price(price: number) {
    this.series.price = price;
  }

  get price(): number {
    return this.series.price;
  }

  /** Whether the venue trades at the price by now. */
  get hasArrived(): boolean {
    return this.paper.books.get(SYMBOL)?.lastPrice === unitsOf(String(this.series.price));
  }

  /** Whatever was paid for what is held: its stop is reached by the next bar. */
  fallBelowStops(): void {
    const stops = this.paper.orders.open(VENUE_ACCOUNT, SYMBOL).map(({ stopPrice }) => Number(stopPrice / UNITS_OF_ONE));
    this.price = Math.floor(Math.min(this.price, ...stops.filter((stop) => stop > 0)) * 0.99);
  }

  /** Orders that the venue shows as open. */
  get open(): number {
    return this.paper.orders.open(VENUE_ACCOUNT, SYMBOL).length;
  }

  witness(): Witness {
    return readWitness(this.journalFile, VENUE_ACCOUNT);
  }

  journal(): readonly JournalLine[] {
    const lines: JournalLine[] = [];
    readJournal(this.journalFile, (line) => lines.push(line));
    return lines;
  }

  close(): Promise<void> {
    return this.serving.close();
  }
}
