import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apiUnderTest, controlVersion, KEYS, seedPeople, seedTrading, withRealVenues, type ApiUnderTest } from '../test/support/api.js';
import { eventually } from '../test/support/eventually.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { runCommandLine } from './program.js';
import type { Terminal } from './terminal.js';

const TEN = Date.parse('2026-11-23T10:00:00Z');
const root = new URL('..', import.meta.url).pathname;
const { version: VERSION } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
const folder = mkdtempSync(join(tmpdir(), 'keelson-cli-'));

let store: TestDatabase;
let api: ApiUnderTest;
let address = '';
let home = '';
let homes = 0;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await store.drop();
});
beforeEach(async () => {
  api = apiUnderTest(store, { version: '0.1.0' });
  api.now = TEN + 1_000;
  address = await api.server.listen({ host: '127.0.0.1', port: 0 });
  home = homeOf(address, KEYS.owner);
});
afterEach(() => api.close());

/** A KEELSON_HOME as the launcher leaves it. */
function homeOf(apiAddress: string, key: string): string {
  const path = join(folder, `home-${(homes += 1)}`);
  mkdirSync(path, { mode: 0o700 });
  const run = { pid: 1, since: TEN, addresses: { api: apiAddress, temporal: '127.0.0.1:7233', metrics: {} }, pids: {} };
  writeFileSync(join(path, 'run.json'), JSON.stringify(run));
  writeFileSync(join(path, 'owner-key'), `${key}\n`, { mode: 0o600 });
  return path;
}

const keelson = async (line: string | readonly string[], env: Record<string, string> = {}, ask?: Terminal['ask']) => {
  const result = { exitCode: 0, out: '', error: '' };
  result.exitCode = await runCommandLine(typeof line === 'string' ? line.split(' ').filter(Boolean) : line, {
    env: { KEELSON_HOME: home, ...env },
    root,
    now: () => api.now,
    ...(ask === undefined ? {} : { ask }),
    newId: randomUUID,
    out: (text) => void (result.out += text),
    error: (text) => void (result.error += text),
  });
  return result;
};

describe('status', () => {
  test('shows mode, streams, what stands and what is not enforced', async () => {
    const { exitCode, out } = await keelson('status');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^Keelson 0\.1\.0 · test · instance [0-9a-f]{8} epoch 1\nNode [\d.]+ · Postgres [\d.]+.* · schema \d{14}_\w+\n/);
    const lines = out.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(lines.slice(4, 13)).toEqual([
      'account | venue | mode | since | version | open orders | unknown | incidents',
      'main | paper | normal | 2026-11-23 10:00:00.250 | 1 | 1 | 1 | 1',
      '',
      'venue | speaks | money | this build',
      'paper | binance | paper | proven',
      '',
      'stream | state | last close | age | from',
      'paper SPX/USDT 1 s | live | 2100.5 | 1 s | stream',
      'paper BTC/USDT 1 s | live | 60000 | 1 s | stream',
    ]);
    expect(lines).toContain('paper ETH/USDT 1 s | silent | – | – | –');
    expect(out).toContain('\nStanding\n  - main: no entries in BTC/USDT: an order is unknown\n');
    expect(out).toContain('\nNot enforced yet\n  - ');
  });

  test('says of each venue whether this build is proven on it', async () => {
    const real = apiUnderTest(store, { config: withRealVenues() });
    try {
      const { out } = await keelson('status', {
        KEELSON_HOME: homeOf(await real.server.listen({ host: '127.0.0.1', port: 0 }), KEYS.owner),
      });
      const lines = out.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
      expect(lines).toEqual(
        expect.arrayContaining([
          'paper | binance | paper | proven',
          'spot | binance | real | unproven',
          'desk | kraken | real | unproven',
          'sandbox | kraken | paper | unproven',
        ]),
      );
    } finally {
      await real.close();
    }
  });

  test('--json prints the API’s own answer', async () => {
    const { out } = await keelson('status --json');
    expect(JSON.parse(out)).toMatchObject({ environment: 'test', accounts: [{ account: 'main', mode: 'normal' }] });
  });
});

describe('lists', () => {
  test.each([
    [
      'orders',
      ['time', 'account', 'strategy', 'instrument', 'purpose', 'side', 'quantity', 'price', 'filled', 'status', 'why'],
      'denied +RISK_MODE',
    ],
    ['orders --open', ['time'], 'unknown'],
    [
      'positions',
      ['account', 'strategy', 'instrument', 'quantity', 'average price', 'stop', 'mark', 'unrealized', 'realized'],
      '0\\.3 +2100 +– +2100\\.5 +0\\.15 +1\\.2',
    ],
    [
      'signals',
      ['time', 'account', 'strategy', 'instrument', 'leg', 'score', 'needed', 'outcome', 'why'],
      'not traded +Account main is in mode paused\\.',
    ],
  ])('keelson %s', async (line, titles, pattern) => {
    const { exitCode, out } = await keelson(line);
    const [head, ...rows] = out.trimEnd().split('\n');
    expect({ exitCode, titles: titles.filter((title) => !head?.includes(title)) }).toEqual({ exitCode: 0, titles: [] });
    expect(rows.join('\n')).toMatch(new RegExp(pattern));
    const asData = JSON.parse((await keelson(`${line} --json`)).out) as Record<string, unknown[]>;
    expect(Object.values(asData)[0]).toHaveLength(rows.length);
  });

  test('an empty list says so, and is an empty list for programs', async () => {
    expect((await keelson('orders --instrument ETH/USDT')).out).toBe('No orders yet.\n');
    expect(JSON.parse((await keelson('orders --instrument ETH/USDT --json')).out)).toEqual({ orders: [] });
  });

  test('dust shows as such beside its quantity', async () => {
    const rules = { tickSize: '0.01', stepSize: '0.001', minQuantity: '0.001', minNotional: '5' };
    await store.pool.query(`insert into instruments values ('paper', 'SPX/USDT', $1)`, [JSON.stringify(rules)]);
    const shown = async (quantity: string): Promise<string> => {
      await store.pool.query(`update positions set quantity = $1::numeric, cost = $1::numeric * 2100 where instrument = 'SPX/USDT'`, [
        quantity,
      ]);
      return (await keelson('positions')).out;
    };
    expect(await shown('0.0004')).toMatch(/SPX\/USDT +0\.0004 dust +2100 +–/);
    expect(await shown('0.3004')).toMatch(/SPX\/USDT +0\.3004 \(0\.0004 dust\) +2100 +–/);
    await shown('0.3');
    await store.pool.query('delete from instruments');
  });

  test('an instrument that does not exist is told from one with nothing to show', async () => {
    const { exitCode, error } = await keelson('orders --instrument BTC/USD');
    expect({ exitCode, error }).toEqual({
      exitCode: 1,
      error:
        'There is no instrument BTC/USD here: it is not configured and was never traded. Known: BTC/USDT, ETH/USDT, SPX/USDT. Write it as BASE/QUOTE.\n',
    });
    expect((await keelson('signals --instrument nonsense')).exitCode).toBe(1);
  });

  test('text from elsewhere cannot write on the terminal', async () => {
    await store.pool.query(`insert into audit_events (kind, account, subject, data) values ('test', 'main', E'\\x1b[2Jowner', '{}')`);
    // An event is shown when no older transaction is open, those of other databases included.
    const out = await eventually(async () => {
      const told = (await keelson('events --kind test')).out;
      if (!told.includes('owner')) throw new Error('it is not shown yet');
      return told;
    });
    expect(out).toContain('�[2Jowner');
    expect(out).not.toContain('\u001b');
  });
});

describe('control', () => {
  test('pauses the only account without a reason, and resumes with one', async () => {
    expect(await keelson('pause')).toEqual({ exitCode: 0, out: 'main is in mode paused.\n', error: '' });
    expect(api.executed[0]).toMatchObject({
      account: 'main',
      kind: 'pause',
      subject: 'owner',
      reason: 'paused by hand from the command line',
    });
    expect((await keelson('resume main')).exitCode).toBe(2);
    const resumed = await keelson([
      'resume',
      'main',
      '--reason',
      'the news is out',
      '--json',
      '--command-id',
      '0b9c7b1a-8a0e-4d5e-9a54-0f0d8a1c2b3d',
    ]);
    expect(JSON.parse(resumed.out)).toEqual({
      commandId: '0b9c7b1a-8a0e-4d5e-9a54-0f0d8a1c2b3d',
      account: 'main',
      mode: 'normal',
      latches: [],
    });
  });

  test('a resume is on the version that is shown or given; a pause takes one, and needs none', async () => {
    await keelson('pause');
    const version = await controlVersion(store.pool);
    expect((await keelson('status')).out).toMatch(new RegExp(`main +paper +paused +\\S+ \\S+ +${version} `));
    const stale = await keelson(`resume --reason calm --expected-version ${version - 1}`);
    expect(stale).toMatchObject({
      exitCode: 1,
      error: `Account main is in mode paused at version ${version} by now, not at ${version - 1}: look at keelson status, and decide anew.\n`,
    });
    expect((await keelson(`pause --expected-version ${version - 1}`)).exitCode).toBe(1);
    expect((await keelson('pause --expected-version 0')).exitCode).toBe(2);
    expect((await keelson(`pause --expected-version ${version}`)).exitCode).toBe(0);
    expect((await keelson('resume --reason calm')).out).toMatch(
      new RegExp(`^main is in mode normal\\.\nIt was decided on version ${version + 1}: paused since 20.*\\.\n$`),
    );
    expect(api.executed.at(-1)).toMatchObject({ kind: 'resume', expectedVersion: version + 1 });
  });

  test('a refusal ends with 1 and the problem’s own message', async () => {
    const asViewer = { KEELSON_API_KEY: KEYS.viewer };
    expect(await keelson('pause main', asViewer)).toEqual({
      exitCode: 1,
      out: '',
      error: 'viewer has not the role for this: one of trader, risk, operator, admin is needed.\n',
    });
    const refused = await keelson('pause ghost --json');
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.error)).toMatchObject({ code: 'INPUT_UNKNOWN_ACCOUNT', status: 404 });
  });
});

describe('finding the API', () => {
  test('nothing runs', async () => {
    const { exitCode, error } = await keelson('status', { KEELSON_HOME: join(folder, 'nowhere') });
    expect(exitCode).toBe(69);
    expect(error).toBe(
      `Keelson does not run from ${join(folder, 'nowhere')}. Start it with \`npm start\`, or say with KEELSON_HOME where it runs.\n`,
    );
  });

  test('the API does not answer', async () => {
    await api.server.close();
    const { exitCode, error } = await keelson('status');
    expect({ exitCode, error: error.replace(address, 'ADDRESS') }).toEqual({
      exitCode: 69,
      error: 'The API at ADDRESS does not answer (ECONNREFUSED). Is `npm start` running? Its log is logs/api.log in KEELSON_HOME.\n',
    });
    const paused = await keelson('pause main --json');
    expect(paused.exitCode).toBe(69);
    expect(JSON.parse(paused.error)).toMatchObject({ commandId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string });
  });

  test('a key that others can read is refused, and so is a missing one', async () => {
    chmodSync(join(home, 'owner-key'), 0o644);
    const { exitCode, error } = await keelson('status');
    expect({ exitCode, error }).toEqual({
      exitCode: 78,
      error: `${home}/owner-key can be read by others (mode 644). Run: chmod 600 ${home}/owner-key\n`,
    });
    rmSync(join(home, 'owner-key'));
    expect((await keelson('status')).exitCode).toBe(78);
  });

  test('a key is sent to this machine or over TLS only', async () => {
    const { exitCode, error } = await keelson('status', { KEELSON_API_URL: 'http://keelson.example' });
    expect(exitCode).toBe(78);
    expect(error).toContain('the key would travel in the clear');
  });
});

describe('usage', () => {
  test.each(['status --fast', 'dance', 'orders --limit 0', 'orders --limit x', 'config', 'status now', ''])(
    'keelson %s ends with 2 and the usage',
    async (line) => {
      const { exitCode, out, error } = await keelson(line);
      expect(exitCode).toBe(2);
      expect(out).toBe('');
      expect(error).toContain('Usage: keelson');
    },
  );

  test('help and version end with 0', async () => {
    expect(await keelson('--version')).toEqual({ exitCode: 0, out: `${VERSION}\n`, error: '' });
    const { exitCode, out } = await keelson('--help');
    expect(exitCode).toBe(0);
    for (const command of ['status', 'pause', 'resume', 'orders', 'positions', 'signals', 'events', 'config'])
      expect(out).toContain(`\n  ${command}`);
  });
});

describe('config', () => {
  test('check prints the effective configuration without its secrets', async () => {
    const { exitCode, out } = await keelson('config check --json', {
      DATABASE_URL: 'postgres://u:hunter2@127.0.0.1/x',
      EXCHANGE_API_KEY: 'k3y',
      ENVIRONMENT: 'prod',
    });
    expect(exitCode).toBe(0);
    expect(out).not.toMatch(/hunter2|k3y/);
    expect(JSON.parse(out)).toMatchObject({
      environmentName: 'production',
      config: { limits: { main: { collarBps: 50 } } },
      environment: { DATABASE_URL: '(set)', EXCHANGE_API_KEY: '(set)', ENVIRONMENT: 'prod' },
    });
  });

  test('check tells every problem and ends with 78', async () => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, '{ "ports": { "apy": 1 }, "venues": 3 }');
    const { exitCode, out, error } = await keelson(['config', 'check', '--config', path], { LOG_LEVEL: 'loud' });
    expect(exitCode).toBe(78);
    expect(out).toBe('');
    expect(error.split('\n')).toEqual([
      `CONFIG_INVALID: The configuration ${path} has 7 problems:`,
      '  venues: expected an object, found 3',
      '  accounts: is missing: expected an object',
      '  strategies: is missing: expected a list of strategies',
      '  limits: is missing: expected an object',
      '  demo: is missing: expected an object',
      '  ports.apy: is not a known key',
      '  LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, found "loud"',
      '',
    ]);
  });

  test('check tells of a channel of alerts that lacks its secret', async () => {
    const path = join(folder, 'channels.json');
    const shipped = readFileSync(join(root, 'keelson.config.json'), 'utf8');
    writeFileSync(path, shipped.replace('{', '{ "alerts": { "telegram": { "chats": ["-1"] } },'));
    const { exitCode, error } = await keelson(['config', 'check', '--config', path]);
    expect({ exitCode, error }).toEqual({
      exitCode: 78,
      error: expect.stringContaining('KEELSON_TELEGRAM_TOKEN: is missing: alerts.telegram needs it') as string,
    });
  });

  test('keys and schema describe the file', async () => {
    expect((await keelson('config keys')).out).toMatch(/limits\.<name>\.collarBps +50 +How far/);
    expect(JSON.parse((await keelson('config schema')).out)).toMatchObject({ title: 'Keelson configuration' });
  });
});

describe('reset', () => {
  const idle = (): string => {
    rmSync(join(home, 'run.json'));
    return home;
  };

  test('asks first, and only yes is yes', async () => {
    idle();
    const questions: string[] = [];
    const answer = (text: string) => async (question: string) => {
      questions.push(question);
      return text;
    };
    expect(await keelson('reset', {}, answer('y'))).toMatchObject({ exitCode: 1, error: 'Nothing was removed.\n' });
    expect(existsSync(join(home, 'owner-key'))).toBe(true);
    expect(questions[0]).toContain(`  ${home}/owner-key\n`);
    expect(await keelson('reset', {}, answer('yes'))).toMatchObject({ exitCode: 0, error: '' });
    expect(existsSync(home)).toBe(false);
    expect((await keelson('reset', {}, answer('yes'))).out).toBe(`There is nothing in ${home}.\n`);
  });

  test('where nobody can be asked it needs --yes, and leaves what is not ours', async () => {
    idle();
    writeFileSync(join(home, 'notes.txt'), 'mine');
    expect((await keelson('reset')).exitCode).toBe(2);
    expect(JSON.parse((await keelson('reset --yes --json')).out)).toEqual({
      home,
      removed: [join(home, 'owner-key')],
      left: ['notes.txt'],
    });
    writeFileSync(join(home, 'owner-key'), 'key', { mode: 0o600 });
    expect((await keelson('reset --yes')).out).toBe(`${home} is as new, but for what stays: notes.txt. \`npm start\` begins anew.\n`);
    expect(readdirSync(home)).toEqual(['notes.txt']);
  });
});
