import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiUnderTest, KEYS, seedPeople, seedTrading, type ApiUnderTest } from '../test/support/api.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { EXIT } from './exit.js';
import { runCommandLine } from './program.js';

const home = mkdtempSync(join(tmpdir(), 'keelson-ledger-'));
let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
  api = apiUnderTest(store);
  api.now = Date.parse('2026-11-26T12:00:00Z');
  const address = await api.server.listen({ host: '127.0.0.1', port: 0 });
  writeFileSync(join(home, 'owner-key'), `${KEYS.owner}\n`, { mode: 0o600 });
  writeFileSync(
    join(home, 'run.json'),
    JSON.stringify({ pid: 1, since: 0, addresses: { api: address, temporal: '', metrics: {} }, pids: {} }),
  );
});
afterAll(async () => {
  await api?.close();
  await store?.drop();
  rmSync(home, { recursive: true, force: true });
});

const keelson = async (line: string) => {
  const result = { exitCode: 0, out: '', error: '' };
  result.exitCode = await runCommandLine(['ledger', ...line.split(' ')], {
    ...{ env: { KEELSON_HOME: home }, root: home, now: Date.now, newId: randomUUID },
    out: (text) => void (result.out += text),
    error: (text) => void (result.error += text),
  });
  return result;
};

test('a day is printed for people, for a spreadsheet and for programs', async () => {
  const seen = await keelson('fills --day 2026-11-23');
  expect(seen).toMatchObject({ exitCode: 0, error: '' });
  expect(seen.out).toMatch(
    /^main, 2026-11-23 \(UTC\)\n *event time +strategy +origin .*\n2026-11-23 09:59:59\.999 +momentum +ours +SPX\/USDT +buy +0\.3 +2100 /,
  );
  const { out } = await keelson('fees --day 2026-11-23 --format csv');
  expect(out).toBe('strategy,instrument,feeAsset,fee,quote,value,unvaluedFees,fills\r\nmomentum,SPX/USDT,USDT,0.63,USDT,0.63,0,1\r\n');
  // A time is ISO 8601 there, and epoch milliseconds for programs.
  const [names = '', first = ''] = (await keelson('fills --day 2026-11-23 --format csv')).out.split('\r\n');
  expect([names.split(',')[0], first.split(',')[0]]).toEqual(['eventTime', '2026-11-23T09:59:59.999Z']);
  expect(JSON.parse((await keelson('fills --day 2026-11-23 --format json')).out)).toMatchObject({
    fills: [{ eventTime: Date.parse('2026-11-23T09:59:59.999Z') }],
  });
  expect(JSON.parse((await keelson('slippage --day 2026-11-23 --format json')).out)).toMatchObject({
    orders: [
      {
        intentId: 'o1',
        averagePrice: '2100',
        decision: { price: '2100.5', bps: '-2.3804' },
        arrival: null,
        mid: null,
        withoutMid: 'notNoted',
      },
    ],
  });
  expect((await keelson('pnl --day 2026-11-22')).out).toBe(
    'main, 2026-11-22 (UTC)\nNothing on that day.\n\nNo position was closed on that day.\n',
  );
  expect((await keelson('fills --day today')).error).toContain('expected a day such as 2026-11-26');
  expect((await keelson('fills --format xml')).exitCode).toBe(EXIT.usage);
});

test('of a day before the onboarding it is told since when the account is kept', async () => {
  await store.pool.query(`insert into accounts (account, venue, onboarded_at) values ('young', 'paper', '2026-11-24T08:00:00Z')`);
  await store.pool.query(`insert into inventory (account, asset, quantity) values ('young', 'USDT', 7)`);
  expect((await keelson('statement --account young --day 2026-11-23')).out).toBe(
    'young, 2026-11-23 (UTC)\nNothing on that day.\nThe account is kept since 2026-11-24 08:00:00.000: of what it held before nothing is known.\n\nNo strategy traded on that day.\n',
  );
  expect((await keelson('statement --account young --day 2026-11-24 --format csv')).out).toMatch(/\r\nUSDT,7,0,/);
  await store.pool.query(`delete from inventory where account = 'young'; delete from accounts where account = 'young'`);
});

test('what a stranger wrote is not run as a formula', async () => {
  await store.pool.query(
    `alter table fills disable trigger all; update fills set fee_asset = '=HYPERLINK("x")'; alter table fills enable trigger all`,
  );
  expect((await keelson('fees --day 2026-11-23 --format csv')).out).toContain(`,"'=HYPERLINK(""x"")",0.63,`);
});

test('verify ends with a code of its own where something is stored that does not follow', async () => {
  const seen = await keelson('verify');
  expect(seen.exitCode).toBe(EXIT.differs);
  expect(seen.out).toMatch(/^main: 1 fills, 0 movements and 0 points of equity recomputed, \d+ differences\.\nwhat +of +stored +rebuilt\n/);
  expect(seen.out).toMatch(/\nfill +SPX\/USDT trade 9 of order 77 +no entries /);
  await store.pool.query(`insert into accounts (account, venue) values ('empty', 'paper')`);
  expect(await keelson('verify --account empty')).toEqual({
    ...{ exitCode: EXIT.done, error: '' },
    out: 'empty: 0 fills, 0 movements and 0 points of equity recomputed, 0 differences.\n',
  });
});

test('a person books what the ledger has not, once, under a key of its own; a correction explains an incident', async () => {
  await store.pool.query(`insert into risk_state (account, limits) values ('main', '{}')`);
  const id = randomUUID();
  const line = `book deposit 12.5 USDT --account main --reference tx-1 --at 2026-11-23T08:00:00Z --movement-id ${id} --reason seen`;
  expect((await keelson(line)).out).toBe(`deposit of 12.5 USDT in main: booked as ${id}.\n`);
  expect((await keelson(line)).out).toBe(`deposit of 12.5 USDT in main: was booked before as ${id}.\n`);
  expect((await keelson('statement --account main --day 2026-11-23')).out).toMatch(/\nUSDT +0 +-630 +0 +12\.5 /);
  const alike = 'book deposit 12.5 USDT --account main --at 2026-11-23T09:00:00Z --reason seen';
  expect(await keelson(alike)).toMatchObject({ exitCode: EXIT.refused, error: expect.stringContaining('may be the same') });
  expect((await keelson(`${alike} --another`)).out).toMatch(/^deposit of 12\.5 USDT in main: booked as /);
  const correction = 'book correction --account main --reason dust';
  expect((await keelson(`${correction} -- -0.1 USDT`)).error).toContain(
    'Nothing is booked in main: it needs an incident of the account that is open',
  );
  expect((await keelson(`${correction} --incident 1 -- -0.1 USDT`)).out).toMatch(/^correction of -0\.1 USDT in main: booked as /);
  expect((await keelson('book deposit 1e3 USDT --account main --reason seen')).error).toContain('expected a decimal in plain digits');
  expect((await keelson('book deposit 1 USDT --account main --at noon --reason seen')).exitCode).toBe(EXIT.usage);
});

test('what is stored otherwise is rebuilt, and every figure is told; a ledger whose fills are damaged is not', async () => {
  expect(await keelson('rebuild --account main --reason seen')).toMatchObject({
    exitCode: EXIT.refused,
    error: expect.stringContaining('The ledger of main is not rebuilt: its entries contradict themselves (fill '),
  });
  await store.pool.query(`insert into control (account, mode) values ('empty', 'normal')`);
  await store.pool.query(`insert into ledger_balances values ('empty', 'USDT', 5)`);
  expect((await keelson('rebuild --account empty --reason seen')).out).toMatch(
    /^empty: 1 figures rebuilt\. Then have it compared anew: keelson reconcile run --deep\.\nwhat .*\nbalance +USDT +5 +0\n$/,
  );
  expect((await keelson('rebuild --account empty --reason seen')).out).toBe('empty: 0 figures rebuilt.\n');
  expect((await keelson('rebuild --account empty')).exitCode).toBe(EXIT.usage);
});
