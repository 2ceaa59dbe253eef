import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
  const store = createClearanceStore(pool);
  contact = new LedgerContact({
    store: {
      ask: () => {
        const answer = store.ask();
        answer.then(
          () => (asked += 1),
          () => (failed += 1),
        );
        return answer;
      },
    },
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
