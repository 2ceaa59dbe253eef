import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clientOrderIdOf } from '../activities/order/client-order-id.js';
import { stopIntentId } from '../core/protection/position-key.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { seedPerson } from '../test/support/people.js';

const KEY = { account: 'main', instrument: 'BTC/USDT' };
const SAW_OPEN = { status: 'open', decision: null };
const ORPHAN = {
  class: 'orphanOrder',
  subject: 'order:BTC/USDT:77',
  fingerprint: 'F1',
  treatment: 'person',
  deltas: { BTC: '1', USDT: '-100' },
  evidence: { venue: { order: null, fills: [] }, ledger: {} },
};
const DEPOSIT = {
  class: 'balanceMovement',
  subject: 'balance:USDT',
  fingerprint: '5',
  treatment: 'secondLook',
  deltas: { USDT: '5' },
  evidence: { venue: { asset: 'USDT', balance: '5' }, ledger: { asset: 'USDT', balance: '0', unexplained: '5' } },
};
type Told = Record<string, unknown>;

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
let store: TestDatabase;
let keyId: string;
beforeEach(async () => {
  store = await testDatabase();
  await store.pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await store.pool.query(`insert into control (account) values ('main')`);
  await store.pool.query(`insert into risk_state (account, limits) values ('main', '{}')`);
  keyId = await seedPerson(store.pool, 'officer', ['risk']);
});
afterEach(() => store?.drop());

async function ask<T = Record<string, unknown>>(name: string, asked: object): Promise<T> {
  const { rows } = await store.pool.query<{ answer: T }>(`select ${name}($1::jsonb) as answer`, [JSON.stringify(asked)]);
  const [row] = rows;
  if (row === undefined) throw new Error(`${name} gave no answer`);
  return row.answer;
}

/** A look that finds these changes. */
async function look(changes: readonly object[], outcome: object = {}): Promise<Record<string, unknown>> {
  const run = { runId: randomUUID(), account: 'main', scope: 'minute', owner: randomUUID(), epoch: 1, forMs: 60_000 };
  const read = { calls: 4, weight: 121, fillsRead: 0, rowsRead: 0, fillsSince: 1, cursor: 2 };
  expect(await ask('begin_reconciliation_look', run)).toMatchObject({ result: 'mine' });
  const written = await ask('write_reconciliation_look', { ...run, ...read, changes, snapshot: { venue: {}, ledger: {} } });
  expect(written).toMatchObject({ result: 'written' });
  await ask('end_reconciliation_look', { ...run, result: 'differences', lifts: [], ...outcome });
  return written;
}

/** @returns the number of the difference that was begun and is a person's. */
async function opened(difference: Told): Promise<string> {
  await look([{ kind: 'new', status: 'open', difference }]);
  const { rows } = await store.pool.query<{ id: string }>(
    'select difference_id::text as id from reconciliation_differences order by difference_id desc limit 1',
  );
  return rows[0]?.id ?? '';
}

const decide = (differenceId: string, decision: string, more: object = {}): Promise<Record<string, unknown>> =>
  ask('decide_difference', { differenceId, decision, reason: 'looked into', subject: 'officer', underKey: keyId, ...more });

async function rowOf(id: string): Promise<Record<string, unknown>> {
  const { rows } = await store.pool.query<Record<string, unknown>>(
    'select status, decision, fingerprint, evidence, incident_id from reconciliation_differences where difference_id = $1',
    [id],
  );
  return rows[0] ?? {};
}

/** An order of ours, which works unless it is final. */
async function ordered(intentId: string, venueOrderId: string, isFinal: boolean): Promise<void> {
  await store.pool.query(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
       time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, venue_order_id,
       control_version, epoch, final_at)
     values ($1, $1 || '-c', 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', $3, 'GTC', 1, 100, 0, 0, 0, 0, $2, 1, 1, $4)`,
    [intentId, venueOrderId, isFinal ? 'canceled' : 'accepted', isFinal ? new Date() : null],
  );
}

const fill = (trade: string, order: string): Record<string, unknown> => ({
  ...{ instrument: KEY.instrument, venueTradeId: trade, venueOrderId: order, side: 'buy', price: '100', quantity: '1' },
  ...{ fee: '0', feeAsset: 'USDT', liquiditySide: 'taker', eventTime: 1_000 },
});

describe('a look', () => {
  it('leaves a row as a person has decided it since the look read it', async () => {
    const id = await opened(DEPOSIT);
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
    const decided = await rowOf(id);
    const moved = { ...DEPOSIT, fingerprint: '9', evidence: { venue: {}, ledger: {} } };
    for (const change of [
      { kind: 'kept', id, saw: SAW_OPEN, difference: moved, isMoved: true },
      { kind: 'ended', id, saw: SAW_OPEN, outcome: 'settled' },
    ]) {
      expect(await look([change])).toMatchObject({ isOvertaken: true });
      expect(await rowOf(id)).toEqual(decided);
    }
    // Who has seen the decision ends it, and what still differs is another row.
    const saw = { status: 'decided', decision: 'book' };
    const after = await look([
      { kind: 'ended', id, saw, outcome: 'closed' },
      { kind: 'new', status: 'pending', difference: moved },
    ]);
    expect(after).toMatchObject({ isOvertaken: false, standing: [{ class: 'balanceMovement' }] });
    expect(await rowOf(id)).toMatchObject({ status: 'closed', decision: 'book', fingerprint: '5', evidence: DEPOSIT.evidence });
  });

  it('that opens as many as it may changes the mode once, and tells both sides once', async () => {
    const before = await store.pool.query<{ version: string }>('select version from control');
    const changes = Array.from({ length: 50 }, (_, n) => ({
      ...{
        kind: 'new',
        status: 'open',
        difference: { ...ORPHAN, subject: `order:BTC/USDT:${n}`, class: n % 2 === 0 ? 'orphanOrder' : 'unknown' },
      },
    }));
    await look(changes);
    const { rows } = await store.pool.query('select mode, version::text, reconciliation_hold from control');
    expect(rows).toMatchObject([
      {
        mode: 'paused',
        version: String(Number(before.rows[0]?.version) + 1),
        reconciliation_hold: { was: 'normal', classes: ['orphanOrder', 'unknown'] },
      },
    ]);
    const incidents = await store.pool.query<{ incident_id: string; snapshot: object }>(
      `select incident_id::text, data->'snapshot' as snapshot from incidents order by incident_id`,
    );
    const [first, ...others] = incidents.rows;
    expect(first?.snapshot).toEqual({ venue: {}, ledger: {} });
    expect(others).toHaveLength(49);
    expect(others.every(({ snapshot }) => 'incidentId' in snapshot && snapshot.incidentId === first?.incident_id)).toBe(true);
  });

  it('asks for what was traded lately, though nothing is held or active there any more', async () => {
    await ordered('i1', '1', true);
    await store.pool.query(`insert into fills values ('main', 'BTC/USDT', 't1', '1', 'i1', 'buy', 100, 1, 0, 'USDT', 'taker', $1)`, [
      Date.now() - 86_400_000,
    ]);
    const run = { runId: randomUUID(), account: 'main', scope: 'day', owner: randomUUID(), epoch: 1, forMs: 60_000 };
    expect(await ask('begin_reconciliation_look', run)).toMatchObject({ instruments: ['BTC/USDT'] });
  });

  it('knows of an order by another hand only the fills that are not booked as such', async () => {
    const incident = await opened({
      ...ORPHAN,
      evidence: { venue: { order: null, fills: [fill('t1', '77'), fill('t2', '77')] }, ledger: {} },
    });
    const { incident_id: incidentId } = await rowOf(incident);
    const movement = { movementId: randomUUID(), account: 'main', fill: fill('t1', '77'), incidentId: String(incidentId) };
    expect(await ask('book_foreign_fill', { ...movement, reason: 'by hand', subject: 'officer', underKey: keyId })).toMatchObject({
      kind: 'booked',
    });
    const asked = { account: 'main', fillsSince: 1_000_000, clientOrderIds: [], venueOrders: [], workflows: [], isFull: false };
    const { known } = await ask<{ known: object[] }>('read_reconciliation', asked);
    expect(known).toMatchObject([{ evidence: { venue: { fills: [{ venueTradeId: 't2' }] } } }]);
    expect(await decide(incident, 'book')).toMatchObject({ result: 'impossible', why: expect.stringContaining('compare again') });
  });

  it('is not kept waiting by old runs, which are dropped where nothing names them', async () => {
    const id = await opened(ORPHAN);
    await store.pool.query(
      `insert into reconciliation_runs (run_id, account, scope, result, started_at, ended_at)
       select gen_random_uuid(), 'main', 'minute', 'clean', clock_timestamp() - interval '8 days', clock_timestamp() from generate_series(1, 2100)`,
    );
    await store.pool.query(`update reconciliation_runs set result = 'clean', started_at = clock_timestamp() - interval '8 days'`);
    const prune = async (): Promise<number> =>
      (await store.pool.query<{ n: number }>(`select prune_reconciliation_runs('main') as n`)).rows[0]?.n ?? -1;
    expect([await prune(), await prune(), await prune()]).toEqual([2_000, 100, 0]);
    const left = await store.pool.query(
      'select from reconciliation_runs r join reconciliation_differences d on d.first_run = r.run_id where d.difference_id = $1',
      [id],
    );
    expect(left.rowCount).toBe(1);
    // What was not clean is kept for a month.
    await store.pool.query(
      `insert into reconciliation_runs (run_id, account, scope, result, started_at)
       select gen_random_uuid(), 'main', scope, result, clock_timestamp() - days * interval '1 day'
         from unnest(array['minute', 'day']) scope, unnest(array['differences', 'failed', 'postponed', null]) result, unnest(array[29, 31]) days`,
    );
    expect([await prune(), await prune()]).toEqual([4, 0]);
  });

  it('leaves the cursor where it got to, also behind where a clock of the venue’s that was ahead had put it', async () => {
    const cursorAfter = async (cursor: number | null): Promise<number> => {
      await look([], { cursor });
      return Number((await store.pool.query<{ cursor_time: string }>('select cursor_time from reconciliations')).rows[0]?.cursor_time);
    };
    expect(await cursorAfter(9_000_000)).toBe(9_000_000);
    expect(await cursorAfter(2_000)).toBe(2_000);
    expect(await cursorAfter(null)).toBe(2_000);
    expect(await cursorAfter(3_000)).toBe(3_000);
  });

  it('tells repairs that could not be done from those that were', async () => {
    const id = await opened(ORPHAN);
    for (const failed of ['the venue is away', null, 'the venue is away'])
      await ask('note_reconciliation_repair', { id, repair: {}, failed });
    const asked = { account: 'main', fillsSince: 1, clientOrderIds: [], venueOrders: [], workflows: [], isFull: false };
    expect(await ask('read_reconciliation', asked)).toMatchObject({ known: [{ id, repairs: 3, failedRepairs: 2 }] });
  });
});

describe('a decision', () => {
  it('to book is booked again when the same is a person’s again', async () => {
    const id = await opened(ORPHAN);
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
    const first = await store.pool.query('select from ledger_movements');
    expect(first.rowCount).toBe(2);
    await look([{ kind: 'opened', id, saw: { status: 'decided', decision: 'book' }, difference: ORPHAN }]);
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
    expect((await store.pool.query('select from ledger_movements')).rowCount).toBe(4);
  });

  it('to book what an order by another hand has filled enters its fills, as what they are', async () => {
    const told = { order: null, fills: [fill('t1', '77'), fill('t2', '77')] };
    const id = await opened({ ...ORPHAN, evidence: { venue: told, ledger: {} } });
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
    const fills = await store.pool.query(`select venue_trade_id, origin, intent_id from fills order by 1`);
    expect(fills.rows).toEqual(['t1', 't2'].map((id) => ({ venue_trade_id: id, origin: 'foreign', intent_id: null })));
    const { rows } = await store.pool.query(
      `select f.origin, e.asset, sum(e.delta)::text as moved from ledger_entries e join fills f using (movement_id)
         where e.ledger_account = 'venue' group by 1, 2 order by 2`,
    );
    expect(rows).toHaveLength(2);
  });

  it('of a fill by another hand leaves one incident: that of the difference which has it', async () => {
    const key = (trade: string): string => `foreignFill:main:BTC/USDT:${trade}:77`;
    const told = async (trade: string): Promise<unknown> =>
      ask('write_events', { incidents: [{ key: key(trade), account: 'main', kind: 'foreignFill', data: fill(trade, '77') }] });
    const open = async (): Promise<readonly string[]> =>
      (await store.pool.query<{ kind: string }>('select kind from incidents where closed_at is null order by incident_id')).rows.map(
        ({ kind }) => kind,
      );
    await told('t1');
    expect(await open()).toEqual(['foreignFill']);
    const first = { ...ORPHAN, evidence: { venue: { order: null, fills: [fill('t1', '77')] }, ledger: {} } };
    const id = await opened(first);
    expect(await open()).toEqual(['reconciliation']);
    // What the same order fills later is told at once, too, and joins it at the next look.
    await told('t2');
    expect(await open()).toEqual(['reconciliation', 'foreignFill']);
    const both = { ...first, evidence: { venue: { order: null, fills: [fill('t1', '77'), fill('t2', '77')] }, ledger: {} } };
    await look([{ kind: 'kept', id, saw: SAW_OPEN, difference: both, isMoved: true }]);
    expect(await open()).toEqual(['reconciliation']);
    const { rows } = await store.pool.query(`select subject, data->>'reason' as reason from audit_events where kind = 'incident.closed'`);
    expect(rows).toMatchObject(
      [1, 2].map(() => ({ subject: 'reconciliation', reason: expect.stringContaining(`difference ${id}`) as string })),
    );
  });

  it('to book a missed fill is refused: it is booked with its order', async () => {
    const missed = { ...ORPHAN, class: 'missedFill', subject: 'fill:BTC/USDT:t1:1', evidence: { venue: fill('t1', '1'), ledger: {} } };
    expect(await decide(await opened(missed), 'book')).toMatchObject({ result: 'impossible', why: expect.stringContaining('P15') });
    await ordered('i1', '77', false);
    const taken = { ...ORPHAN, evidence: { venue: { order: null, fills: [fill('t1', '77')] }, ledger: {} } };
    expect(await decide(await opened(taken), 'book')).toMatchObject({ result: 'impossible', why: expect.stringContaining('P15') });
  });

  it('to book an amount is refused where the books have moved since', async () => {
    const id = await opened(DEPOSIT);
    await store.pool.query(`insert into inventory (account, asset, quantity) values ('main', 'USDT', 5)`);
    expect(await decide(id, 'book')).toEqual({ result: 'impossible', why: 'the books have moved since; compare again' });
    expect((await store.pool.query('select from ledger_movements')).rowCount).toBe(0);
    const seen = { ...DEPOSIT, evidence: { ...DEPOSIT.evidence, ledger: { asset: 'USDT', balance: '5', unexplained: '5' } } };
    await look([{ kind: 'kept', id, saw: SAW_OPEN, difference: seen, isMoved: false }]);
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
  });

  it('to adopt is refused where a fill of the order is booked', async () => {
    const order = { instrument: KEY.instrument, venueOrderId: '77', clientOrderId: 'by-hand', side: 'buy', quantity: '2', price: '100' };
    const id = await opened({ ...ORPHAN, evidence: { venue: { order, fills: [fill('t1', '77')] }, ledger: {} } });
    expect(await decide(id, 'book')).toEqual({ result: 'done' });
    await look([
      { kind: 'ended', id, saw: { status: 'decided', decision: 'book' }, outcome: 'closed' },
      { kind: 'new', status: 'open', difference: { ...ORPHAN, deltas: {}, evidence: { venue: { order, fills: [] }, ledger: {} } } },
    ]);
    expect(await decide(String(Number(id) + 1), 'adopt', { strategy: 'momentum' })).toMatchObject({
      result: 'impossible',
      why: expect.stringContaining('booked already'),
    });
  });

  it('to adopt a sale is refused, unless it is a stop of ours that waits: that becomes the stop it was', async () => {
    const { pool } = store;
    const rules = { base: 'BTC', quote: 'USDT', stepSize: '0.001', minQuantity: '0.001', minNotional: '5' };
    await pool.query(`insert into instruments (venue, instrument, rules) values ('paper', 'BTC/USDT', $1)`, [JSON.stringify(rules)]);
    await pool.query(`insert into active_strategies (account, strategy, instrument, version) values ('main', 'momentum', 'BTC/USDT', '1')`);
    await pool.query(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('main', 'momentum', 'BTC/USDT', 1, 100, 0)`,
    );
    await pool.query(`insert into position_sums values ('main', 'momentum', 'BTC/USDT', 1)`);
    const { rows } = await pool.query<{ id: string }>('select instance_id::text as id from instance');
    const name = clientOrderIdOf(rows[0]?.id ?? '', stopIntentId({ ...KEY, strategy: 'momentum' }, 7));
    const STOP = {
      instrument: KEY.instrument,
      side: 'sell',
      quantity: '1',
      executedQuantity: '0',
      price: '94',
      stopPrice: '95',
      isTriggered: false,
    };
    const decided = async (order: object, strategy = 'momentum'): Promise<Record<string, unknown>> => {
      const evidence = {
        venue: { order: { ...STOP, venueOrderId: '77', clientOrderId: name, createdTime: 1, ...order }, fills: [] },
        ledger: {},
      };
      return decide(await opened({ ...ORPHAN, subject: `order:BTC/USDT:${randomUUID()}`, deltas: {}, evidence }), 'adopt', { strategy });
    };
    const refused = { result: 'impossible', why: expect.stringContaining('cancel it, and the owner of what is held places a stop') };
    expect(await decided({ clientOrderId: 'by-hand' })).toMatchObject(refused);
    expect(await decided({ clientOrderId: 'by-hand', price: '120', stopPrice: undefined, isTriggered: true })).toMatchObject(refused);
    expect(await decided({ clientOrderId: '0'.repeat(32) })).toMatchObject(refused);
    expect(await decided({ isTriggered: true })).toMatchObject(refused);
    expect(await decided({ stopPrice: undefined })).toMatchObject(refused);
    expect(await decided({ executedQuantity: '0.1' })).toMatchObject(refused);
    expect(await decided({ quantity: '1.1' })).toMatchObject({
      result: 'impossible',
      why: expect.stringContaining('more than the strategy holds'),
    });

    // A sale that an earlier version has taken over speaks for its part, and what it leaves has no stop yet.
    const unprotected = async (): Promise<unknown> =>
      (await pool.query<{ answer: unknown }>(`select unprotected_positions('main') as answer`)).rows[0]?.answer;
    await ordered('adopted:main:BTC-USDT:1', '1', false);
    await pool.query(`update orders set side = 'sell', leg = 'close', purpose = 'exit', quantity = 0.6, reserved_quantity = 0.6`);
    expect(await decided({})).toMatchObject({ result: 'impossible' });
    expect(await unprotected()).toEqual([{ strategy: 'momentum', instrument: 'BTC/USDT' }]);

    expect(await decided({ quantity: '0.4' })).toEqual({ result: 'done' });
    const stops =
      await pool.query(`select intent_id, sequence, status, order_type, price::text, stop_price::text, reserved_quantity::text as reserved
      from orders where purpose = 'stop'`);
    expect(stops.rows).toEqual([
      {
        intent_id: 'stop:main:momentum:BTC-USDT:7',
        sequence: 7,
        status: 'accepted',
        order_type: 'stopLimit',
        price: '94',
        stop_price: '95',
        reserved: '0.4',
      },
    ]);
    expect(await unprotected()).toEqual([]);
  });

  it('to cancel a duplicate is refused while ours of that name works', async () => {
    await ordered('i1', '1', false);
    const venue = { instrument: KEY.instrument, venueOrderId: '9', clientOrderId: 'i1-c' };
    const id = await opened({ ...ORPHAN, class: 'duplicate', deltas: {}, evidence: { venue, ledger: {} } });
    expect(await decide(id, 'cancel')).toMatchObject({ result: 'impossible', why: expect.stringContaining('same name') });
    await store.pool.query(`update orders set status = 'canceled', final_at = clock_timestamp()`);
    expect(await decide(id, 'cancel')).toEqual({ result: 'done' });
  });
});
