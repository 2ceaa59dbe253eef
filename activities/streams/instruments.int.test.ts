import { afterAll, beforeAll, expect, it } from 'vitest';
import { MARKET, type ExecutionPolicy } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import type { VenueReader } from '../ports/venue.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { entryTerms } from '../order/dependencies.js';
import { createOrderActivities } from '../order/index.js';
import type { OrderActivities } from '../order/index.js';
import { refreshInstruments } from './instruments.js';

let stack: TradingStack;
let orders: OrderActivities;
let execution: ExecutionPolicy = MARKET;
let rules: readonly InstrumentRules[] | undefined;
let traded: readonly string[] = [INSTRUMENT];
let asked: readonly string[] | undefined;
const woken: PositionKey[] = [];
let everyOneTrades = false;
/** Done while the venue is asked. */
let meanwhile = async (): Promise<void> => {};

beforeAll(async () => {
  stack = await openTradingStack();
  const { sizing } = entryTerms(stack.dependencies, stack.signal('open', 0));
  orders = createOrderActivities({ ...stack.dependencies, entriesOf: () => ({ sizing, execution }) });
});
afterAll(() => stack?.close());

const refresh = async (): Promise<void> => {
  woken.length = 0;
  const { store, epoch } = stack.dependencies;
  const instruments: VenueReader['instruments'] = async (of) => {
    asked = of;
    await meanwhile();
    return rules ?? stack.venue.reader.instruments(of);
  };
  const reader = { ...stack.venue.reader, instruments };
  everyOneTrades = await refreshInstruments(
    {
      books: { store, epoch },
      bars: createMarketStore(stack.pool),
      protection: stack.protection,
      owners: { wake: async (key) => void woken.push(key) },
    },
    { account: ACCOUNT, venueName: 'paper', venue: { ...stack.venue, reader }, traded },
  );
};

it('changed filters are stored and audited; owners look again, and an entry beside the new grid is canceled', async () => {
  const held = stack.signal('open', 1_000);
  expect(await orders.authorise(held)).toMatchObject({ kind: 'authorised' });
  expect(await orders.record(intentIdOf(held), await orders.submit(intentIdOf(held), ACCOUNT))).toMatchObject({ status: 'filled' });
  execution = { kind: 'limit', offsetBps: 45.01, workMs: 60_000, postOnly: true };
  await stack.pool.query('delete from positions');
  const resting = { ...stack.signal('open', 2_000) };
  expect(await orders.authorise(resting)).toMatchObject({ kind: 'authorised' });
  const entry = await orders.record(intentIdOf(resting), await orders.submit(intentIdOf(resting), ACCOUNT));
  expect(entry).toMatchObject({ status: 'accepted', timeInForce: 'GTC', postOnly: true });
  await stack.pool.query(
    `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ($1, 'momentum', $2, 0.01, 500, 0)`,
    [ACCOUNT, INSTRUMENT],
  );

  await refresh();
  expect(woken).toEqual([]);

  const known = await stack.venue.reader.instruments();
  rules = known.map((one) => (one.instrument === INSTRUMENT ? { ...one, tickSize: '1000' as DecimalText } : one));
  await refresh();
  expect(woken).toEqual([{ account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT }]);
  expect(await stack.dependencies.store.order(entry.intentId)).toMatchObject({ status: 'pendingCancel' });
  expect(await orders.resolve(entry.intentId)).toMatchObject({ isSettled: true, order: { status: 'canceled' } });
  const { rows } = await stack.pool.query<{ tick: string }>(
    `select data->>'tickSize' as tick from audit_events where kind = 'instrument.changed'`,
  );
  expect(rows).toEqual([{ tick: '1000' }]);

  await refresh();
  expect(woken).toEqual([]);
});

const kept = async (): Promise<readonly unknown[]> =>
  (
    await stack.pool.query(
      `select instrument, rules->>'trading' as trading, rules->>'status' as status from instruments where venue = 'paper' order by instrument`,
    )
  ).rows;

it('what is held is looked after though it is configured no more; what is listed no more trades no more, and is so known', async () => {
  const held = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
  rules = undefined;
  traded = [];
  await refresh();
  expect(asked).toEqual([INSTRUMENT]);
  expect(everyOneTrades).toBe(true);
  // Another account of the venue trades it; it is none of ours, and our list says nothing of it.
  await stack.pool.query(
    `insert into instruments select venue, 'DOGE/USDT', rules || '{"instrument": "DOGE/USDT"}' from instruments where venue = 'paper' and instrument = $1`,
    [INSTRUMENT],
  );
  const listed = (await stack.venue.reader.instruments()).filter((one) => one.instrument === INSTRUMENT);

  await stack.pool.query(`update instruments set rules = rules || '{"trading": false, "sales": "all"}' where instrument = $1`, [
    INSTRUMENT,
  ]);
  rules = [];
  await refresh();
  expect(everyOneTrades).toBe(false);
  expect((await stack.pool.query(`select rules->'sales' as sales from instruments where instrument = $1`, [INSTRUMENT])).rows).toEqual([
    { sales: null },
  ]);
  expect(woken).toEqual([held]);
  expect(await kept()).toEqual(
    expect.arrayContaining([
      { instrument: INSTRUMENT, trading: 'false', status: 'notListed' },
      { instrument: 'DOGE/USDT', trading: 'true', status: 'TRADING' },
    ]),
  );
  const told = `select data->>'status' as status, data->>'trading' as trading from audit_events where kind = 'instrument.changed' order by event_id desc`;
  expect((await stack.pool.query(told)).rows[0]).toEqual({ status: 'notListed', trading: 'false' });

  await refresh();
  expect(woken).toEqual([]);
  rules = listed;
  await refresh();
  expect(woken).toEqual([held]);
  expect(everyOneTrades).toBe(true);
  expect(await kept()).toEqual(expect.arrayContaining([{ instrument: INSTRUMENT, trading: 'true', status: 'TRADING' }]));
});

it('people are told of each time that an instrument is listed no more, and that it is listed again', async () => {
  const { rows: before } = await stack.pool.query(`select 1 from incidents where kind = 'instrumentNotListed'`);
  const told = async (): Promise<readonly unknown[]> =>
    (
      await stack.pool.query(
        `select data->>'instrument' as instrument, closed_at is null as open from incidents where kind = 'instrumentNotListed'
           order by incident_id offset $1`,
        [before.length],
      )
    ).rows;
  const listed = rules;
  traded = [INSTRUMENT];
  for (const times of [1, 2]) {
    rules = [];
    await refresh();
    await refresh();
    expect(await told()).toHaveLength(times);
    expect((await told()).at(-1)).toEqual({ instrument: INSTRUMENT, open: true });
    rules = listed;
    await refresh();
    expect((await told()).at(-1)).toEqual({ instrument: INSTRUMENT, open: false });
  }
  const { rows } = await stack.pool.query(`select summary from alerts where kind = 'incident.over' order by alert_id desc limit 2`);
  expect(rows).toHaveLength(2);
});

it('what is opened while the venue is asked is held to the filters of its answer, too', async () => {
  const known = (await stack.venue.reader.instruments()).find((one) => one.instrument === INSTRUMENT);
  if (known === undefined) throw new Error('it is listed');
  [rules, traded, execution] = [undefined, [INSTRUMENT], { kind: 'limit', offsetBps: 45.01, workMs: 60_000, postOnly: true }];
  await stack.pool.query('delete from positions');
  await refresh();
  const opened = stack.signal('open', 3_000);
  rules = [{ ...known, tickSize: '1000' as DecimalText }];
  meanwhile = async () => {
    expect(await orders.authorise(opened)).toMatchObject({ kind: 'authorised' });
    expect(await orders.record(intentIdOf(opened), await orders.submit(intentIdOf(opened), ACCOUNT))).toMatchObject({ status: 'accepted' });
  };
  await refresh();
  meanwhile = async () => {};
  expect(await stack.dependencies.store.order(intentIdOf(opened))).toMatchObject({ status: 'pendingCancel' });
  expect(await orders.resolve(intentIdOf(opened))).toMatchObject({ isSettled: true, order: { status: 'canceled' } });
});
