import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { rootFolder } from '../../config/index.js';
import type { Latch } from '../../core/control/mode.js';
import { takeLock } from '../../launcher/home/lock.js';
import { hangingUp, type HangingUp } from '../../test/support/database-door.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { EXIT } from '../exit.js';
import type { Terminal } from '../terminal.js';
import { killWithoutTemporal } from './direct.js';

const EVERYTHING: Latch = { scope: 'everything', scopeValue: '' };
const LIMIT = { timeout: 30_000, interval: 20 };

describe('keelson kill --direct, where the ledger is another than this shell believes', () => {
  let store: TestDatabase;
  let home: string;
  let said: string;
  let doors: HangingUp[];
  let stopping: AbortController;

  beforeAll(async () => {
    store = await testDatabase();
  });
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'keelson-elsewhere-'));
    [said, doors, stopping] = ['', [], new AbortController()];
  });
  afterEach(async () => {
    stopping.abort();
    for (const door of doors) await door.close();
    await store.pool.query(
      'update latches set released_at = clock_timestamp() where released_at is null; delete from outbox; delete from control; delete from accounts',
    );
    await rm(home, { recursive: true, force: true });
  });
  afterAll(() => store?.drop());

  const has = (account: string, venue: string): Promise<unknown> =>
    store.pool.query(`with one as (insert into accounts (account, venue) values ($1, $2)) insert into control (account) values ($1)`, [
      account,
      venue,
    ]);
  const terminal = (env: Record<string, string>): Terminal => ({
    // The same one: what is changed in it later is read.
    env: Object.assign(env, { KEELSON_HOME: home, KEELSON_CONFIG: join(rootFolder(), 'keelson.config.json') }),
    root: home,
    now: Date.now,
    newId: randomUUID,
    out: () => undefined,
    error: (text) => void (said += text),
  });
  const kill = (env: Record<string, string>, scope = EVERYTHING, isDrill = false) =>
    killWithoutTemporal(terminal(env), { scope, cause: { policy: 'atOnce', reason: 'a test' }, isDrill }, stopping.signal);
  const written = async (): Promise<unknown[]> => (await store.pool.query('select from latches where released_at is null')).rows;
  /** As the embedded server writes where it listens, and a killed one leaves it. */
  const listensAt = async (url: string): Promise<void> => {
    const { port, password } = new URL(url);
    await mkdir(join(home, 'postgres', 'data'), { recursive: true });
    await writeFile(join(home, 'postgres', 'password'), password);
    await writeFile(join(home, 'postgres', 'data', 'postmaster.pid'), `1\n/data\n0\n${port}\n`);
  };

  describe('a drill', () => {
    it.each<[string, Latch, readonly (readonly [string, string])[], string]>([
      [
        'everything, and an account that the file does not have',
        EVERYTHING,
        [
          ['main', 'paper'],
          ['live1', 'spot'],
        ],
        'live1',
      ],
      ['an account that the file does not have', { scope: 'account', scopeValue: 'live1' }, [['live1', 'spot']], 'live1'],
      ['… also where its venue has the name of one on paper', { scope: 'account', scopeValue: 'live1' }, [['live1', 'paper']], 'live1'],
      ['an account that trades at another venue', { scope: 'account', scopeValue: 'main' }, [['main', 'spot']], 'main'],
      [
        'a strategy of all accounts',
        { scope: 'strategy', scopeValue: 'momentum' },
        [
          ['main', 'paper'],
          ['live1', 'spot'],
        ],
        'live1',
      ],
    ])('is refused before anything is written: %s', async (_, scope, ledger, named) => {
      for (const [account, venue] of ledger) await has(account, venue);
      const failed = await kill({ DATABASE_URL: store.url }, scope, true).catch((error: unknown) => error);
      expect(failed).toMatchObject({
        exitCode: EXIT.refused,
        message: expect.stringMatching(`NOT HALTED.*has ${named} under it`) as unknown,
      });
      expect(await written()).toEqual([]);
      const { rows } = await store.pool.query(`select from outbox where kind = 'haltChanged'`);
      expect([rows, said]).toEqual([[], expect.not.stringContaining('HALTED:')]);
    });

    it.each<[string, Latch, string]>([
      ['an account that nobody knows', { scope: 'account', scopeValue: 'nobody' }, 'no account is under account nobody. Known: main.'],
      ['a venue', { scope: 'venue', scopeValue: 'nowhere' }, 'no account is under venue nowhere. Known: paper.'],
      ['a strategy', { scope: 'strategy', scopeValue: 'nothing' }, 'no account trades or holds anything of strategy nothing. Known: none.'],
      [
        '… in an account that has nothing of it',
        { scope: 'strategy', scopeValue: 'momentum', account: 'main' },
        'no account trades or holds anything of strategy momentum in main. Known: none.',
      ],
    ])('is refused where nothing is under it, which two people would have to end: %s', async (_, scope, told) => {
      await has('main', 'paper');
      const failed = await kill({ DATABASE_URL: store.url }, scope, true).catch((error: unknown) => error);
      expect(failed).toMatchObject({ exitCode: EXIT.refused, message: expect.stringContaining(told) as unknown });
      expect(failed).toMatchObject({ message: expect.stringContaining('INPUT_DRILL_OF_NOTHING') as unknown });
      expect([await written(), said]).toEqual([[], expect.not.stringContaining('written all the same')]);
      // A halt of the same name is never refused.
      expect(await kill({ DATABASE_URL: store.url }, scope)).toMatchObject({ exitCode: EXIT.unverified });
      expect(await written()).toHaveLength(1);
    });

    it('is refused where no database tells what it would reach', async () => {
      for (const url of ['postgres://nobody@127.0.0.1:1/none', '']) {
        const taken = takeLock(join(home, 'lock'));
        const failed = await kill({ DATABASE_URL: url }, EVERYTHING, true).catch((error: unknown) => error);
        if (taken.held) taken.lock.release();
        expect(failed).toMatchObject({
          exitCode: EXIT.unreachable,
          message: expect.stringContaining('A drill is begun where the database') as unknown,
        });
      }
      expect(said).not.toContain('UNLATCHED');
    });
  });

  it('takes the address that the database has now, where the one of before does not answer', async () => {
    await has('main', 'paper');
    const [before, after] = [await hangingUp(store.url), await hangingUp(store.url)];
    doors = [before, after];
    const env: Record<string, string> = { DATABASE_URL: before.url };
    const ending = kill(env);
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    after.open();
    env['DATABASE_URL'] = after.url;
    await vi.waitFor(() => expect(said).toContain('HALTED: main'), LIMIT);
    expect(await written()).toHaveLength(1);
    stopping.abort();
    expect(await ending).toMatchObject({ exitCode: EXIT.unverified });
  });

  it('says that nothing runs where a killed start has left the addresses of what is not there any more', async () => {
    await listensAt('postgres://keelson:secret@127.0.0.1:1/keelson');
    const failed = await kill({}).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      exitCode: EXIT.unreachable,
      message: expect.stringContaining(`Keelson does not run from ${home}`) as unknown,
    });
    expect(said).not.toContain('UNLATCHED');
  });

  it('… and goes on where the start of it is under way, or something listens there', async () => {
    const taken = takeLock(join(home, 'lock'));
    await listensAt('postgres://keelson:secret@127.0.0.1:1/keelson');
    const ending = kill({});
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    stopping.abort();
    expect(await ending).toMatchObject({ exitCode: EXIT.unlatched });
    if (taken.held) taken.lock.release();
    [said, stopping] = ['', new AbortController()];
    const door = await hangingUp(store.url);
    doors = [door];
    await listensAt(door.url);
    const another = kill({});
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    stopping.abort();
    expect(await another).toMatchObject({ exitCode: EXIT.unlatched });
  });
});
