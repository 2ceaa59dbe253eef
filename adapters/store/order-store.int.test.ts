import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Pool } from 'pg';
import { applyEvent, bookFill } from '../../activities/order/evidence.js';
import { clientOrderIdOf } from '../../activities/order/client-order-id.js';
import type { VenueFill } from '../../activities/ports/venue.js';
import { failure } from '../../core/errors.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { termsOf } from '../../core/risk/draft.js';
import { decideOrder } from '../../core/risk/gate.js';
import type { LiveView } from '../../core/risk/view.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { beat } from '../../test/support/watch-heartbeat.js';
import { createControlStore } from './control-store.js';
import { createMarketStore } from './market-store.js';
import { createOrderStore } from './order-store.js';
import { createOutboxStore } from './outbox-store.js';
import { openPool } from './pool.js';

const d = (text: string): DecimalText => text as DecimalText;
const EPOCH = 1;
const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' };
const LIVE: LiveView = { now: 0, price: { price: d('100'), ageMs: 0 }, clockSkewMs: 0, venueWeight: { kind: 'untold' } };
/** What was authorised while it was ahead. */
const SET_BACK = `update orders set created_at = created_at + interval '10 minutes', authorised_until = authorised_until + interval '10 minutes'`;
const TERMS = { signedTimestamp: 1_000, clockErrorMs: 40, receiveWindowMs: 500 };
const SUBMIT = { epoch: EPOCH, ...TERMS };

describe('the statements of the order protocol', () => {
  let database: TestDatabase;
  let pool: Pool;
  let store: ReturnType<typeof createOrderStore>;
  let bars = 0;
  let stopBeating: () => Promise<void>;

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test', pipelined: true });
    store = createOrderStore(pool);
    await createMarketStore(pool).saveInstruments('paper', [
      {
        instrument: 'BTC/USDT',
        base: 'BTC',
        quote: 'USDT',
        trading: true,
        status: 'TRADING',
        tickSize: d('0.01'),
        stepSize: d('0.001'),
        minQuantity: d('0.001'),
        maxQuantity: d('100'),
        minNotional: d('5'),
      },
    ]);
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  const configure = async (version = '1'): Promise<void> => {
    const limits = {
      maxOrderNotional: '1000',
      maxInstrumentExposure: '900',
      maxAccountExposure: '900',
      maxOpenOrders: 100,
      collarBps: 50,
      takerFeeBps: 10,
      priceMaxAgeMs: 3_000,
      clockSkewMs: 500,
      maxStrategyOrdersPerSecond: 1_000,
      maxStrategyOrdersPerMinute: 1_000,
      maxAccountOrdersPerSecond: 1_000,
      maxAccountOrdersPerMinute: 1_000,
      duplicateWindowMs: 0,
    };
    const strategies = [
      { strategy: 'momentum', instrument: 'BTC/USDT', version, modelHash: 'm' },
      { strategy: 'other', instrument: 'BTC/USDT', version: '1', modelHash: 'm' },
    ];
    await createControlStore(pool).applyConfiguration({ account: 'main', venue: 'paper', limits, strategies, subject: 'test' });
  };
  beforeEach(async () => {
    // The append-only rows refuse to go one by one; a new account's worth of rows is made by leaving them out of sight.
    await database.pool.query(`alter table audit_events disable trigger all; alter table fills disable trigger all;
      alter table ledger_entries disable trigger all; delete from audit_events; delete from fills; delete from ledger_entries;
      alter table limits disable trigger all; delete from limits; alter table limits enable trigger all;
      alter table audit_events enable trigger all; alter table fills enable trigger all; alter table ledger_entries enable trigger all;
      delete from orders; delete from signals; delete from positions; delete from position_sums; delete from ledger_balances; delete from latches;
      delete from incidents; delete from blocked_instruments; delete from inventory; delete from outbox;
      delete from account_watch; delete from strategy_switches; delete from active_strategies; delete from risk_state; delete from control; delete from accounts`);
    await configure();
    await createControlStore(pool).onboard('main', { USDT: d('10000') });
    stopBeating = await beat(pool, 'main');
  });
  afterEach(() => stopBeating());

  const signalOf = (leg: TradeSignal['leg'], strategy = 'momentum'): TradeSignal => {
    bars += 1;
    return {
      ...KEY,
      strategy,
      strategyVersion: '1',
      leg,
      barCloseTime: bars,
      decidedTime: 0,
      validUntil: 10,
      referencePrice: d('100'),
      stopDistanceRatio: 0.02,
      features: [],
      reason: 'test',
    };
  };
  const authorise = async (signal: TradeSignal) => {
    const ledger = await store.readRisk({ ...KEY, strategy: signal.strategy });
    const verdict = decideOrder(signal, termsOf({ kind: 'fixedNotional', notional: d('500') }), ledger, LIVE);
    const clientOrderId = clientOrderIdOf('i', intentIdOf(signal));
    const { controlVersion } = ledger;
    const { account, strategy, strategyVersion, instrument, leg } = signal;
    const purpose = leg === 'open' ? 'entry' : 'exit';
    const intent = { intentId: intentIdOf(signal), account, strategy, strategyVersion, instrument, leg, purpose, sequence: 1 } as const;
    const input = { intent, signal, clientOrderId, epoch: EPOCH, controlVersion, verdict, authorisedForMs: 5_000 };
    return { verdict, write: () => store.authorise(input, {}), atOnce: () => store.authoriseAndBegin(input, {}, TERMS) };
  };
  const authorised = async (signal = signalOf('open')): Promise<string> => {
    const written = await (await authorise(signal)).write();
    expect(written.kind).toBe('written');
    return intentIdOf(signal);
  };
  const fillOf = (intentId: string, trade: string, quantity = '1', price = '100'): VenueFill => ({
    venueTradeId: trade,
    venueOrderId: 'v1',
    clientOrderId: clientOrderIdOf('i', intentId),
    instrument: 'BTC/USDT',
    side: 'buy',
    price: d(price),
    quantity: d(quantity),
    fee: d('0.001'),
    feeAsset: 'BTC',
    liquiditySide: 'taker',
    eventTime: 1_005,
  });
  const books = () => ({ store, epoch: EPOCH });
  const status = async (intentId: string): Promise<string | undefined> => (await store.order(intentId))?.status;

  it('P4: two that decided on the same state cannot both reserve', async () => {
    const one = await authorise(signalOf('open'));
    const other = await authorise(signalOf('open', 'other'));
    expect(one.verdict.kind).toBe('approved');
    expect(other.verdict.kind).toBe('approved');
    const written = await Promise.all([one.write(), other.write()]);
    expect(written.map((each) => each.kind).sort()).toEqual(['conflict', 'written']);
    // Decided again, the second would exceed the exposure that the first has reserved.
    expect((await authorise(signalOf('open', 'other'))).verdict).toMatchObject({ kind: 'denied' });
  });

  it('P4: written again, it returns the stored verdict and reserves nothing', async () => {
    const version = async () => Number((await pool.query<{ version: string }>(`select version from risk_state`)).rows[0]?.version);
    const before = await version();
    const { write } = await authorise(signalOf('open'));
    const first = await write();
    const again = await write();
    expect(again).toMatchObject({ kind: 'stored', order: { status: 'authorised' } });
    expect(first).toMatchObject({ order: { version: 1 } });
    expect(await version()).toBe(before + 1);
  });

  it('P4: the same intent from many at once is one order', async () => {
    const { write } = await authorise(signalOf('open'));
    const kinds = (await Promise.all(Array.from({ length: 6 }, () => write()))).map((each) => each.kind);
    expect(kinds.filter((kind) => kind === 'written')).toHaveLength(1);
    const { rows } = await pool.query(`select count(*)::int as n from orders`);
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('P5: of many that begin to submit, one may send', async () => {
    const intentId = await authorised();
    const kinds = (await Promise.all(Array.from({ length: 6 }, () => store.beginSubmit({ intentId, ...SUBMIT })))).map((each) => each.kind);
    expect(kinds.sort()).toEqual(['stored', 'stored', 'stored', 'stored', 'stored', 'submitting']);
    expect(await store.order(intentId)).toMatchObject({ signedTimestamp: 1_000, clockErrorMs: 40, receiveWindowMs: 500 });
  });

  it.each([
    ['a latch', `insert into latches (scope, scope_value, reason, subject) values ('account', 'main', 'x', 'y')`, 'RISK_KILLED'],
    ['a latch over everything', `insert into latches (scope, reason, subject) values ('everything', 'x', 'y')`, 'RISK_KILLED'],
    ['a changed control row', `update control set version = version + 1`, 'RISK_CONTROL_CHANGED'],
    [
      'a block of its instrument',
      `insert into blocked_instruments (account, instrument, reason) values ('main', 'BTC/USDT', 'x')`,
      'RISK_INSTRUMENT_BLOCKED',
    ],
    [
      'a person who disables its strategy',
      `select disable_strategy('{"account": "main", "strategy": "momentum", "reason": "x", "subject": null}')`,
      'RISK_STRATEGY_DISABLED',
    ],
    ['the time', `update orders set authorised_until = clock_timestamp() - interval '1 ms'`, 'RISK_AUTHORISATION_EXPIRED'],
    ['a database’s clock that was set back', SET_BACK, 'RISK_AUTHORISATION_EXPIRED'],
  ])('P5: after %s nothing is sent and the reservation is gone', async (_, change, code) => {
    const intentId = await authorised();
    await pool.query(change);
    const begun = await store.beginSubmit({ intentId, ...SUBMIT });
    expect(begun).toMatchObject({ kind: 'refused', order: { status: 'expired', reservedNotional: '0', isFinal: true } });
    expect(begun.order.failures.map((one) => one.code)).toEqual([code]);
  });

  it('P5, P19: a stop leaves also where its strategy is disabled', async () => {
    const intentId = await authorised();
    await pool.query(`update orders set leg = 'close', purpose = 'stop'`);
    await pool.query(`insert into strategy_switches (account, strategy, disabled_reason) values ('main', 'momentum', 'x')`);
    expect((await store.beginSubmit({ intentId, ...SUBMIT })).kind).toBe('submitting');
  });

  it('P2: a new active version changes the control row, so what the old one authorised is not sent', async () => {
    const intentId = await authorised();
    await configure('2');
    expect((await store.beginSubmit({ intentId, ...SUBMIT })).kind).toBe('refused');
  });

  it('P9: a statement that waits for a lock gives up within a second or so', async () => {
    const intentId = await authorised();
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from control for update');
      await expect(store.beginSubmit({ intentId, ...SUBMIT })).rejects.toMatchObject({ failure: { code: 'INFRA_DATABASE' } });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await status(intentId)).toBe('authorised');
  });

  it('P4, P5: at once: the verdict is written and the send begun, in two transactions', async () => {
    const { atOnce } = await authorise(signalOf('open'));
    const { authorised: written, begun } = await atOnce();
    expect(written).toMatchObject({ kind: 'written', order: { status: 'authorised', version: 1 } });
    expect(begun).toMatchObject({
      kind: 'submitting',
      order: { status: 'submitting', version: 2, signedTimestamp: 1_000, clockErrorMs: 40 },
    });
    expect(await status(begun?.order.intentId ?? '')).toBe('submitting');
  });

  it('P4, P8: at once from many: one order, and one may send it', async () => {
    const { atOnce } = await authorise(signalOf('open'));
    const answers = await Promise.all(Array.from({ length: 6 }, () => atOnce()));
    const kinds = answers.map(({ authorised: { kind }, begun }) => `${kind} ${begun?.kind}`);
    expect(kinds.filter((kind) => kind.endsWith('submitting'))).toHaveLength(1);
    expect(kinds.filter((kind) => kind.startsWith('written'))).toHaveLength(1);
    expect(new Set(kinds.filter((kind) => kind.endsWith('stored')))).toEqual(new Set(kinds.filter((kind) => !kind.endsWith('submitting'))));
    expect((await pool.query(`select count(*)::int as n from orders`)).rows).toEqual([{ n: 1 }]);
  });

  it('P4: at once: of a verdict that lost against another there is nothing to begin, and the connection goes on', async () => {
    const [one, other] = [await authorise(signalOf('open')), await authorise(signalOf('open', 'other'))];
    await one.write();
    expect(await other.atOnce()).toEqual({ authorised: { kind: 'conflict' }, begun: undefined });
    expect((await pool.query(`select count(*)::int as n from orders where status = 'submitting'`)).rows).toEqual([{ n: 0 }]);
  });

  it('P25: at once: under a latch that came after the gate had decided nothing is begun', async () => {
    const { atOnce } = await authorise(signalOf('open'));
    await pool.query(`insert into latches (scope, scope_value, reason, subject) values ('account', 'main', 'x', 'y')`);
    const { begun } = await atOnce();
    expect(begun).toMatchObject({ kind: 'refused', order: { status: 'expired', reservedNotional: '0', isFinal: true } });
  });

  it('P9: at once: where the first waits for a lock, both give up, and nothing is begun afterwards', async () => {
    const signal = signalOf('open');
    const { atOnce } = await authorise(signal);
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from control for update; select from risk_state for update');
      await expect(atOnce()).rejects.toMatchObject({ failure: { code: 'INFRA_DATABASE' } });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await status(intentIdOf(signal))).toBeUndefined();
    expect(await atOnce()).toMatchObject({ authorised: { kind: 'written' }, begun: { kind: 'submitting' } });
  });

  it('P1: what was recorded as not traded is not traded afterwards', async () => {
    const signal = signalOf('open');
    const late = await authorise(signal);
    const failures = [failure('RISK_TEMPORAL_UNREACHABLE', { signal: 'x' })];
    expect(await store.recordUntraded(signal, failures, EPOCH, {})).toBe(true);
    expect(await late.write()).toMatchObject({ kind: 'notTraded', failures: [{ code: 'RISK_TEMPORAL_UNREACHABLE' }] });
    expect(await store.order(intentIdOf(signal))).toBeUndefined();
    expect((await store.readRisk(KEY)).workingOrders).toEqual([]);
  });

  it('P1: at once: nothing is begun of what was recorded as not traded', async () => {
    const signal = signalOf('open');
    const late = await authorise(signal);
    expect(await store.recordUntraded(signal, [], EPOCH, {})).toBe(true);
    expect(await late.atOnce()).toMatchObject({ authorised: { kind: 'notTraded' }, begun: undefined });
  });

  it('P1: a signal is recorded as not traded, or it is an order; never both', async () => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const signal = signalOf('open');
      const { write } = await authorise(signal);
      const [written] = await Promise.all([write(), store.recordUntraded(signal, [], EPOCH, {})]);
      const { rows } = await pool.query(`select outcome from signals where bar_close_time = $1`, [signal.barCloseTime]);
      expect(rows).toEqual([{ outcome: written.kind === 'written' ? 'traded' : 'notTraded' }]);
      expect((await store.order(intentIdOf(signal)))?.status).toBe(written.kind === 'written' ? 'authorised' : undefined);
      if (written.kind === 'written') await applyEvent(books(), intentIdOf(signal), { kind: 'expireUnsent' });
    }
  });

  it('P10: a rejection is on record whatever characters the venue put into it', async () => {
    const intentId = await authorised();
    await store.beginSubmit({ intentId, ...SUBMIT });
    const refused = failure('VENUE_REJECTED', { venue: 'v', order: 'o', detail: `a\u0000b \ud83d c \u{1f600}` });
    expect(await applyEvent(books(), intentId, { kind: 'reject' }, [refused])).toMatchObject({ status: 'rejected', isFinal: true });
    const order = await store.order(intentId);
    expect(order?.failures[0]?.values['detail']).toBe('a\ufffdb \ufffd c \u{1f600}');
  });

  it('P15: a fill seen by many at once is booked once', async () => {
    const intentId = await authorised();
    await store.beginSubmit({ intentId, ...SUBMIT });
    await Promise.all(Array.from({ length: 5 }, () => bookFill(books(), 'main', fillOf(intentId, 't1'))));
    expect(await store.position(KEY)).toMatchObject({ quantity: decimal('0.999'), cost: decimal('100') });
    expect(await store.order(intentId)).toMatchObject({ status: 'partiallyFilled', executedQuantity: '1', venueOrderId: 'v1' });
    const { rows } = await pool.query(`select asset, quantity from ledger_balances order by asset`);
    expect(rows).toEqual([
      { asset: 'BTC', quantity: '0.999' },
      { asset: 'USDT', quantity: '-100' },
    ]);
  });

  it('P15: different fills of one order, all at once, are all booked', async () => {
    const intentId = await authorised();
    await store.beginSubmit({ intentId, ...SUBMIT });
    const trades = ['t1', 't2', 't3', 't4'];
    await Promise.all(trades.map((trade) => bookFill(books(), 'main', fillOf(intentId, trade))));
    expect(await store.order(intentId)).toMatchObject({ executedQuantity: '4', executedNotional: '400' });
  });

  it('P13: evidence after notPlaced is taken, opens an incident and blocks the instrument', async () => {
    const intentId = await authorised();
    await store.beginSubmit({ intentId, ...SUBMIT });
    await applyEvent(books(), intentId, { kind: 'loseReply' });
    await applyEvent(books(), intentId, { kind: 'proveAbsent' });
    expect(await status(intentId)).toBe('notPlaced');
    await bookFill(books(), 'main', fillOf(intentId, 't9'));
    expect(await status(intentId)).toBe('partiallyFilled');
    const { rows } = await pool.query(`select kind from incidents`);
    expect(rows).toEqual([{ kind: 'evidenceAfterFinal' }]);
    expect((await store.readRisk(KEY)).blocked).toContain(intentId);
  });

  it('P11: a fence and a begun submit cannot both win', async () => {
    const intentId = await authorised();
    const [fenced, begun] = await Promise.all([
      applyEvent(books(), intentId, { kind: 'expireUnsent' }),
      store.beginSubmit({ intentId, ...SUBMIT }),
    ]);
    expect([fenced.status === 'expired', begun.kind === 'submitting'].filter(Boolean)).toHaveLength(1);
  });

  it('P11, P16: an order that was written before the clock was set back has waited that long, and is not waited for', async () => {
    const intentId = await authorised();
    const seen = async () => (await store.watchedOrders('main')).find((order) => order.intentId === intentId);
    expect((await seen())?.unchangedMs).toBeLessThan(30_000);
    await database.pool.query(`update orders set created_at = created_at + interval '1 hour', updated_at = updated_at + interval '1 hour'`);
    expect((await seen())?.unchangedMs).toBeGreaterThan(3_000_000);
    expect((await seen())?.ageMs).toBeGreaterThan(3_000_000);
  });

  it('P31: work of another epoch changes nothing', async () => {
    const intentId = await authorised();
    await expect(store.beginSubmit({ intentId, ...SUBMIT, epoch: EPOCH + 1 })).rejects.toMatchObject({ failure: { code: 'RISK_EPOCH' } });
    await expect(applyEvent({ store, epoch: EPOCH + 1 }, intentId, { kind: 'expireUnsent' })).rejects.toMatchObject({
      failure: { code: 'RISK_EPOCH' },
    });
    expect(await status(intentId)).toBe('authorised');
    const signal = signalOf('open');
    expect(await store.recordUntraded(signal, [], EPOCH + 1, {})).toBe(false);
    expect(await (await authorise(signal)).write()).toMatchObject({ kind: 'written' });
    await pool.query(`insert into outbox (kind, data) values ('positionChanged', '{}')`);
    const claim = (epoch: number) => createOutboxStore(pool, database.url, epoch).claim(['positionChanged'], 10, 5_000);
    expect(await claim(EPOCH + 1)).toEqual([]);
    expect(await claim(EPOCH)).toHaveLength(1);
  });

  it('a fill of an order that is not ours opens an incident and changes no position', async () => {
    const fill = { ...fillOf('x', 'foreign'), clientOrderId: 'somebody-else' };
    expect(await bookFill(books(), 'main', fill)).toBeUndefined();
    await bookFill(books(), 'main', fill);
    const { rows } = await pool.query(`select kind from incidents`);
    expect(rows).toEqual([{ kind: 'foreignFill' }]);
  });

  it('a name that an adopted order has of another hand says nothing of that hand’s next order; the number does', async () => {
    const intentId = await authorised();
    await store.beginSubmit({ intentId, ...SUBMIT });
    await bookFill(books(), 'main', fillOf(intentId, 't1'));
    const seen = { account: 'main', instrument: KEY.instrument };
    const found = async (clientOrderId: string, venueOrderId?: string): Promise<string | undefined> =>
      (await store.orderByVenueIds({ ...seen, clientOrderId, ...(venueOrderId === undefined ? {} : { venueOrderId }) }))?.intentId;
    const { clientOrderId = '' } = (await store.order(intentId)) ?? {};
    // A name of ours is used once (P11, P13).
    expect(await found(clientOrderId, 'v9')).toBe(intentId);
    const taken = '{"intent_id": "adopted:main:x", "client_order_id": "grid-1", "venue_order_id": "v2"}';
    await pool.query(`insert into orders select (jsonb_populate_record(o, $1)).* from orders o where intent_id = $2`, [taken, intentId]);
    expect([await found('grid-1', 'v2'), await found('grid-1')]).toEqual(['adopted:main:x', 'adopted:main:x']);
    expect(await found('grid-1', 'v3')).toBeUndefined();
    expect(await found(clientOrderId, 'v2')).toBe('adopted:main:x');
    expect(await bookFill(books(), 'main', { ...fillOf('x', 't5'), clientOrderId: 'grid-1', venueOrderId: 'v3' })).toBeUndefined();
  });

  it.each(['audit_events', 'fills', 'ledger_entries'])('%s can be added to and not changed', async (table) => {
    const intentId = await authorised();
    await store.beginSubmit({ intentId, ...SUBMIT });
    await bookFill(books(), 'main', fillOf(intentId, 't1'));
    await expect(pool.query(`update ${table} set account = 'x'`)).rejects.toThrow(/append-only/);
    await expect(pool.query(`delete from ${table}`)).rejects.toThrow(/append-only/);
  });
});
