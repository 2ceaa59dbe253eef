import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { ZERO_TEXT, type DecimalText } from '../../core/money/index.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import type { WatchStore } from '../ports/watch.js';
import { StreamedMarket } from '../streams/live-market.js';
import { AccountWatch } from './account-watch.js';

const d = (value: string): DecimalText => value as DecimalText;
const LIMIT = { timeout: 30_000, interval: 50 };
/** Later than the next reading of balances. */
const READ_AGAIN_MS = 6_000;

describe('what goes from an account without a reason that its books know', () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let usdt: string;
  let price: string;
  let aheadMs: number;
  let reads: number;
  let current: AccountWatch | undefined;

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.database.pool.query<Row>(text, values)).rows;
  const until = (condition: () => Promise<unknown>): Promise<unknown> => vi.waitFor(condition, LIMIT);

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    await stack.ledger.stopBeating();
  });
  afterAll(async () => {
    await halts?.close();
    await stack?.close();
  });
  beforeEach(async () => {
    [usdt, price, aheadMs, reads] = ['100000', '50000', 0, 0];
    await query('delete from account_watch');
    await query(`update control set mode = 'normal', reconciliation_hold = null`);
  });
  afterEach(async () => {
    await current?.close();
    await query('update latches set released_at = now() where released_at is null');
  });

  const watch = (store: WatchStore = createWatchStore(stack.pool)): void => {
    const clock = (): number => Date.now() + aheadMs;
    const live = new StreamedMarket(clock);
    const held = (asset: string, free: string) => ({ asset, free: d(free), locked: ZERO_TEXT });
    const balances = async () => ((reads += 1), [held('USDT', usdt), held('BTC', '2'), held('BNB', '10')]);
    const watchBars: typeof stack.venue.streams.watchBars = async (_, handlers, signal) => {
      const timer = setInterval(() => handlers.onPrice(INSTRUMENT, d(price), { seenTime: clock() }), 20);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      clearInterval(timer);
    };
    const venue = {
      ...stack.venue,
      reader: Object.assign(Object.create(stack.venue.reader) as typeof stack.venue.reader, { balances }),
      streams: { ...stack.venue.streams, watchBars },
    };
    const quiet = { kill: () => Promise.resolve(), watchersOf: () => 1, tellNeed: () => undefined, log: { warn: () => undefined } };
    current = new AccountWatch(
      { store, halt: halts, bars: stack.ledger.bars, live, clock, ...quiet },
      {
        ...{ account: ACCOUNT, venueName: 'paper', venue, quote: 'USDT', markMaxAgeMs: 60_000 },
        instruments: [{ instrument: INSTRUMENT, intervalMs: 1_000 }],
        settings: { venueUnreachableMs: 600_000, noMarketDataMs: 600_000, unmarkedPrices: { BNB: d('500') } },
      },
    );
  };
  /** The venue is read until it has shown the same twice. */
  const settled = async (): Promise<void> => {
    for (let reading = 0; reading < 2; reading += 1) {
      const before = reads;
      aheadMs += READ_AGAIN_MS;
      await until(async () => expect(reads).toBeGreaterThan(before));
    }
  };
  const row = async (): Promise<object | undefined> =>
    (await query('select equity, daily_pnl, drawdown_ratio, latch_id from account_watch'))[0];
  const shows = (wanted: object): Promise<unknown> => until(async () => expect(await row()).toMatchObject(wanted));

  let movements = 0;
  const withdraw = async (amount: string, eventTime: number): Promise<void> => {
    movements += 1;
    const movementId = `00000000-0000-4000-8000-${String(movements).padStart(12, '0')}`;
    const booked = { movementId, account: ACCOUNT, kind: 'withdrawal', asset: 'USDT', amount };
    const said = { eventTime, venueReference: `w-${movements}`, reason: 'withdrawn', subject: 'reconciliation' };
    const [answer] = await query<{ answer: object }>('select book_movement($1::jsonb) as answer', JSON.stringify({ ...booked, ...said }));
    expect(answer?.answer).toMatchObject({ kind: 'booked' });
  };

  it('pauses and calls people, halts nothing, and is no loss any more when it is booked as withdrawn', async () => {
    watch();
    await shows({ equity: '205000' });
    usdt = '50000';
    await settled();
    await shows({ equity: '155000', daily_pnl: '-50000' });
    expect(await query('select mode from control')).toEqual([{ mode: 'paused' }]);
    expect(await query(`select severity from alerts where kind = 'watch.lossUnexplained'`)).toEqual([{ severity: 'critical' }]);
    expect(await query('select 1 from latches')).toEqual([]);
    expect(await query(`select details->'unexplained' as gone from account_watch`)).toEqual([
      { gone: [{ asset: 'USDT', quantity: '50000', worth: '50000' }] },
    ]);
    await withdraw('-50000', Date.now() - 1_000);
    await shows({ equity: '155000', daily_pnl: '0', drawdown_ratio: '0' });
    await until(async () =>
      expect(await query(`select runs, unexplained->'assets' as assets from account_watch`)).toEqual([{ runs: {}, assets: {} }]),
    );
  });

  it('is told with what each movement has taken, which one away and one back do not add up to, and with what of the withdrawals was early', async () => {
    const begun = Date.now() - 3_600_000;
    const told = async (): Promise<unknown> =>
      (await query<{ told: object }>('select moved_beside($1, $2::jsonb) as told', ACCOUNT, JSON.stringify({ went: { since: begun } })))[0]
        ?.told;
    const before = (await told()) as { given: Record<string, string>; early: Record<string, string> };
    const move = (...deltas: string[]): Promise<unknown> =>
      query(
        'select move_inventory($1, $2::jsonb)',
        ACCOUNT,
        JSON.stringify(deltas.map((delta, index) => ({ asset: 'ETH', delta, movementId: `m-${index}` }))),
      );
    await move('-0.25', '0.25');
    expect(await told()).toMatchObject({ given: { ETH: '-0.25' } });
    await move('0.5');
    await query(`select move_inventory($1, '[{"asset": "ETH", "delta": "0.25"}, {"asset": "ETH", "delta": "-0.01"}]')`, ACCOUNT);
    expect(await told()).toMatchObject({ given: { ETH: '-0.25' } });
    await withdraw('-10', begun - 121_000);
    await withdraw('-20', begun - 119_000);
    const since = (was: string | undefined, by: number): string => String(Number(was ?? '0') - by);
    expect(await told()).toMatchObject({
      given: { USDT: since(before.given['USDT'], 30) },
      early: { USDT: since(before.early['USDT'], 10) },
    });
  });

  it('is not excused by a withdrawal of the same amount that went before the first look', async () => {
    watch();
    await shows({ equity: '205000' });
    usdt = '50000';
    await settled();
    await shows({ daily_pnl: '-50000' });
    const [first] = await query<{ version: string }>('select version from account_watch');
    await withdraw('-50000', Date.now() - 3_600_000);
    await until(async () => {
      const [row] = await query<{ version: string }>('select version from account_watch');
      expect(Number(row?.version)).toBeGreaterThan(Number(first?.version) + 2);
    });
    await shows({ daily_pnl: '-50000' });
    await withdraw('-50000', Date.now() - 1_000);
    await shows({ daily_pnl: '0' });
  });

  it('P26: a halt whose own sample was lost is noted and told by the next one, and begins its run, also above the bound', async () => {
    const store = createWatchStore(stack.pool);
    let lost = 0;
    watch({
      ...store,
      write: async (sample) => {
        if (sample.state.latchId === undefined || lost > 0) return store.write(sample);
        lost += 1;
        price = '50000';
        throw new Error('the process ended here');
      },
    });
    await shows({ drawdown_ratio: '0' });
    price = '10000';
    await until(async () => expect(lost).toBe(1));
    const standing = await query<{ latch_id: string }>(`select latch_id from latches where released_at is null and subject = 'watch'`);
    expect(standing).toHaveLength(1);
    await shows({ drawdown_ratio: '0', latch_id: standing[0]?.latch_id });
    const told = `select severity from alerts where kind = 'watch.drawdownLimit'`;
    expect(await query(told)).toEqual([{ severity: 'critical' }]);
    expect(await query('select 1 from drawdown_runs where latch_id = $1', standing[0]?.latch_id)).toHaveLength(1);
    // Two people have released it: the peak begins where the account is.
    await query('update latches set released_at = now()');
    await shows({ latch_id: null });
    expect(await query(told)).toHaveLength(1);
  });
});
