import type { Pool } from 'pg';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClearanceStore } from '../../adapters/store/clearance-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { cuttingProxy, type CuttingProxy } from '../../test/support/cutting-proxy.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { createOrderActivities, type OrderActivities } from './index.js';
import { LedgerContact, withLedgerContact } from './ledger-contact.js';

let stack: TradingStack;
let between: CuttingProxy;
let pool: Pool;
let contact: LedgerContact;
let steps: OrderActivities;
/** How far our clock has run ahead: waits are not waited out. */
let aheadMs = 0;
let asked = 0;
let failed = 0;

beforeAll(async () => {
  stack = await openTradingStack();
  const address = new URL(stack.database.url);
  between = await cuttingProxy(Number(address.port));
  address.host = `127.0.0.1:${between.port}`;
  pool = openPool(address.href, { applicationName: 'test', max: 2 });
  const store = createClearanceStore(pool, 'trading 1');
  contact = new LedgerContact({
    store: {
      ask: () => {
        // What the database keeps in mind of the worker, by its own clock, is tried below.
        const answer = store.ask().then((told) => ({ ...told, doubtSince: null }));
        answer.then(
          () => (asked += 1),
          () => (failed += 1),
        );
        return answer;
      },
      end: () => store.end(),
    },
    accounts: [],
    compare: () => Promise.resolve(),
    // A machine that stands still for seconds is not what is tried here.
    clock: () => aheadMs,
    monotonic: () => aheadMs,
    pause: (_, signal) =>
      new Promise((resolve) => {
        const goOn = (): void => (clearTimeout(timer), signal.removeEventListener('abort', goOn), resolve());
        const timer = setTimeout(goOn, 20);
        signal.addEventListener('abort', goOn);
      }),
    log: { warn: () => undefined },
  });
  steps = createOrderActivities({ ...stack.dependencies, live: withLedgerContact(stack.market, contact) });
});
afterAll(async () => {
  await contact?.close();
  await pool?.end();
  await between?.close();
  await stack?.close();
});

/** The database has answered a question that was asked from now on. */
async function answered(): Promise<void> {
  const before = asked;
  await eventually(() => expect(asked).toBeGreaterThan(before + 1));
}

it('a worker that had lost Postgres makes no entry until a check that began after it is clean; exits go on', async () => {
  let bar = 0;
  const open = () => stack.signal('open', (bar += 1_000));
  await answered();
  const bought = open();
  expect(await steps.authorise(bought)).toMatchObject({ kind: 'authorised' });
  expect(await steps.record(intentIdOf(bought), await steps.submit(intentIdOf(bought), ACCOUNT))).toMatchObject({ status: 'filled' });
  const clean = (since: string) =>
    stack.pool.query(
      `insert into reconciliations (account, last_clean_at) values ($1, clock_timestamp() + $2::interval)
         on conflict (account) do update set last_clean_at = excluded.last_clean_at`,
      [ACCOUNT, since],
    );
  const denied = { kind: 'denied', failures: expect.arrayContaining([expect.objectContaining({ code: 'RISK_LEDGER_LOST' })]) };

  between.isAway = true;
  await eventually(() => expect(failed).toBeGreaterThan(0));
  aheadMs = 6_000;
  expect(await steps.authorise(open())).toMatchObject(denied);
  between.isAway = false;
  await answered();
  expect(await steps.authorise(open())).toMatchObject(denied);
  // A check that was under way before the database was back.
  await clean('-30 s');
  await answered();
  expect(await steps.authorise(open())).toMatchObject(denied);

  const close = stack.signal('close', (bar += 1_000));
  expect(await steps.authorise(close)).toMatchObject({ kind: 'authorised' });
  expect(await steps.record(intentIdOf(close), await steps.submit(intentIdOf(close), ACCOUNT))).toMatchObject({ status: 'filled' });

  await clean('0 s');
  await answered();
  expect(await steps.authorise(open())).toMatchObject({ kind: 'authorised' });
});

describe('a worker that is started again', () => {
  const worker = (name: string) => createClearanceStore(stack.pool, name);
  /** As if the worker had its ledger last so long ago. A second to come stands for a moment ago, however slow the machine is. */
  const was = (name: string, ago: string) =>
    stack.database.pool.query('update ledger_contacts set contact_at = contact_at - $2::interval where worker = $1', [name, ago]);
  const clean = () => stack.pool.query('update reconciliations set last_clean_at = clock_timestamp() where account = $1', [ACCOUNT]);

  it('is in no doubt where nobody was before it, the one before left in order, or had the ledger a moment ago', async () => {
    const one = worker('one');
    expect((await one.ask()).doubtSince).toBeNull();
    await was('one', '-1 s');
    expect((await one.ask()).doubtSince).toBeNull();
    await one.end();
    await was('one', '1 h');
    expect((await one.ask()).doubtSince).toBeNull();
  });

  it('is in doubt where the one before it was cut off, or ended nobody knows when; also the next, until a check is clean', async () => {
    await clean();
    const two = worker('two');
    await two.ask();
    await was('two', '6 s');
    const { databaseTime, doubtSince, cleanSince } = await two.ask();
    expect(doubtSince).toBeLessThanOrEqual(databaseTime);
    expect(doubtSince).toBeGreaterThanOrEqual(cleanSince[ACCOUNT] ?? Number.MAX_SAFE_INTEGER);
    // It left in order, in doubt: whoever comes next has that doubt.
    await two.end();
    expect((await two.ask()).doubtSince).toBe(doubtSince);
    expect((await worker('three').ask()).doubtSince).toBeNull();
  });

  it('is in doubt where the one before it had its ledger at a time to come, and until a check from now on is clean', async () => {
    const four = worker('four');
    await four.ask();
    await was('four', '-1 h');
    await clean();
    const { databaseTime, doubtSince } = await four.ask();
    expect(doubtSince).toBeGreaterThan(databaseTime);
    expect(doubtSince).toBeLessThanOrEqual(databaseTime + 2_000);
    // Nor may a doubt be of tomorrow.
    await stack.database.pool.query(`update ledger_contacts set doubt_since = clock_timestamp() + interval '1 day' where worker = 'four'`);
    const { doubtSince: left, databaseTime: now } = await four.ask();
    expect(left).toBeGreaterThan(now);
    expect(left).toBeLessThanOrEqual(now + 2_000);
    await was('four', '-1 h');
    await four.end();
    expect((await four.ask()).doubtSince).toBeGreaterThanOrEqual(left ?? Number.MAX_SAFE_INTEGER);
  });

  it('makes no entry until the comparison that it asks for is clean', async () => {
    await stack.database.pool.query(
      `update orders set status = 'expired', final_at = clock_timestamp(), reserved_quantity = 0, reserved_notional = 0 where final_at is null;
       update positions set quantity = 0;
       update position_sums set quantity = 0`,
    );
    const four = worker('four');
    await four.ask();
    await was('four', '6 s');
    const asked: string[] = [];
    const restarted = new LedgerContact({
      ...{ store: four, accounts: [ACCOUNT], clock: () => 0, monotonic: () => 0, log: { warn: () => undefined } },
      compare: async (account) => void asked.push(account),
      pause: (_, signal) => wait(20, undefined, { signal }).catch(() => undefined),
    });
    try {
      const entries = createOrderActivities({ ...stack.dependencies, live: withLedgerContact(stack.market, restarted) });
      await eventually(() => expect(asked).toEqual([ACCOUNT]));
      let bar = 1_000_000;
      const denied = await entries.authorise(stack.signal('open', (bar += 1_000)));
      expect(denied).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_LEDGER_LOST' }] });
      // On a machine that stands still for seconds it loses its ledger again.
      await eventually(async () => {
        await clean();
        await eventually(() => expect(restarted.doubt(ACCOUNT)).toBeUndefined());
        expect(await entries.authorise(stack.signal('open', (bar += 1_000)))).toMatchObject({ kind: 'authorised' });
      }, 60_000);
    } finally {
      await restarted.close();
    }
  });
});
