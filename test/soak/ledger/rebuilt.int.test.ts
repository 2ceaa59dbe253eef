import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { rebuildLedger } from '../../../api/ledger/rebuild.js';
import { openLongReads, type OwnedDatabase } from '../../../api/read/database.js';
import { bookedStory, bookkeeper } from '../../support/booked-story.js';
import { seedPerson } from '../../support/people.js';
import { repeatFirst } from '../../support/many-fills.js';
import { testDatabase, type TestDatabase } from '../../support/postgres.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000, hookTimeout: 1_800_000 });

const FILLS = 100_000;
let store: TestDatabase;
let longReads: OwnedDatabase;

beforeAll(async () => {
  store = await testDatabase();
  longReads = openLongReads(store.url, () => undefined);
});
afterAll(async () => {
  await longReads?.close();
  await store?.drop();
});

test(`what is derived from ${FILLS} fills is written anew, and others take the account's lock while it is reckoned`, async () => {
  const main = await bookedStory(store.pool, 'main', await bookkeeper(store.pool));
  await main.fill({ side: 'buy', units: 1, price: 100, fee: 1, feeAsset: 'USDT', strategy: 'momentum' });
  const { rows: first } = await store.pool.query<{ quantity: string }>('select trim_scale(quantity)::text as quantity from positions');
  await repeatFirst(store.pool, FILLS);
  const caller = { subject: 'risk', name: 'risk', roles: ['risk' as const], keyId: await seedPerson(store.pool, 'risk', ['risk']) };

  let isDone = false;
  const rebuilding = rebuildLedger(longReads, caller, { account: 'main', reason: 'a disk lied' }).finally(() => {
    isDone = true;
  });
  let taken = 0;
  const isReckoned = `select from pg_stat_activity where state = 'active' and query like '%rebuild_ledger%' and pid <> pg_backend_pid()`;
  while (!isDone) {
    const { rowCount } = await store.pool.query(isReckoned);
    if (rowCount === 0) continue;
    const lock = store.pool.query(`select from control where account = 'main' for update nowait`);
    if (
      await lock.then(
        () => true,
        () => false,
      )
    )
      taken += 1;
  }
  const { changed } = await rebuilding;
  expect(changed).toContainEqual({
    what: 'position',
    of: 'momentum BTC/USDT quantity',
    stored: first[0]?.quantity,
    rebuilt: String(Number(first[0]?.quantity) * FILLS),
  });
  expect(taken).toBeGreaterThan(2);
  const { rows: left } = await longReads.query(
    `select * from derived_differences('main', (select jsonb_agg(jsonb_build_object('strategy', strategy, 'instrument', instrument,
       'quantity', quantity, 'cost', cost, 'realizedPnl', realized_pnl)) from positions))`,
  );
  expect(left).toEqual([]);
});
