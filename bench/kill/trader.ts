import type { Pool } from 'pg';
import { createOrderActivities, type OrderActivities } from '../../activities/order/index.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { MARKET, type ExecutionPolicy } from '../../core/execution/policy.js';
import { decimalTextOf } from '../../core/money/index.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { INSTRUMENT, PRICE, type Lane } from './lane.js';
import { until } from './until.js';

/** A strategy works one order of an instrument at a time: each resting order is another's. */
const MOST_RESTING = 100;
const MOST_HELD = 4;
const holding = (count: number): string => `hold-${count}`;
const resting = (count: number): string => `rest-${count}`;
/** Every strategy that the trader acts for. */
export const STRATEGIES: readonly string[] = [
  ...Array.from({ length: MOST_HELD }, (_, count) => holding(count)),
  ...Array.from({ length: MOST_RESTING }, (_, count) => resting(count)),
];
export const VERSION = '1';
const VALID_MS = 60_000;
/** An entry that rests 1 % under the price. */
const RESTING: ExecutionPolicy = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 3_600_000 };
const RESTING_NOTIONAL = 100;

/** Fills the books by the steps of orders as they are, from this process. */
export class Trader {
  private readonly steps: OrderActivities;
  private readonly market = new StreamedMarket(Date.now);
  private readonly pool: Pool;
  private readonly wanted = new Map<string, { readonly notional: number; readonly execution: ExecutionPolicy }>();
  private bars = 0;

  constructor(options: { readonly pool: Pool; readonly lanes: readonly Lane[]; readonly instanceId: string; readonly epoch: number }) {
    const { pool, lanes, instanceId, epoch } = options;
    const store = createOrderStore(pool);
    const laneOf = (account: string): Lane => {
      const lane = lanes.find((one) => one.account === account);
      if (lane === undefined) throw new Error(`there is no account ${account}`);
      return lane;
    };
    this.pool = pool;
    this.steps = createOrderActivities({
      ...{ store, instanceId, epoch, live: this.market, risk: { read: (key) => store.readRisk(key) } },
      venueOf: (account) => laneOf(account).venue,
      entriesOf: (account) => {
        const { notional = RESTING_NOTIONAL, execution = RESTING } = this.wanted.get(account) ?? {};
        return { sizing: { kind: 'fixedNotional', notional: decimalTextOf(String(notional)) }, execution };
      },
    });
  }

  /** Buys for so many strategies, and waits until what is held has its stops at the venue. */
  async hold(lane: Lane, notional: number, positions = 1): Promise<void> {
    for (let count = 0; count < positions; count += 1) await this.enter(lane, holding(count), notional, MARKET);
    await until(`${lane.account} is protected`, async () => {
      const { rows } = await this.pool.query(
        `select from orders o join positions p using (account, strategy, instrument) where o.account = $1 and o.purpose = 'stop'
           and o.status = 'accepted' and o.final_at is null and o.quantity > p.quantity * 0.999`,
        [lane.account],
      );
      return rows.length === positions;
    });
  }

  /** So many entries that rest at the venue. */
  async rest(lane: Lane, orders: number): Promise<void> {
    for (let count = 0; count < orders; count += 1) await this.enter(lane, resting(count), RESTING_NOTIONAL, RESTING);
  }

  /** @throws Error when it is denied, or not taken by the venue */
  private async enter({ account, venue }: Lane, strategy: string, notional: number, execution: ExecutionPolicy): Promise<void> {
    this.market.seePrice(account, INSTRUMENT, decimalTextOf(String(PRICE)), { seenTime: Date.now() });
    this.market.seeClock(account, await venue.reader.clock());
    this.wanted.set(account, { notional, execution });
    const signal = this.signal(account, strategy);
    const authorised = await this.steps.authorise(signal);
    if (authorised.kind === 'denied') throw new Error(`${strategy} is denied: ${authorised.failures.map(({ code }) => code).join(', ')}`);
    const intentId = intentIdOf(signal);
    const { status } = await this.steps.record(intentId, await this.steps.submit(intentId, account));
    if (status !== 'accepted' && status !== 'filled' && status !== 'partiallyFilled')
      throw new Error(`an entry of ${strategy} is ${status}`);
  }

  private signal(account: string, strategy: string): TradeSignal {
    const now = Date.now();
    this.bars += 1;
    return {
      ...{ account, strategy, strategyVersion: VERSION, instrument: INSTRUMENT, leg: 'open' },
      ...{ barCloseTime: this.bars, decidedTime: now, validUntil: now + VALID_MS, referencePrice: decimalTextOf(String(PRICE)) },
      ...{ stopDistanceRatio: 0.05, features: [], reason: 'a halt is tried' },
    };
  }
}
