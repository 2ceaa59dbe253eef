import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createControlStore } from '../../adapters/store/control-store.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { HeldRisk } from '../../adapters/store/held-risk.js';
import { MODES_BY_STRICTNESS } from '../../core/control/mode.js';
import { KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { WatchSettings } from '../../core/watch/rules.js';
import { seedCommand, seedPerson } from '../../test/support/people.js';
import { INSTRUMENT, openTradingStack, ACCOUNT, type TradingStack } from '../../test/support/trading-stack.js';
import { setWatchLimit } from '../../test/support/watch-limit.js';
import { beat } from '../../test/support/watch-heartbeat.js';
import { createOrderActivities } from '../order/index.js';
import type { MissingKill } from '../ports/watch.js';
import type { Balance, Venue, VenueReader } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import { AccountWatch, type WatchedAccount } from './account-watch.js';

const d = (value: string): DecimalText => value as DecimalText;
const SETTINGS: WatchSettings = {
  venueUnreachableMs: 120_000,
  noMarketDataMs: 300_000,
  unmarkedPrices: { BNB: d('500') },
};
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const LIMIT = { timeout: 30_000, interval: 50 };

describe('the account watch, on a real ledger', () => {
  let stack: TradingStack;
  let pool: ReturnType<typeof openPool>;
  let halts: HaltStore;
  let balances: () => Promise<readonly Balance[]>;
  let price: string;
  const watches: AccountWatch[] = [];

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.database.pool.query<Row>(text, values)).rows;
  const held = (more: Record<string, string> = {}): readonly Balance[] =>
    Object.entries({ USDT: '100000', BTC: '2', BNB: '10', ...more }).map(([asset, free]) => ({ asset, free: d(free), locked: d('0') }));

  beforeAll(async () => {
    stack = await openTradingStack();
    pool = openPool(stack.database.url, { applicationName: 'test' });
    halts = openHaltStore(stack.database.url);
    // The stand-in has done its part: from here on the account is watched, or it is not.
    await stack.ledger.stopBeating();
  });
  afterAll(async () => {
    await pool?.end();
    await halts?.close();
    await stack?.close();
  });
  beforeEach(async () => {
    balances = async () => held();
    price = '50000';
    [killed, missed, killsUntilStopped, stopping, warnings] = [[], [], false, undefined, []];
    await query(`delete from account_watch`);
    await query(`delete from kills`);
    await query(`delete from account_watch_samples`);
    await query(`update control set mode = 'normal'`);
  });
  afterEach(async () => {
    await Promise.all(watches.splice(0).map((watch) => watch.close()));
    await query(`update latches set released_at = now() where released_at is null`);
  });

  /** What a watch has done without Temporal. */
  let killsUntilStopped = false;
  let killed: string[] = [];
  let missed: MissingKill[] = [];
  let warnings: string[] = [];
  /** What the kill here is ended by; aborted when somebody else carries it out. */
  let stopping: AbortSignal | undefined;
  const kill = async (account: string, missing: MissingKill, signal: AbortSignal): Promise<void> => {
    killed.push(account);
    missed.push(missing);
    if (killsUntilStopped) {
      stopping = signal;
      await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
      return;
    }
    await query(`insert into kills (account, phase, state) values ($1, 'running', '{}')`, account);
  };

  /** A guardian's watch, at a venue whose balances and prices the test gives. */
  const watch = (more: Partial<WatchedAccount> = {}, clock: () => number = Date.now): AccountWatch => {
    const reader: VenueReader = new Proxy(stack.venue.reader, {
      get: (target, key: keyof VenueReader) => (key === 'balances' ? () => balances() : target[key]),
    });
    const live = new StreamedMarket(clock);
    const streams: Venue['streams'] = {
      ...stack.venue.streams,
      watchBars: (_, handlers, signal) =>
        new Promise((resolve) => {
          const timer = setInterval(() => handlers.onPrice(INSTRUMENT, d(price), { seenTime: clock() }), 50);
          signal.addEventListener('abort', () => (clearInterval(timer), resolve()), { once: true });
        }),
    };
    const one = new AccountWatch(
      {
        ...{ store: createWatchStore(pool), halt: halts, kill, bars: stack.ledger.bars, live, clock },
        ...{ watchersOf: () => 1, tellNeed: () => undefined },
        log: { warn: (_, message) => void warnings.push(message) },
      },
      {
        ...{
          account: ACCOUNT,
          venueName: 'paper',
          venue: { ...stack.venue, reader, streams },
          quote: 'USDT',
          markMaxAgeMs: 3_000,
          settings: SETTINGS,
        },
        ...{ instruments: [{ instrument: INSTRUMENT, intervalMs: 1_000 }], ...more },
      },
    );
    watches.push(one);
    return one;
  };
  const sample = async () =>
    (
      await query<{ version: string; equity: string | null; peak: string; daily_pnl: string; drawdown_ratio: string; details: object }>(
        'select version, equity, peak, daily_pnl, drawdown_ratio, details from account_watch',
      )
    )[0];
  const until = (condition: () => Promise<unknown>): Promise<unknown> => vi.waitFor(condition, LIMIT);
  const worth = (equity: string | null): Promise<unknown> => until(async () => expect((await sample())?.equity ?? null).toBe(equity));
  const modes = () =>
    query<{ subject: string; data: { mode: string } }>(`select subject, data from audit_events where kind = 'mode.changed'`);
  const modeNow = async (): Promise<string> => (await query<{ mode: string }>('select mode from control'))[0]?.mode ?? '';

  it('samples each second what the account is worth, and keeps peak and opening over a restart', async () => {
    const first = watch();
    await worth('205000');
    expect(await sample()).toMatchObject({
      peak: '205000',
      daily_pnl: '0',
      details: { openOrders: 0, unmarked: [{ asset: 'BNB', quantity: '10', value: '5000' }], withoutMark: [] },
    });
    price = '51000';
    await worth('207000');
    await first.close();
    price = '50500';
    watch();
    await worth('206000');
    expect(await sample()).toMatchObject({ peak: '207000', daily_pnl: '1000' });
    const [history] = await query<{ n: number }>('select count(*)::int as n from account_watch_samples');
    expect(history?.n).toBeGreaterThan(2);
    const [snapshot] = await query('select quote, balances from account_snapshots');
    expect(snapshot).toMatchObject({ quote: 'USDT', balances: { USDT: '100000', BTC: '2', BNB: '10' } });
  });

  it('a restart with another configuration is neither a loss nor a gain, and is told', async () => {
    const first = watch();
    await worth('205000');
    await first.close();
    // The strategy that traded BTC is gone from the file, and nothing else is traded.
    const second = watch({ instruments: [], quote: undefined });
    await worth('105000');
    expect(await sample()).toMatchObject({ peak: '105000', daily_pnl: '0', drawdown_ratio: '0' });
    const told = () => query<{ kind: string; severity: string; summary: string }>(`select * from alerts where kind = 'watch.repriced'`);
    expect(await told()).toMatchObject([{ severity: 'warning', summary: expect.stringContaining('BTC') }]);
    const [event] = await query<{ data: object }>(`select data from audit_events where kind = 'watch.repriced'`);
    expect(event?.data).toMatchObject({ quote: 'USDT', was: 'USDT', assets: ['BTC'], amount: '-100000' });
    await second.close();
    price = '40000';
    watch();
    await worth('185000');
    // It goes on from its last mark: what it has fallen since is a loss.
    expect(await sample()).toMatchObject({ peak: '205000', daily_pnl: '-20000' });
    expect(await query('select 1 from latches where released_at is null')).toEqual([]);
  });

  it('what a position is in stays marked, whatever the configuration says', async () => {
    const first = watch();
    await worth('205000');
    await first.close();
    await query(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ($1, 'gone', $2, 1, 50000, 0)`,
      ACCOUNT,
      INSTRUMENT,
    );
    try {
      price = '51000';
      watch({ instruments: [], quote: undefined });
      await worth('207000');
      expect(await sample()).toMatchObject({ peak: '207000', daily_pnl: '2000' });
    } finally {
      await query(`delete from positions where strategy = 'gone'`);
    }
  });

  it('an asset that cannot be marked by either quote asset does not look like a loss', async () => {
    const first = watch();
    await worth('205000');
    await first.close();
    watch({ quote: 'USDC', instruments: [{ instrument: 'ETH/USDC', intervalMs: 1_000 }] });
    // BNB alone has a price, by the rule: what it says is a share of what was there.
    await worth('5000');
    expect(await sample()).toMatchObject({ peak: '5000', daily_pnl: '0', drawdown_ratio: '0' });
    const told = await query(`select severity from alerts where alert_key like '%repriced:USDT-USDC%'`);
    expect(told).toEqual([{ severity: 'error' }]);
    expect(await query('select 1 from latches where released_at is null')).toEqual([]);
  });

  it('P26: its heartbeat is in the gate’s view, also in the one that is held, and entries wait without it', async () => {
    const risk = await HeldRisk.open({
      ...{ pool, url: stack.database.url, applicationName: 'watch-test', accounts: [ACCOUNT], log: { warn: () => undefined } },
      store: { readRisk: () => Promise.reject(new Error('the view is held')) },
    });
    try {
      expect((await risk.read(KEY)).watch).toBeUndefined();
      const one = watch();
      await until(async () => expect((await risk.read(KEY)).watch?.equityTime).toBeDefined());
      const before = (await risk.read(KEY)).watch?.sampledTime ?? 0;
      await until(async () => expect((await risk.read(KEY)).watch?.sampledTime).toBeGreaterThan(before));
      // Told with the times that the database has, and nothing is read for it.
      const told = (await risk.read(KEY)).watch;
      expect(told?.equityTime).toBe(told?.sampledTime);
      await one.close();
      // What it wrote last is told a moment later.
      const { watch: last } = await stack.dependencies.store.readRisk(KEY);
      await until(async () => expect((await risk.read(KEY)).watch).toEqual(last));
      await until(async () => {
        const { databaseTime, watch: at } = await risk.read(KEY);
        expect(databaseTime - (at?.sampledTime ?? 0)).toBeGreaterThan(1_000);
      });
      expect((await risk.read(KEY)).watch).toEqual(last);
      await query(`update account_watch set sampled_at = sampled_at - interval '6 seconds'`);
      const steps = createOrderActivities(stack.dependencies);
      const verdict = await steps.authorise(stack.signal('open', 1_000));
      expect(JSON.stringify(verdict)).toContain('RISK_WATCH_SILENT');
      expect(await query('select outcome from signals')).toEqual([{ outcome: 'notTraded' }]);
    } finally {
      await risk.close();
    }
  });

  it('a daily loss beyond the limit, confirmed, lets the account only reduce; two guardians do it once', async () => {
    const before = (await modes()).length;
    watch();
    await worth('205000');
    watch();
    price = '46800';
    await until(async () => expect(await modeNow()).toBe('reduceOnly'));
    await worth('198600');
    const [change, ...others] = (await modes()).slice(before);
    expect(change).toMatchObject({ subject: 'watch', data: { mode: 'reduceOnly', was: 'normal' } });
    expect(others).toEqual([]);
    const alerts = await query(`select severity, kind, times from alerts where kind like 'watch.daily%' order by kind desc`);
    expect(alerts).toEqual([
      { severity: 'warning', kind: 'watch.dailyLossWarn', times: 1 },
      { severity: 'error', kind: 'watch.dailyLossLimit', times: 1 },
    ]);
  });

  it('a person whose resume it takes back at once is told so', async () => {
    watch();
    await worth('205000');
    price = '46800';
    await until(async () => expect(await modeNow()).toBe('reduceOnly'));
    const overruled = () => query<{ summary: string }>(`select severity, summary, times from alerts where kind = 'mode.overruled'`);
    expect(await overruled()).toEqual([]);
    await seedPerson(pool, 'tess', ['operator']);
    const resume = async () => {
      const commandId = await seedCommand(pool, { account: ACCOUNT, kind: 'resume', subject: 'tess' });
      return createControlStore(pool).applyModeCommand({ account: ACCOUNT, commandId, kind: 'resume', mode: 'normal' });
    };
    expect(await resume()).toEqual({ kind: 'lossStands', found: expect.stringMatching(/^3\.\d+ %$/) as string });
    // What has gone for a moment lets it through.
    await query(`update account_watch set runs = runs - 'dailyLossLimit', version = version + 1`);
    expect(await resume()).toMatchObject({ kind: 'applied', mode: 'normal' });
    await until(async () => expect(await overruled()).toHaveLength(1));
    expect(await modeNow()).toBe('reduceOnly');
    const [told] = await overruled();
    expect(told).toMatchObject({ severity: 'warning', times: 1 });
    expect(told?.summary).toMatch(
      /^tess let .* do more, and the account watch has set it to reduceOnly again at once: .* lost 3\.\d+ % today/,
    );
  });

  it('an account that trades and holds nothing misses no market data', async () => {
    const began = Date.now();
    const idle = { instruments: [], quote: undefined, settings: { ...SETTINGS, noMarketDataMs: 1_000 } };
    watch(idle);
    const looked = async (): Promise<void> => expect((await sample())?.equity).toEqual(expect.any(String));
    await until(looked);
    await until(async () => expect(Date.now() - began).toBeGreaterThan(3_000));
    const version = Number((await sample())?.version);
    await until(async () => expect(Number((await sample())?.version)).toBeGreaterThan(version + 1));
    expect(await modeNow()).toBe('normal');
    expect(await query(`select kind from alerts where kind = 'watch.noMarketData'`)).toEqual([]);
  });

  it('P26: a drawdown beyond the limit writes the latch itself, at once and once', async () => {
    watch();
    await worth('205000');
    watch();
    price = '34000';
    await until(async () => expect(await query('select subject from latches where released_at is null')).toEqual([{ subject: 'watch' }]));
    const version = Number((await sample())?.version);
    await until(async () => expect(Number((await sample())?.version)).toBeGreaterThan(version + 2));
    expect(await query(`select 1 from latches`)).toHaveLength(1);
    // Nobody carries it out here: after five seconds the watch does, once. Both guardians may look in the same moment.
    await query(`update latches set engaged_at = engaged_at - interval '5 seconds'`);
    await until(async () => expect(killed).toContain(ACCOUNT));
    const moreSamples = async (): Promise<unknown> => {
      const later = Number((await sample())?.version);
      return until(async () => expect(Number((await sample())?.version)).toBeGreaterThan(later + 3));
    };
    await moreSamples();
    expect(killed.length).toBeLessThanOrEqual(2);
    const begun = [...killed];
    await moreSamples();
    expect(killed).toEqual(begun);
    expect(await query(`select severity from alerts where kind = 'watch.drawdownLimit'`)).toEqual([{ severity: 'critical' }]);
    // Two people have released it: the peak begins where the account is.
    await query('update latches set released_at = now()');
    await until(async () => expect(await sample()).toMatchObject({ peak: (await sample())?.equity, drawdown_ratio: '0' }));
    expect(await query(`select 1 from latches where released_at is null`)).toEqual([]);
  });

  it('P26: a halt that stood already is carried out too, where no kill has told anything since', async () => {
    const underKey = await seedPerson(stack.database.pool, 'ida', ['trader']);
    const { latchId } = await halts.latch(
      { scope: 'account', scopeValue: ACCOUNT },
      { subject: 'ida', underKey, reason: 'of before', policy: 'none' },
    );
    await query(
      `update latches set engaged_at = now() - interval '1 hour', called_at = now() - interval '1 hour' where latch_id = $1`,
      latchId,
    );
    await query(
      `insert into kills (account, phase, state, updated_at) values ($1, 'verified', '{}', now() - interval '1 minute')`,
      ACCOUNT,
    );
    await setWatchLimit(pool, 'killPolicy', 'atOnce');
    watch();
    await worth('205000');
    price = '34000';
    const calledAgain = `select policy from latches where latch_id = $1 and called_at > now() - interval '1 minute'`;
    await until(async () => expect(await query(calledAgain, latchId)).toEqual([{ policy: 'atOnce' }]));
    expect(killed).toEqual([]);
    await query(`update latches set called_at = called_at - interval '5 seconds' where latch_id = $1`, latchId);
    await until(async () => expect(killed).toContain(ACCOUNT));
    // Done here, and due again: it is done again, and not said again.
    await query('delete from kills');
    await until(async () => expect(killed.length).toBeGreaterThan(1));
    expect([missed.at(-1)?.of, warnings.filter((one) => one.includes('it is done here')).length]).toEqual([latchId, 1]);
    await setWatchLimit(pool, 'killPolicy', null);
  });

  it('P26: a person’s halt that nobody carries out is carried out, in its scope, until somebody does', async () => {
    killsUntilStopped = true;
    const person = await seedPerson(stack.database.pool, 'hal', ['trader']);
    const { latchId } = await halts.latch(
      { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT },
      { subject: 'hal', underKey: person, reason: 'it looks wrong', policy: 'none' },
    );
    watch();
    await worth('205000');
    expect(killed).toEqual([]);
    await query(`update latches set engaged_at = now() - interval '5 seconds', called_at = now() - interval '5 seconds'`);
    await until(async () => expect(missed).toMatchObject([{ scope: 'strategy' }]));
    const [latch] = await query<{ ms: string }>('select epoch_ms(called_at) as ms from latches where latch_id = $1', latchId);
    expect(missed[0]?.since).toBe(Number(latch?.ms));
    expect(stopping?.aborted).toBe(false);
    // The workflow has begun: then it is its.
    await query(`insert into kills (account, phase, state) values ($1, 'running', '{}')`, ACCOUNT);
    await until(async () => expect(stopping?.aborted).toBe(true));
    expect(killed).toHaveLength(1);
    // It says nothing for two minutes: Temporal may be away again. A wider one stands meanwhile.
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, { subject: 'hal', underKey: person, reason: 'all of it', policy: 'none' });
    await query(`update latches set engaged_at = now() - interval '1 hour', called_at = now() - interval '1 hour'`);
    await query(`update kills set updated_at = now() - interval '121 seconds'`);
    await until(async () => expect(missed.at(-1)).toMatchObject({ scope: 'account' }));
    const [told] = await query<{ ms: string }>('select epoch_ms(updated_at) as ms from kills');
    expect(missed.at(-1)?.since).toBe(Number(told?.ms));
    await query('update latches set released_at = now()');
    await until(async () => expect(stopping?.aborted).toBe(true));
  });

  it('a deposit is no profit, and a fill that is booked between two readings is seen before the next one', async () => {
    let aheadMs = 0;
    watch({}, () => Date.now() + aheadMs);
    await worth('205000');
    let readings = 0;
    balances = async () => ((readings += 1), held({ USDT: '150000' }));
    for (const wanted of [1, 2]) {
      aheadMs += 6_000;
      await until(async () => expect(readings).toBeGreaterThanOrEqual(wanted));
    }
    await worth('255000');
    expect(await sample()).toMatchObject({ peak: '255000', daily_pnl: '0' });
    expect(await query(`select data->>'amount' as amount from audit_events where kind = 'watch.flow'`)).toEqual([{ amount: '50000' }]);
    // The ledger books what the venue has not been asked about yet.
    balances = () => new Promise(() => undefined);
    await query(
      `insert into ledger_balances (account, asset, quantity) values ($1, 'USDT', -100) on conflict (account, asset) do update set quantity = -100`,
      ACCOUNT,
    );
    await worth('254900');
    expect(await sample()).toMatchObject({ daily_pnl: '-100' });
    await query('delete from ledger_balances');
  });

  it('a venue that does not answer leaves the equity unknown, which is no loss; for too long it pauses', async () => {
    let aheadMs = 0;
    watch({}, () => Date.now() + aheadMs);
    await worth('205000');
    balances = () => Promise.reject(new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'balances', detail: 'gone' }));
    aheadMs = 10_000;
    await worth(null);
    expect(await modeNow()).toBe('normal');
    // As if it had been so for long: nobody may have looked away meanwhile, so the run is moved, not the clock.
    await query(`update account_watch set runs = jsonb_set(runs, '{equityUnknown,since}', to_jsonb((runs->'equityUnknown'->>'since')::bigint - 16000)),
      version = version + 1`);
    await until(async () => expect(await modeNow()).toBe('paused'));
    expect(await query('select 1 from latches where released_at is null')).toEqual([]);
    const { watch: heartbeat } = await stack.dependencies.store.readRisk(KEY);
    expect(heartbeat?.sampledTime).toBeGreaterThan(heartbeat?.equityTime ?? 0);
    // A stricter mode stays; what the watch asks for later does not loosen it.
    price = '46800';
    balances = async () => held();
    await worth('198600');
    const version = Number((await sample())?.version);
    await until(async () => expect(Number((await sample())?.version)).toBeGreaterThan(version + 3));
    expect(await modeNow()).toBe('paused');
  });

  it('a guardian that is cut off alone stops nobody', async () => {
    watch();
    await worth('205000');
    // The other one has asked for an hour, and not heard of the venue.
    Object.defineProperties(watch()['sight'], { lookingMs: { value: 3_600_000 }, answeredMs: { value: undefined } });
    balances = () => Promise.reject(new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'balances', detail: 'gone' }));
    const version = Number((await sample())?.version);
    await until(async () => expect(Number((await sample())?.version)).toBeGreaterThan(version + 6));
    expect(await modeNow()).toBe('normal');
    expect(await query(`select 1 from alerts where kind = 'watch.venueUnreachable'`)).toEqual([]);
  });

  it('after an hour’s sleep the venue is not taken for away, though it does not answer at once', async () => {
    let aheadMs = 0;
    watch({}, () => Date.now() + aheadMs);
    await worth('205000');
    balances = () => Promise.reject(new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'balances', detail: 'no network yet' }));
    // In the middle of a sample: what it has asked the database for before is answered after the sleep.
    const blocked = await stack.database.pool.connect();
    await blocked.query('begin; lock table account_watch in access exclusive mode');
    await until(async () => {
      const waiting = await query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`);
      expect(waiting).not.toEqual([]);
    });
    aheadMs = 3_600_000;
    await blocked.query('commit');
    blocked.release();
    await worth(null);
    const version = Number((await sample())?.version);
    await until(async () => expect(Number((await sample())?.version)).toBeGreaterThan(version + 2));
    expect(await modeNow()).toBe('normal');
    balances = async () => held();
    await worth('205000');
    expect(await query(`select 1 from alerts where kind = 'watch.venueUnreachable'`)).toEqual([]);
  });

  it('modes have the same order in the database: each is left for a stricter one only', async () => {
    for (const [rank, from] of MODES_BY_STRICTNESS.entries()) {
      for (const [wanted, to] of MODES_BY_STRICTNESS.entries()) {
        await query('update control set mode = $1', from);
        const rows = await query('select tighten_mode($1, $2, $3) as tightened', ACCOUNT, to, 'a test');
        expect({ from, to, rows }).toEqual({ from, to, rows: [{ tightened: wanted > rank }] });
      }
    }
  });

  it('the heartbeat that stands in for a watch in other tests is one', async () => {
    const stop = await beat(pool, ACCOUNT);
    const { watch: heartbeat } = await stack.dependencies.store.readRisk(KEY);
    expect(heartbeat?.equityTime).toBeDefined();
    await stop();
  });

  it('one that stands still again and again keeps no venue from counting as lost with its neighbour', async () => {
    watch({ settings: { ...SETTINGS, venueUnreachableMs: 2_000 } });
    await worth('205000');
    balances = () => Promise.reject(new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'balances', detail: 'gone' }));
    // As if it had only just woken up, at each of its samples.
    Object.defineProperty(watch({ settings: { ...SETTINGS, venueUnreachableMs: 2_000 } })['sight'], 'lookingMs', { value: 0 });
    await until(async () => expect(await modeNow()).toBe('paused'));
    expect(await query('select causes from outages')).toEqual([{ causes: ['venueUnreachable'] }]);
  });
});
