import { afterEach, expect, it, vi } from 'vitest';
import { createOrderActivities, createOwnerActivities } from '../../activities/order/index.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { heldOf } from '../../core/venue/held.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { calmRows, testInstrument } from '../../exchange/testing/open-venue.js';
import { IN_TETHER } from '../support/kraken-stub/replies.js';
import { krakenStub, STUB_KEY, STUB_SECRET } from '../support/kraken-stub/server.js';
import { ACCOUNT, INSTRUMENT, openTradingStack } from '../support/trading-stack.js';
import { disagreements } from '../support/witness.js';
import { benchOf, openBenchAccount, type BenchAccount } from './bench-account.js';
import { withdrawStop } from './cases.js';
import { seeded } from './seeded.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000, hookTimeout: 180_000 });

const FILLS = 50;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What the books have of each asset, as the venue's balances are told. */
async function booked({ stack }: BenchAccount): Promise<object> {
  const { rows } = await stack.pool.query<{ asset: string; free: DecimalText }>(
    `select asset, trim_scale(coalesce(i.quantity, 0) + coalesce(b.quantity, 0))::text as free from inventory i
       full join ledger_balances b using (account, asset) where account = $1`,
    [ACCOUNT],
  );
  return heldOf(rows.map((row) => ({ ...row, locked: '0' as DecimalText })));
}

const fillCount = async ({ stack }: BenchAccount): Promise<number> =>
  (await stack.pool.query('select from fills where account = $1', [ACCOUNT])).rowCount ?? 0;
const opened = async (bench: BenchAccount) => (await bench.found()).filter(({ incidentId }) => incidentId !== null);

/**
 * Somebody else's order within the spread, at a price of as many places as the venue takes; what is left of those before it goes: of a reply
 * that tells several such fills together only their sum is known, and what that leaves is a rounding.
 */
async function offer({ stack }: BenchAccount, side: 'BUY' | 'SELL', random: () => number): Promise<void> {
  for (const left of stack.paper.orders.open('other', 'BTCUSDT')) stack.paper.engine.cancel(left, undefined, stack.paper.now());
  const { bid = '0' } = (await stack.venue.reader.book(INSTRUMENT)) ?? {};
  const price = unitsOf((Number(bid) + 1 + random()).toFixed(5));
  const terms = { type: 'LIMIT', timeInForce: 'GTC', quoteQuantity: 0n, stopPrice: 0n } as const;
  const order = { ...terms, symbol: 'BTCUSDT', side, clientOrderId: `other-${price}`, price, quantity: unitsOf('0.02') };
  stack.paper.engine.place('other', order, stack.paper.now());
}

it('at a venue whose prices and steps are finer than its amounts, the ledger has the amount of each fill, and no balance is left over', async () => {
  const random = seeded(7, 'fine amounts');
  const instruments = [testInstrument('BTC/USDT', calmRows(50_000.123), { tick: 5, step: 8 }), testInstrument('BNB/USDT', calmRows(500))];
  const bench = await openBenchAccount([], undefined, undefined, instruments);
  closing.push(() => bench.close());
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  const { buy, sell } = roundTrips(bench);
  while ((await fillCount(bench)) < FILLS) {
    await offer(bench, 'SELL', random);
    await buy((20 + random() * 400).toFixed(2));
    expect(await bench.look()).toMatchObject({ result: 'clean' });
    await offer(bench, 'BUY', random);
    await sell();
  }
  expect(await bench.look()).toMatchObject({ result: 'clean' });
  const { rows } = await bench.stack.pool.query<{ rounded: number }>(
    'select count(*) filter (where amount <> price * quantity)::integer as rounded from fills',
  );
  expect(rows[0]?.rounded).toBeGreaterThan(FILLS / 3);
  expect(await bench.found()).toEqual([]);
  expect(await bench.mode()).toBe('normal');
  expect(await disagreements(bench.stack.pool, ACCOUNT, bench.stack.witness())).toEqual([]);
  expect(await verifyLedger(bench.stack.database.pool, ACCOUNT)).toMatchObject({ differences: [] });
});

/** Buys for so much, and lets its owner protect it; and sells all of it again. */
function roundTrips(bench: BenchAccount): { readonly buy: (notional: string) => Promise<void>; readonly sell: () => Promise<void> } {
  const { stack } = bench;
  const steps = createOrderActivities(stack.dependencies);
  const owner = createOwnerActivities(stack.dependencies, stack.protection);
  const settled = async (intentId: string): Promise<void> => {
    for (let count = 0; count < 20; count += 1) {
      const { order } = await owner.resolve(intentId);
      if (order.isFinal) return expect(order.status).toBe('filled');
    }
    throw new Error(`${intentId} does not end`);
  };
  return {
    async buy(notional) {
      stack.ledger.workEntries(ACCOUNT, { execution: MARKET, sizing: { kind: 'fixedNotional', notional: notional as DecimalText } });
      const signal = stack.signal('open', bench.nextBar());
      expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
      await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT));
      await settled(intentIdOf(signal));
      await bench.protect();
    },
    async sell() {
      await withdrawStop(bench);
      const signal = stack.signal('close', bench.nextBar());
      expect(await owner.authoriseExit(signal, 1)).toMatchObject({ kind: 'authorised' });
      await owner.submit(intentIdOf(signal, 1), ACCOUNT);
      await settled(intentIdOf(signal, 1));
      await bench.protect();
    },
  };
}

interface AtKraken {
  readonly bench: BenchAccount;
  /** Takes so much of the quote asset away, without a trade. */
  readonly drain: (amount: string) => void;
}

/** An account at the Kraken stub, which keeps its quote asset in four places, and tells cost and fee in five. */
async function openAtKraken(): Promise<AtKraken> {
  const stub = await krakenStub(IN_TETHER);
  const kraken = await createVenue({
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, submitDeadlineMs: 10_000 },
    ...{ urls: stub.urls, apiKey: STUB_KEY, secret: STUB_SECRET, clock: Date.now, account: ACCOUNT },
  });
  const stack = await openTradingStack({
    venueOf: (paper) => ({ ...kraken, close: async () => void (await Promise.all([kraken.close(), paper.close()])) }),
  });
  const bench = await benchOf(stack);
  closing.push(async () => {
    await bench.close();
    await stub.close();
  });
  await bench.damage(`delete from inventory where asset = 'BNB'`);
  await bench.damage(`update audit_events set data = data #- '{inventory,BNB}' where kind = 'account.onboarded'`);
  return { bench, drain: (amount) => stub.account.withdraw(amount) };
}

it('at a venue that keeps its quote asset in fewer places than it tells a trade, what rounding leaves is booked as that, and pauses nobody', async () => {
  const random = seeded(7, 'coarse balances');
  const { bench } = await openAtKraken();
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  const { buy, sell } = roundTrips(bench);
  while ((await fillCount(bench)) < FILLS) {
    await buy((20 + random() * 900).toFixed(2));
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    await sell();
  }
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  expect(await opened(bench)).toEqual([]);
  expect(new Set((await bench.found()).map(({ seenAs, status }) => `${seenAs} ${status}`))).toEqual(new Set(['rounding repaired']));
  expect(await bench.mode()).toBe('normal');
  expect(await booked(bench)).toEqual(heldOf(await bench.stack.venue.reader.balances()));
  const { rows } = await bench.stack.pool.query<{ most: boolean; evidence: boolean; told: number }>(
    `select max(abs(m.amount)) <= 0.0003 as most, bool_and(m.difference_id is not null and m.subject = 'reconciliation') as evidence,
       (select count(*)::integer from audit_events where kind = 'movement.booked' and data->>'movement' = 'rounding') as told
     from ledger_movements m where kind = 'rounding'`,
  );
  expect(rows).toMatchObject([{ evidence: true, told: expect.any(Number) }]);
  expect(rows[0]?.told).toBeGreaterThan(5);
  expect(await verifyLedger(bench.stack.database.pool, ACCOUNT)).toMatchObject({ differences: [] });
});

it('more than a unit for each fill since the last clean look is no rounding: a person is asked', async () => {
  const { bench, drain } = await openAtKraken();
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  await roundTrips(bench).buy('300');
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  // Nothing was filled since: not even one unit is explained.
  drain('0.0001');
  expect(await bench.cycle()).toMatchObject({ result: 'differences' });
  expect(await opened(bench)).toMatchObject([{ class: 'balanceMovement', subject: 'balance:USDT', status: 'open' }]);
  expect(await bench.mode()).toBe('paused');
});

it('a slow leak is told also while another asset keeps the account from being clean, however much was filled meanwhile', async () => {
  const { bench, drain } = await openAtKraken();
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  // Of an asset that nothing here trades there is one unit less than the books say: until a person decides, no comparison is clean.
  await bench.damage(`insert into inventory (account, asset, quantity) values ('${ACCOUNT}', 'DOT', 1)`);
  await bench.damage(`update audit_events set data = jsonb_set(data, '{inventory,DOT}', '"1"') where kind = 'account.onboarded'`);
  expect(await bench.cycle()).toMatchObject({ result: 'differences' });
  await bench.damage(`update control set mode = 'normal', reconciliation_hold = null`);
  const { buy, sell } = roundTrips(bench);
  await buy('300');
  await sell();
  for (let cycle = 0; cycle < 3; cycle += 1) await bench.cycle();
  // Less than a unit for each fill since the account was clean, and all of them were compared.
  drain('0.0001');
  await bench.cycle();
  expect((await opened(bench)).map(({ class: what, subject }) => `${what} ${subject}`)).toEqual(
    expect.arrayContaining(['balanceMovement balance:DOT', 'balanceMovement balance:USDT']),
  );
});

it('what a person is asked about is not explained by what is filled after it', async () => {
  const { bench, drain } = await openAtKraken();
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  drain('0.0001');
  expect(await bench.cycle()).toMatchObject({ result: 'differences' });
  await bench.damage(`update control set mode = 'normal', reconciliation_hold = null`);
  const { buy, sell } = roundTrips(bench);
  await buy('300');
  await sell();
  for (let cycle = 0; cycle < 2; cycle += 1) await bench.cycle();
  expect((await opened(bench)).map(({ class: what, status }) => `${what} ${status}`)).toEqual(['balanceMovement open']);
});

it('what a person has decided to leave stays so over the roundings of later trades, which are booked beside it', async () => {
  const { bench, drain } = await openAtKraken();
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  drain('50');
  expect(await bench.cycle()).toMatchObject({ result: 'differences' });
  const [lost] = await opened(bench);
  expect(await bench.decide(lost?.id ?? '', 'reject')).toEqual({ result: 'done' });
  await bench.damage(`update control set mode = 'normal', reconciliation_hold = null`);
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  const random = seeded(7, 'beside what is left');
  const { buy, sell } = roundTrips(bench);
  for (let trip = 0; trip < 6; trip += 1) {
    await buy((100 + random() * 100).toFixed(4));
    await sell();
    await bench.cycle();
  }
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  expect((await opened(bench)).map(({ id, status }) => [id, status])).toEqual([[lost?.id, 'decided']]);
  const seen = new Set((await bench.found()).map(({ seenAs, status }) => `${seenAs} ${status}`));
  expect(seen).toEqual(new Set(['balanceMovement decided', 'rounding repaired']));
  expect(await bench.mode()).toBe('normal');
});

it('is never booked beyond what fills can have left, whoever asks', async () => {
  const { bench, drain } = await openAtKraken();
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  await roundTrips(bench).buy('300');
  drain('0.0003');
  await bench.look();
  const { rows } = await bench.stack.pool.query<{ fills: number; booked: string }>(
    `select (select count(*)::integer from fills) as fills, coalesce(sum(abs(amount)), 0)::text as booked from ledger_movements where kind = 'rounding'`,
  );
  const { fills = 0, booked: amount = '0' } = rows[0] ?? {};
  expect(Number(amount)).toBeLessThanOrEqual(fills * 0.0001);
  const wish = await bench.stack.pool.query<{ id: string }>(
    `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
       select $1, 'rounding', 'rounding', 'balance:none', '', 'repair', 'pending', '{"USDT": "-0.5"}',
         jsonb_build_object('ledger', jsonb_build_object('asset', 'USDT', 'inventory', (select quantity::text from inventory where asset = 'USDT'))),
         run_id, run_id from reconciliation_runs limit 1 returning difference_id::text as id`,
    [ACCOUNT],
  );
  const { epoch } = bench.dependencies.books;
  await expect(bench.dependencies.reconciliations.bookRounding(wish.rows[0]?.id ?? '', epoch)).rejects.toThrow(
    'more than fills can have left',
  );
});
