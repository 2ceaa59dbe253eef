import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import { heldOf } from '../../core/venue/held.js';
import { differenceOf } from '../../core/watch/carried.js';
import { sampleAccount, type Sample } from '../../core/watch/sample.js';
import { stepOf } from '../../core/watch/stretch.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { VENUE_ACCOUNT } from '../support/paper-account.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { bookOtherFee, KEY, openBenchAccount, type BenchAccount } from './bench-account.js';
import { cancelAtVenue, foreign } from './cases.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

const PRICE = '50000' as DecimalText;
/** So long after what went that what comes back is a deposit. */
const LATER_MS = 61_000;

/** The watch of an account over the venue's balances and the books as they are, at one price. */
class Watched {
  private readonly bench: BenchAccount;
  private aheadMs = 0;

  constructor(bench: BenchAccount) {
    this.bench = bench;
  }

  /** @param isRead whether the venue was read twice before it; else nothing was read since the last one. */
  async sample(isRead = true): Promise<Sample> {
    this.aheadMs += LATER_MS;
    for (;;) {
      const sample = await this.tried(isRead);
      if (sample !== undefined) return sample;
    }
  }

  /** Undefined: a heartbeat of the stack came in between. */
  private async tried(isRead: boolean): Promise<Sample | undefined> {
    const { stack } = this.bench;
    const watch = createWatchStore(stack.database.pool);
    const inputs = await watch.read(ACCOUNT, []);
    if (inputs === undefined) throw new Error('no such account');
    const read = differenceOf(heldOf(await stack.venue.reader.balances()), inputs.ledger);
    const last = isRead ? read : (inputs.state.external ?? read);
    const seen = {
      ...{ ...inputs, now: inputs.now + this.aheadMs, latch: 'none' as const, isReadingFresh: true },
      ...{ readings: { last, before: last }, ages: { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 } },
      prices: {
        ...{ quote: 'USDT', instruments: [INSTRUMENT], markMaxAgeMs: 1_000, unmarkedPrices: {} },
        marks: { [INSTRUMENT]: { price: PRICE, ageMs: 0 } },
      },
    };
    const losses = { dailyLossWarnRatio: 0.9, dailyLossLimitRatio: 0.95, drawdownWarnRatio: 0.9, drawdownLimitRatio: 0.95 };
    const settings = { venueUnreachableMs: 600_000, noMarketDataMs: 600_000, unmarkedPrices: {} };
    const made = sampleAccount(ACCOUNT, inputs.state, seen, { ...settings, ...losses });
    const { state, equity, figures } = made;
    const told = { quote: 'USDT', state, equity, figures, exposure: undefined, details: {}, mode: undefined, outage: undefined };
    const more = {
      audit: [],
      alerts: [],
      decidedTime: inputs.now,
      booking: inputs.booking,
      ledger: inputs.ledger,
      step: stepOf(inputs.state, made),
    };
    return (await watch.write({ account: ACCOUNT, version: inputs.version, ...told, ...more })) ? made : undefined;
  }

  /** What is told of the day and of the whole, and whether anything is unexplained. */
  async figures(
    isRead?: boolean,
  ): Promise<readonly [pnl: string | undefined, drawdown: string | undefined, unexplained: readonly string[]]> {
    const { figures, state } = await this.sample(isRead);
    return [figures?.dailyPnl, figures?.drawdownRatio.toDecimalPlaces(12).toFixed(), Object.keys(state.unexplained?.assets ?? {})];
  }
}

const onBench = async (work: (bench: BenchAccount, watched: Watched) => Promise<void>): Promise<void> => {
  const bench = await openBenchAccount();
  try {
    await bench.cycle();
    await work(bench, new Watched(bench));
  } finally {
    await bench.close();
  }
};
const GONE_LONG_AGO = `update account_watch set unexplained = jsonb_set(unexplained, '{assets,USDT,to}', to_jsonb(epoch_ms(now()) - 3600000))`;
const openOne = async (bench: BenchAccount): Promise<string> => (await bench.found()).find(({ status }) => status === 'open')?.id ?? '';

it('a fill that was booked with too small a fee is one loss: while nobody has explained it, and when it is corrected long after', () =>
  onBench(async (bench, watched) => {
    await watched.figures();
    await bench.buy();
    // Of 0.000005 BTC the books know nothing: it went, as the venue shows it.
    await bookOtherFee(bench, '-0.000005');
    const [pnl, drawdown, unexplained] = await watched.figures();
    expect(unexplained).toEqual(['BTC']);
    await bench.cycle();
    expect(await bench.decide(await openOne(bench), 'book')).toEqual({ result: 'done' });
    // Before the next reading of the venue, and after it.
    expect(await watched.figures(false)).toEqual([pnl, drawdown, []]);
    expect(await watched.figures()).toEqual([pnl, drawdown, []]);
    const { pool } = bench.stack.database;
    expect(await verifyLedger(pool, ACCOUNT)).toMatchObject({ differences: [] });
    // As 0.6.0 has measured it, the correction in the ledger, until the migration.
    await pool.query(`update account_watch set external = external - 'BTC'`);
    const migration = await readFile(new URL('../../db/migrations/20261130400000_equity_of_entries.sql', import.meta.url), 'utf8');
    await pool.query(/update account_watch w set external[^;]*;/.exec(migration)?.[0] ?? '');
    expect((await pool.query(`select external->>'BTC' as btc from account_watch`)).rows).toEqual([{ btc: '-0.000005' }]);
  }));

it('a fill that was booked with too great a fee is no loss when it is corrected', () =>
  onBench(async (bench, watched) => {
    await watched.figures();
    await bench.buy();
    await bookOtherFee(bench, '0.000005');
    const before = await watched.figures();
    await bench.cycle();
    expect(await bench.decide(await openOne(bench), 'book')).toEqual({ result: 'done' });
    // 0.000005 BTC of 50,000 that were counted as paid were not, and came from nobody.
    const [pnl = '', , unexplained] = await watched.figures(false);
    expect([pnl, unexplained, before[2]]).toEqual([text(decimal(before[0] ?? '0').plus('0.25')), [], []]);
    expect((await watched.figures())[0]).toBe(pnl);
    expect(await verifyLedger(bench.stack.database.pool, ACCOUNT)).toMatchObject({ differences: [] });
  }));

it('what another hand has sold for less than it was worth is lost once, also where it is booked as a sale of the strategy', () =>
  onBench(async (bench, watched) => {
    await bench.buy('1005');
    await watched.figures();
    const held = text((await bench.stack.dependencies.store.position(KEY)).quantity);
    const { rows } = await bench.stack.pool.query<{ id: string }>(
      `select venue_order_id as id from orders where purpose = 'stop' and final_at is null`,
    );
    cancelAtVenue(bench, rows[0]?.id ?? null);
    await foreign(bench, { side: 'sell', price: '49000', quantity: held, timeInForce: 'IOC' });
    const lost = await watched.figures();
    expect(decimal(lost[0] ?? '0').isNegative()).toBe(true);
    await bench.cycle();
    const { id = '' } = (await bench.found()).find(({ class: what, status }) => what === 'orphanOrder' && status === 'open') ?? {};
    expect(await bench.decide(id, 'book', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(await watched.figures(false)).toEqual(lost);
    expect(await watched.figures()).toEqual(lost);
    expect(await verifyLedger(bench.stack.database.pool, ACCOUNT)).toMatchObject({ differences: [] });
  }));

it('a withdrawal that happened long after something went excuses none of it', () =>
  onBench(async (bench, watched) => {
    const { pool } = bench.stack.database;
    await watched.figures();
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf('-1000'));
    const lost = await watched.figures();
    expect(lost).toEqual(['-1000', expect.any(String), ['USDT']]);
    // Of an hour ago; since then nothing more went.
    await pool.query(GONE_LONG_AGO);
    const booked = {
      movementId: randomUUID(),
      account: ACCOUNT,
      kind: 'withdrawal',
      asset: 'USDT',
      amount: '-1000',
      subject: 'reconciliation',
    };
    const of = { eventTime: Date.now() - 1_000, venueReference: 'w-1', reason: 'withdrawn' };
    const { rows } = await pool.query<{ answer: object }>('select book_movement($1::jsonb) as answer', [
      JSON.stringify({ ...booked, ...of }),
    ]);
    expect(rows[0]?.answer).toMatchObject({ kind: 'booked' });
    expect(await watched.figures(false)).toEqual(lost);
    // It goes, too.
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf('-1000'));
    expect((await watched.figures())[0]).toBe('-1000');
  }));

it('what a person decides on as the comparison found it is excused, however long after it had gone that was', () =>
  onBench(async (bench, watched) => {
    await watched.figures();
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf('-1000'));
    expect((await watched.figures())[0]).toBe('-1000');
    await bench.stack.database.pool.query(GONE_LONG_AGO);
    await bench.cycle();
    expect(await bench.decide(await openOne(bench), 'book')).toEqual({ result: 'done' });
    expect(await watched.figures(false)).toEqual(['0', '0', []]);
  }));
