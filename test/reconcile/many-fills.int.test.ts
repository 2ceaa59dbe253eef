import { expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import { openDatabase, type OwnedDatabase } from '../../api/read/database.js';
import { decideDifference } from '../../api/reconciliations/decide.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { eventually } from '../support/eventually.js';
import { VENUE_ACCOUNT } from '../support/paper-account.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';
import { foreign, withdrawStop } from './cases.js';

/** More than could be booked within the time of a statement, each by itself. */
const FILLS = 1_500;
const EACH = '0.00011' as DecimalText;

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

/** @param work gets what the API asks the database by: its statements have their time. */
const onBench = async (work: (bench: BenchAccount, database: OwnedDatabase) => Promise<void>): Promise<void> => {
  const bench = await openBenchAccount();
  // One that is terminated says so.
  const database = openDatabase(bench.stack.database.url, () => undefined);
  try {
    await bench.cycle();
    await work(bench, database);
  } finally {
    await database.close();
    await bench.close();
  }
};

/** An order by another hand that meets so many small ones. @returns its difference */
async function tradedInParts(bench: BenchAccount, side: 'buy' | 'sell'): Promise<string> {
  const { paper, pool } = bench.stack;
  // Far from the market, where it meets nobody but whom it is to meet.
  const price = side === 'buy' ? '40000' : '60000';
  await foreign(bench, { side, price, quantity: text(decimal(EACH).mul(FILLS)) });
  const order = paper.orders.open(VENUE_ACCOUNT, 'BTCUSDT').find(({ clientOrderId }) => clientOrderId.startsWith('by-hand-'));
  if (order === undefined) throw new Error('the order by hand does not rest');
  for (let n = 0; n < FILLS; n += 1) paper.engine.fillByHand(order, unitsOf(EACH), paper.now());
  await bench.cycle();
  const { rows } = await pool.query<{ id: string; fills: number }>(
    `select difference_id::text as id, jsonb_array_length(evidence->'venue'->'fills') as fills from reconciliation_differences
     where class = 'orphanOrder' and status = 'open'`,
  );
  expect(rows).toMatchObject([{ fills: FILLS }]);
  return rows[0]?.id ?? '';
}

/** A decision as the API takes it. */
async function book({ stack }: BenchAccount, database: OwnedDatabase, differenceId: string, strategy?: string): Promise<void> {
  const { rows } = await stack.pool.query<{ id: string }>(`select key_id::text as id from api_keys where subject = 'risk-officer'`);
  const officer = { subject: 'risk-officer', name: 'risk-officer', roles: ['risk'], keyId: rows[0]?.id ?? '' } as const;
  await decideDifference(database, officer, { differenceId, decision: 'book', reason: 'looked into', strategy });
}

async function booksAre({ stack: { pool, database } }: BenchAccount, fills: number): Promise<void> {
  const { rows } = await pool.query(
    `select (select count(*)::integer from fills where venue_order_id = (select venue_order_id from fills group by 1 order by count(*) desc limit 1)) as fills,
       (select count(*)::integer from (select from ledger_entries group by account, asset having sum(delta) <> 0) unbalanced) as unbalanced`,
  );
  expect(rows).toEqual([{ fills, unbalanced: 0 }]);
  expect(await verifyLedger(database.pool, ACCOUNT)).toMatchObject({ differences: [] });
}

it('an order by another hand that filled in very many parts is booked, and beside it an order of ours is authorised', () =>
  onBench(async (bench, database) => {
    const { pool } = bench.stack;
    const id = await tradedInParts(bench, 'buy');
    // Else nothing may be bought before it is decided.
    await bench.damage(`update control set mode = 'normal', version = version + 1`);
    const steps = createOrderActivities(bench.stack.dependencies);
    const signal = bench.stack.signal('open', bench.nextBar());
    // As its workflow does, it is tried again where a busy machine takes longer than the time of a statement.
    const authorised = eventually(() => steps.authorise(signal), 600_000);
    const [, asked] = await Promise.all([book(bench, database, id), authorised]);
    expect(asked).toMatchObject({ kind: 'authorised' });
    await booksAre(bench, FILLS);
    const { rows } = await pool.query(
      `select (select count(*)::integer from ledger_movements where kind = 'foreignFill') as movements,
         (select count(*)::integer from audit_events where kind = 'fill.booked' and data->>'origin' = 'foreign') as told,
         (select trim_scale(moved)::text from inventory where asset = 'USDT') = (select trim_scale(-sum(price * quantity))::text from fills) as paid`,
    );
    expect(rows).toEqual([{ movements: FILLS, told: FILLS, paid: true }]);
  }));

it('one that sold what a strategy held ends that position', () =>
  onBench(async (bench, database) => {
    await bench.buy('9500');
    await withdrawStop(bench);
    const id = await tradedInParts(bench, 'sell');
    const held = async (): Promise<unknown> => (await bench.stack.pool.query('select quantity from positions')).rows[0];
    const { quantity: before } = (await held()) as { quantity: DecimalText };
    await book(bench, database, id, 'momentum');
    const { quantity: left } = (await held()) as { quantity: DecimalText };
    expect(text(decimal(before).minus(decimal(left)))).toBe(text(decimal(EACH).mul(FILLS)));
    await booksAre(bench, FILLS);
  }));

/** What a decision books in one statement. */
const PART = 200;

/** Decides to book it, and is killed when only the last part is left. */
async function killedInTheLastPart(bench: BenchAccount, database: OwnedDatabase, id: string): Promise<void> {
  const { pool } = bench.stack.database;
  const holder = await pool.connect();
  try {
    // The last part ends with its incident, after everything is booked.
    await holder.query('begin');
    await holder.query('select from incidents where closed_at is null for no key update');
    const killed = book(bench, database, id).then(
      () => 'booked',
      () => 'failed',
    );
    await vi.waitFor(
      async () => {
        const { rowCount } = await pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keelson-api' and wait_event_type = 'Lock'
             and query like 'select decide_difference%' and datname = current_database()`,
        );
        expect(rowCount).toBe(1);
      },
      { timeout: 600_000 },
    );
    expect(await killed).toBe('failed');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  const { rows } = await pool.query(`select (select count(*)::integer from fills) as fills, status from reconciliation_differences`);
  expect(rows).toEqual([{ fills: FILLS - (FILLS % PART), status: 'open' }]);
}

it('a decision that is killed between two parts has lost nothing, and is taken again', () =>
  onBench(async (bench, database) => {
    const id = await tradedInParts(bench, 'buy');
    await killedInTheLastPart(bench, database, id);
    await book(bench, database, id);
    await booksAre(bench, FILLS);
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  }));

it('what is left of it is told as another case where somebody else decides otherwise meanwhile', () =>
  onBench(async (bench, database) => {
    const id = await tradedInParts(bench, 'buy');
    await killedInTheLastPart(bench, database, id);
    expect(await bench.decide(id, 'adopt', { strategy: 'momentum' })).toMatchObject({ result: 'impossible' });
    expect(await bench.decide(id, 'reject')).toEqual({ result: 'done' });
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    const left = (await bench.found()).filter(({ status }) => status === 'open');
    expect(left).toMatchObject([{ class: 'orphanOrder' }]);
    await book(bench, database, left[0]?.id ?? '');
    await booksAre(bench, FILLS);
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  }));
