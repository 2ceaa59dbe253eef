import { join } from 'node:path';
import type { Venue } from '../../activities/ports/venue.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { unitsOf } from '../../exchange/amount/units.js';
import type { FaultRule } from '../../exchange/faults/rule.js';
import { isConditional } from '../../exchange/matching/order.js';
import { serve, type Addresses, type Serving } from '../../exchange/serve.js';
import { Venue as PaperVenue } from '../../exchange/venue.js';
import { Steered, steeredInstrument } from './steered.js';

export const INSTRUMENT = 'BTC/USDT';
export const SYMBOL = 'BTCUSDT';
/** The venue's own name of our account. */
export const VENUE_ACCOUNT = 'test';
export const [KEY, SECRET] = ['kill-key', 'kill-secret'];
/** What is there before us, and never sold (P29). */
export const INVENTORY = { USDT: '100000', BTC: '2' } as const;
export const PRICE = 50_000;
const BAR_MS = 1_000;
/** Every call is answered by this. */
const DOWN: Omit<FaultRule, 'id'> = {
  ...{ fault: 'refuse', after: 0, times: 0, probability: 1, seed: 1, until: undefined, delayMs: 0, percent: 0 },
  ...{ status: 503, code: -1, message: 'down', body: undefined, retryAfterSeconds: undefined },
};

/** One account of ours at a paper venue of its own, in this process, and our own connection to it. */
export class Lane {
  readonly account: string;
  readonly paper: PaperVenue;
  readonly venue: Venue;
  readonly journalFile: string;
  readonly addresses: Addresses;
  private readonly serving: Serving;
  private readonly series: Steered;

  private constructor(account: string, parts: Pick<Lane, 'paper' | 'venue' | 'journalFile'> & { serving: Serving; series: Steered }) {
    this.account = account;
    this.paper = parts.paper;
    this.venue = parts.venue;
    this.journalFile = parts.journalFile;
    this.serving = parts.serving;
    this.series = parts.series;
    this.addresses = parts.serving.addresses;
  }

  static async open(account: string, folder: string): Promise<Lane> {
    const journalFile = join(folder, `${account}.ndjson`);
    const series = new Steered(PRICE);
    const balances = new Map(Object.entries(INVENTORY).map(([asset, amount]) => [asset, unitsOf(amount)]));
    const paper = new PaperVenue({
      instruments: [steeredInstrument(INSTRUMENT, series)],
      intervalMs: BAR_MS,
      seed: 7,
      depthNotional: 20_000,
      feeRates: { maker: 100n, taker: 100n },
      rateLimits: { weightPerMinute: 1_000_000, ordersPer10Seconds: 1_000_000 },
      accounts: [{ name: VENUE_ACCOUNT, key: KEY, secret: SECRET, balances, permissions: ['read', 'trade'], feeAsset: 'received' }],
      journalFile,
      now: Date.now,
    });
    const serving = await serve(paper, 0, 0);
    const options = { profile: BINANCE, urls: serving.addresses, apiKey: KEY, secret: SECRET, clock: Date.now, account };
    const venue = await createVenue(options);
    return new Lane(account, { paper, venue, journalFile, serving, series });
  }

  /** From the next bar on. */
  set price(price: number) {
    this.series.price = price;
  }

  /** Whether the venue answers. */
  set isDown(isDown: boolean) {
    if (isDown) this.paper.faults.add(DOWN);
    else this.paper.faults.clear();
  }

  /** Open orders at the venue itself, stops that wait among them. */
  get open(): number {
    return this.paper.orders.open(VENUE_ACCOUNT, SYMBOL).length;
  }

  /** … and without those. */
  get working(): number {
    return this.paper.orders.open(VENUE_ACCOUNT, SYMBOL).filter(({ type }) => !isConditional(type)).length;
  }

  async close(): Promise<void> {
    await this.venue.close();
    await this.serving.close();
  }
}
