import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { bookFill } from '../../activities/order/evidence.js';
import { createLook } from '../../activities/reconcile/look.js';
import { feesOf, fillsOf, pnlOf } from '../../api/ledger/reports.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import type { DecimalText } from '../../core/money/index.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { disagreements } from '../support/witness.js';
import { bookOtherFee, openBenchAccount, type BenchAccount } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

const onBench = async (work: (bench: BenchAccount) => Promise<void>): Promise<void> => {
  const bench = await openBenchAccount();
  try {
    await bench.cycle();
    await work(bench);
  } finally {
    await bench.close();
  }
};

/** Tells each fill of an order a second time, under another number. */
async function tellTwice({ stack }: BenchAccount, venueOrderId: string | null, clientOrderId: string): Promise<void> {
  for (const fill of await stack.venue.reader.fillsOfOrder(INSTRUMENT, venueOrderId ?? ''))
    await bookFill(stack.dependencies, ACCOUNT, { ...fill, venueTradeId: `${fill.venueTradeId}0`, clientOrderId });
}

const openOne = async (bench: BenchAccount) => (await bench.found()).find(({ status }) => status === 'open');

it('what was taken back is in no report any more, and in the list of what was booked it is told', () =>
  onBench(async (bench) => {
    const { pool } = bench.stack.database;
    const report = async (): Promise<object> => {
      const asked = { account: ACCOUNT, day: { day: 'all', zone: 'UTC', from: 0, until: Date.now() + 86_400_000 }, now: Date.now() };
      const { fees } = await feesOf(pool, asked);
      const { total } = await pnlOf(pool, asked);
      return { fees, total, fills: (await fillsOf(pool, asked)).fills };
    };
    const { venueOrderId, clientOrderId, intentId } = await bench.buy();
    const before = await report();
    await tellTwice(bench, venueOrderId, clientOrderId);
    expect(await report()).not.toEqual(before);
    await bench.cycle();
    const found = await openOne(bench);
    expect(await bench.decide(found?.id ?? '', 'book')).toEqual({ result: 'done' });
    expect(await report()).toEqual(before);
    const { rows } = await pool.query('select sign(quantity)::integer as sign from fills where intent_id = $1 order by booking', [
      intentId,
    ]);
    expect(rows).toEqual([{ sign: 1 }, { sign: 1 }, { sign: -1 }]);
    const told = await pool.query<{ subject: string }>(`select subject from audit_events where kind = 'fill.corrected'`);
    expect(told.rows).toEqual([{ subject: 'risk-officer' }]);
    const woken = await pool.query(`select from outbox where kind = 'positionChanged' and data->>'because' = 'lateEvidence'`);
    expect(woken.rowCount).toBeGreaterThan(0);
  }));

it('one of whose units the strategy has sold some since is not taken back: they were the account’s own', () =>
  onBench(async (bench) => {
    const { venueOrderId, clientOrderId } = await bench.buy();
    await tellTwice(bench, venueOrderId, clientOrderId);
    await bench.cycle();
    const found = await openOne(bench);
    await bench.damage('update positions set quantity = quantity / 4');
    await bench.damage('update position_sums set quantity = quantity / 4');
    const before = await bench.stack.pool.query('select * from positions');
    expect(await bench.decide(found?.id ?? '', 'book')).toMatchObject({ result: 'impossible', why: expect.stringContaining('has sold') });
    expect((await bench.stack.pool.query('select * from positions')).rows).toEqual(before.rows);
    // Nor where nobody knows what is held.
    await bench.damage('update positions set quantity = quantity * 4');
    expect(await bench.decide(found?.id ?? '', 'book')).toMatchObject({ result: 'impossible', why: expect.stringContaining('rebuild') });
  }));

it('one of an order that works still is not taken back before that has ended', () =>
  onBench(async (bench) => {
    const { clientOrderId, venueOrderId, price } = await bench.rest();
    const amounts = { price, quantity: '0.001' as DecimalText, fee: '0' as DecimalText, feeAsset: 'USDT' };
    await bookFill(bench.stack.dependencies, ACCOUNT, {
      ...{ venueTradeId: '990', venueOrderId: venueOrderId ?? '', clientOrderId, instrument: INSTRUMENT, side: 'buy', ...amounts },
      ...{ liquiditySide: 'maker', eventTime: Date.now() - 1 },
    });
    await bench.cycle();
    const found = (await bench.found()).find(({ status, subject }) => status === 'open' && subject.startsWith('fill:'));
    expect(await bench.decide(found?.id ?? '', 'book')).toMatchObject({
      result: 'impossible',
      why: expect.stringContaining('works still'),
    });
  }));

it('one that the venue lists after all is told again, and stands where a person says so', () =>
  onBench(async (bench) => {
    const { pool } = bench.stack.database;
    await bench.buy();
    const { reader } = bench.stack.venue;
    let hides = true;
    const fills: typeof reader.fills = async (...asked) => (hides ? [] : reader.fills(...asked));
    const look = createLook({ ...bench.dependencies, venueOf: () => ({ ...bench.stack.venue, reader: { ...reader, fills } }) });
    const cycle = async (): Promise<string> => {
      const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
      for (let count = 1; ; count += 1) {
        const { result } = await look(run, count >= 4);
        if (result !== 'unsettled') return result;
      }
    };
    expect(await cycle()).toBe('differences');
    const unlisted = (await bench.found()).find(({ status, subject }) => status === 'open' && subject.startsWith('fill:'));
    expect(unlisted).toMatchObject({ class: 'unknown' });
    expect(await bench.decide(unlisted?.id ?? '', 'book')).toEqual({ result: 'done' });
    expect((await pool.query('select quantity::float8 from positions')).rows).toEqual([{ quantity: 0 }]);
    hides = false;
    expect(await cycle()).toBe('differences');
    const again = (await bench.found()).findLast(({ status, subject }) => status === 'open' && subject === unlisted?.subject);
    expect(again?.id).not.toBe(unlisted?.id);
    expect(await bench.decide(again?.id ?? '', 'book')).toEqual({ result: 'done' });
    expect(await verifyLedger(pool, ACCOUNT)).toMatchObject({ differences: [] });
    await bench.protect();
    expect(await disagreements(pool, ACCOUNT, bench.stack.witness())).toEqual([]);
  }));

/** The statement as a migration has defined it, under the name that it has now. */
async function decideAsIn(bench: BenchAccount, migration: string): Promise<void> {
  const text = await readFile(new URL(`../../db/migrations/${migration}.sql`, import.meta.url), 'utf8');
  const [found] = /create or replace function decide_(?:one_)?difference\(p jsonb\)[\s\S]*?\nend \$\$;/.exec(text) ?? [];
  if (found === undefined) throw new Error(`${migration} does not define it`);
  await bench.stack.database.pool.query(found.replace('function decide_difference(', 'function decide_one_difference('));
}

it.each([
  ['booked twice', 'duplicate', {}],
  ['told with another fee', 'feeDifference', { fee: '0.0005' as DecimalText }],
] as const)(
  'one %s that a decision of 0.5.0 has left where it was is found, and taken back with what was entered beside it',
  (_, what, otherwise) =>
    onBench(async (bench) => {
      const { pool } = bench.stack.database;
      await bench.buy();
      const held = async (): Promise<unknown> => (await pool.query('select quantity::text, cost::text from positions')).rows;
      const right = await held();
      if (what === 'duplicate') {
        const { rows } = await pool.query<{ id: string; client: string }>(
          'select venue_order_id as id, client_order_id as client from orders where venue_order_id is not null order by created_at limit 1',
        );
        await tellTwice(bench, rows[0]?.id ?? '', rows[0]?.client ?? '');
      } else {
        await bookOtherFee(bench, otherwise.fee);
      }
      await bench.cycle();
      const before = await openOne(bench);
      expect(before).toMatchObject({ class: what });
      await decideAsIn(bench, '20261126092000_incident_work');
      expect(await bench.decide(before?.id ?? '', 'book')).toEqual({ result: 'done' });
      await decideAsIn(bench, '20261130710000_sold_by_hand');
      // Balances are right, and the strategy holds what is not there.
      expect(await held()).not.toEqual(right);
      await bench.cycle();
      const found = await openOne(bench);
      expect(found).toMatchObject({ class: what, subject: before?.subject });
      expect(found?.id).not.toBe(before?.id);
      expect(await bench.mode()).toBe('paused');
      expect(await bench.decide(found?.id ?? '', 'book')).toEqual({ result: 'done' });
      expect(await bench.cycle()).toMatchObject({ result: 'clean' });
      expect(await held()).toEqual(right);
      expect((await pool.query('select from inventory where moved <> 0')).rowCount).toBe(0);
      expect(await verifyLedger(pool, ACCOUNT)).toMatchObject({ differences: [] });
      expect(await bench.cycle('day')).toMatchObject({ result: 'clean' });
    }),
);
