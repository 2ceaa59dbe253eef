import { Body } from '../../exchange/admin/body.js';
import { faultRuleOf } from '../../exchange/admin/fault-body.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { INSTRUMENT as SYMBOL, testSignal } from '../../test/support/ledger.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { eventually } from '../../test/support/eventually.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { createOrderActivities, type OrderActivities } from './index.js';

const LATE_MS = 60_000;
let stack: TradingStack;
let orders: OrderActivities;
const stop = new AbortController();

beforeAll(async () => {
  stack = await openTradingStack();
  orders = createOrderActivities(stack.dependencies);
  const { market } = stack;
  void stack.venue.streams.watchBars(
    { instruments: [SYMBOL], intervalMs: 1_000 },
    {
      onBar: () => undefined,
      onPrice: (instrument, price, seen) => market.seePrice(ACCOUNT, instrument, price, seen),
      onGap: () => undefined,
    },
    stop.signal,
  );
});
afterAll(async () => {
  stop.abort();
  await stack?.close();
});

const isLate = (wanted: boolean): Promise<void> =>
  eventually(() => {
    const { lateMs } = stack.market.view(ACCOUNT, SYMBOL).price ?? {};
    if (lateMs === undefined || lateMs > PROTOCOL.dataLateMs !== wanted) throw new Error(`the stream is ${lateMs} ms late`);
  }, 60_000);

it('what a stream tells late enters nothing, though it flows; what is held leaves', async () => {
  await isLate(false);
  const first = testSignal(ACCOUNT, 'open', 1_000);
  expect(await orders.enter(first)).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });

  const late = { fault: 'lateFrame', stream: 'btcusdt@*', delayMs: LATE_MS, times: 0 };
  stack.paper.faults.add(faultRuleOf(new Body(JSON.stringify(late)), stack.paper.now()));
  await isLate(true);
  stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
  const denied = await orders.enter(testSignal(ACCOUNT, 'open', 2_000));
  expect(denied).toMatchObject({ kind: 'denied' });
  expect(denied.kind === 'denied' ? denied.failures.map(({ code }) => code) : []).toEqual(
    expect.arrayContaining(['DATA_STALE', 'RISK_POSITION_EXISTS']),
  );
  const sale = testSignal(ACCOUNT, 'close', 3_000);
  expect(await orders.enter(sale)).toMatchObject({ kind: 'recorded', order: { intentId: intentIdOf(sale), status: 'filled' } });

  stack.paper.faults.clear();
  await isLate(false);
  stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
  expect(await orders.authorise(testSignal(ACCOUNT, 'open', 4_000))).toMatchObject({ kind: 'authorised' });
}, 120_000);
