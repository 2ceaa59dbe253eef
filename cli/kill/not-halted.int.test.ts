import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiUnderTest, KEYS, seedPeople, seedTrading, type ApiUnderTest } from '../../test/support/api.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { rootFolder } from '../../config/index.js';
import { EXIT } from '../exit.js';
import { runCommandLine } from '../program.js';

let home: string;
/** Told of each line that is said, at once. */
let hear: (line: string) => void;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'keelson-not-halted-'));
  hear = () => undefined;
});
afterEach(() => rm(home, { recursive: true, force: true }));

const keelson = async (line: string, address?: string, key?: string, config?: string) => {
  const result = { exitCode: 0, out: '', error: '' };
  result.exitCode = await runCommandLine(line.split(' '), {
    env: {
      KEELSON_HOME: home,
      ...(address === undefined ? {} : { KEELSON_API_URL: address }),
      ...(key === undefined ? {} : { KEELSON_API_KEY: key }),
      ...(config === undefined ? {} : { KEELSON_CONFIG: config }),
    },
    root: home,
    now: Date.now,
    newId: randomUUID,
    out: (text) => void (result.out += text),
    error: (text) => {
      result.error += text;
      hear(text);
    },
  });
  return result;
};
const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('a halt that was not written', () => {
  it.each([
    [503, { detail: 'The database did not answer.' }, 'The database did not answer.'],
    [429, { detail: 'Too many requests.' }, 'Too many requests.'],
    [403, { detail: 'vera has not the role for this.', code: 'AUTH_ROLE' }, 'vera has not the role for this.'],
    [400, { detail: 'body.scope: expected' }, 'body.scope: expected'],
    [200, 'no JSON', 'The API answered 200 with something that is not of Keelson.'],
  ])('says so, and what to type, where the API answers %i', async (status, answer, why) => {
    const server = createServer((_, response) => {
      response.statusCode = status;
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const error = `NOT HALTED. ${why}\nWithout the API: keelson kill --direct --account main --flatten atOnce`;
      const line = 'kill --account main --flatten atOnce --wait';
      expect(await keelson(line, addressOf(server), 'a-key')).toEqual({ exitCode: EXIT.refused, out: '', error: `${error}\n` });
      const problem = JSON.parse((await keelson(`${line} --json`, addressOf(server), 'a-key')).error) as object;
      expect(problem).toEqual({ ...(typeof answer === 'string' ? {} : answer), detail: error });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('says so where nothing runs, nothing answers, or the key is missing or open to others', async () => {
    const nobody = 'http://127.0.0.1:1';
    const everything = 'Without the API: keelson kill --direct\n';
    const told = async (line: string, address?: string) => {
      const { exitCode, out, error } = await keelson(line, address);
      expect([out, error]).toEqual(['', expect.stringMatching(/^NOT HALTED\. /)]);
      expect(error.endsWith(everything)).toBe(true);
      return [exitCode, error] as const;
    };
    expect(await told('kill')).toEqual([EXIT.unreachable, expect.stringContaining('Keelson does not run from')]);
    expect(await told('kill', nobody)).toEqual([EXIT.configuration, expect.stringContaining('cannot be read (ENOENT)')]);
    await writeFile(join(home, 'owner-key'), 'a-key\n', { mode: 0o600 });
    expect(await told('kill', nobody)).toEqual([EXIT.unreachable, expect.stringContaining('does not answer')]);
    expect(await told('kill --as rik', nobody)).toEqual([EXIT.configuration, expect.stringContaining('rik')]);
    await chmod(join(home, 'owner-key'), 0o644);
    expect(await told('kill', nobody)).toEqual([EXIT.configuration, expect.stringContaining('644')]);
    await writeFile(join(home, 'run.json'), '{ broken');
    expect(await told('kill')).toEqual([EXIT.unreachable, expect.stringContaining('Keelson does not run from')]);
  });

  it('says so within seconds where the API takes the call and does not answer', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { exitCode, error } = await keelson('kill --account main', addressOf(server), 'a-key');
      expect([exitCode, error]).toEqual([EXIT.unreachable, expect.stringContaining('nothing within 5 s')]);
      expect(error).toMatch(/^NOT HALTED\. [^]*Without the API: keelson kill --direct --account main\n$/);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('says so at once, without the API too, where nothing of the home is there and neither a database nor a venue is known', async () => {
    const usual = join(rootFolder(), 'keelson.config.json');
    for (const line of ['kill --direct', 'kill --direct --account main --json']) {
      const { exitCode, out, error } = await keelson(line, undefined, undefined, usual);
      expect([exitCode, out]).toEqual([EXIT.unreachable, '']);
      expect(error).toContain(`NOT HALTED. Keelson does not run from ${home}: nothing of this home can send`);
      expect(error).not.toContain('UNLATCHED');
    }
  });

  it('says so of what is mistyped, and gives back what can be typed', async () => {
    for (const line of ['kill --acount main', 'kill --flatten all', 'kill main']) {
      const { exitCode, out, error } = await keelson(line);
      expect([exitCode, out, error]).toEqual([EXIT.usage, '', expect.stringMatching(/^NOT HALTED\. error: /)]);
      expect(error).toMatch(/\nEverything, without the API: keelson kill --direct\n$/);
      expect(error.trim().split('\n').length).toBeLessThan(6);
    }
    const { exitCode, error } = await keelson('kill --drill --strategy it’s --venue paper');
    expect([exitCode, error]).toEqual([
      EXIT.usage,
      `NOT HALTED. Name one of --venue, --strategy, --instrument; --account goes with the last two, or alone.\nWithout the API: keelson kill --direct --drill --venue paper --strategy 'it’s'\n`,
    ]);
  });
});

describe('a halt with nothing, or nothing any more, under it', () => {
  let store: TestDatabase;
  let api: ApiUnderTest;
  let address: string;
  beforeAll(async () => {
    store = await testDatabase();
    await seedPeople(store.pool);
    await seedTrading(store.pool);
    await store.pool.query(`insert into accounts (account, venue, retired_at) values ('old', 'gone', now()), ('second', 'paper', null)`);
    await store.pool.query(`insert into control (account) values ('old'), ('second')`);
    api = apiUnderTest(store);
    address = await api.server.listen({ host: '127.0.0.1', port: 0 });
  });
  beforeEach(async () => {
    await store.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
  });
  afterAll(async () => {
    await api?.close();
    await store?.drop();
  });
  const standing = async (): Promise<unknown[]> =>
    (await store.pool.query('select scope, scope_value as value from latches where released_at is null')).rows;

  it.each(['kill --account old', 'kill --account old --wait', 'kill --venue gone --wait'])(
    '%s: latched, and never verified',
    async (line) => {
      const { exitCode, out, error } = await keelson(line, address, KEYS.risk);
      expect([exitCode, error]).toEqual([EXIT.unverified, '']);
      expect(out).toMatch(
        /^NOTHING IS HALTED: no account is under (account old\. Known: main, second|venue gone\. Known: paper)\. The latch stands \(/,
      );
      expect(await standing()).toHaveLength(1);
      expect((await keelson('halts', address, KEYS.risk)).out).toContain('nothing is halted: no account is under it');
    },
  );

  it.each([
    ['kill --strategy momentum --account second --wait', 'strategy momentum in second. Known: momentum in main'],
    ['kill --strategy momentun', 'strategy momentun. Known: momentum'],
    ['kill --instrument BTCUSDT --flatten atOnce', 'instrument BTCUSDT. Known: SPX/USDT'],
  ])('%s: no account has anything of that name, and the command says so', async (line, told) => {
    const { exitCode, out, error } = await keelson(line, address, KEYS.risk);
    expect([exitCode, error]).toEqual([EXIT.unverified, '']);
    expect(out).toMatch(/^NOTHING IS HALTED: no account trades or holds anything of /);
    expect(out).toContain(` of ${told}. The latch stands (`);
    expect(await standing()).toHaveLength(1);
    if (!line.includes('--account')) {
      const { out: listed } = await keelson('halts', address, KEYS.risk);
      expect(listed).toContain('nothing is halted: no account trades or holds anything of it');
    }
  });

  it.each([
    ['two people end it', `update latches set released_at = clock_timestamp() where released_at is null`, 'two people have ended it'],
    ['its account is retired', `update accounts set retired_at = now() where account = 'second'`, 'second left the configuration'],
    ['the key is revoked', `update api_keys set revoked_at = now() where label = 'risk'`, 'has been revoked'],
  ])('not verified: while it is waited for %s', async (_, change, why) => {
    let after: Promise<unknown> = Promise.resolve();
    hear = (line) => {
      if (line.startsWith('second: waiting')) after = store.pool.query(change);
    };
    try {
      const { exitCode, out, error } = await keelson('kill --account second --wait', address, KEYS.risk);
      await after;
      expect([exitCode, out]).toEqual([EXIT.unverified, '']);
      expect(error).toMatch(/\nHALTED, NOT VERIFIED: /);
      expect(error).toContain(why);
    } finally {
      await store.pool.query(`update accounts set retired_at = null where account = 'second'`);
      await store.pool.query(`update api_keys set revoked_at = null where label = 'risk'`);
    }
  });
});
