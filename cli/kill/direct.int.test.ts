import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { rootFolder } from '../../config/index.js';
import { parseJsonc } from '../../config/jsonc.js';
import { createOrderActivities } from '../../activities/order/index.js';
import { REFUSED_MS } from '../../activities/kill/direct.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import type { Latch } from '../../core/control/mode.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { TEST_KEY, TEST_SECRET } from '../../exchange/testing/open-venue.js';
import { hangingUp, keepingSilent, type Door, type HangingUp } from '../../test/support/database-door.js';
import { seedPerson } from '../../test/support/people.js';
import { ACCOUNT, INSTRUMENT, LIMITS, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { takeLock } from '../../launcher/home/lock.js';
import { EXIT } from '../exit.js';
import type { Terminal } from '../terminal.js';
import { killWithoutTemporal, type DirectWish } from './direct.js';

const d = (text: string): DecimalText => text as DecimalText;
const SCOPE: Latch = { scope: 'account', scopeValue: ACCOUNT };
/** Nothing listens there. */
const NOBODY = { rest: 'http://127.0.0.1:1', stream: 'ws://127.0.0.1:1', wsApi: 'ws://127.0.0.1:1' };
const LIMIT = { timeout: 30_000, interval: 20 };

describe('keelson kill --direct, on a real ledger and paper venue, without Temporal', () => {
  let stack: TradingStack;
  let home: string;
  let said: string;
  /** Told of each line at once. */
  let hear: ((line: string) => void) | undefined;
  let bar = 0;
  const doors: Door[] = [];
  /** By how much the command's clock is before ours, ms. */
  let ahead = 0;
  /** What a failed test has left running ends with it. */
  let stopping = new AbortController();

  beforeAll(async () => {
    stack = await openTradingStack();
    home = await mkdtemp(join(tmpdir(), 'keelson-test-home-'));
    await seedPerson(stack.database.pool, 'owner', ['admin'], 'key-of-owner');
    await writeFile(join(home, 'owner-key'), 'key-of-owner\n', { mode: 0o600 });
    const base = parseJsonc(await readFile(join(rootFolder(), 'keelson.config.json'), 'utf8')) as Record<string, unknown>;
    const limits = Object.fromEntries(Object.entries(LIMITS).filter(([name]) => name !== 'priceMaxAgeMs'));
    const config = {
      ...base,
      $schema: undefined,
      // The ledger does not know one of them, and another has a venue that nothing answers for.
      venues: { paper: { profile: 'binance', paper: true }, away: { profile: 'binance', paper: true, urls: NOBODY } },
      accounts: Object.fromEntries(
        Object.entries({ [ACCOUNT]: 'paper', unseen: 'paper', keyless: 'paper', other: 'away' }).map(([account, venue]) => [
          account,
          { venue, allowLiveTrading: false },
        ]),
      ),
      strategies: [],
      limits: Object.fromEntries([ACCOUNT, 'unseen', 'keyless', 'other'].map((account) => [account, limits])),
    };
    await writeFile(join(home, 'config.json'), JSON.stringify(config));
  });
  afterEach(async () => {
    stopping.abort();
    stopping = new AbortController();
    hear = undefined;
    ahead = 0;
    for (const door of doors.splice(0)) await door.close();
    await stack.database.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
  });
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
    await stack?.close();
  });

  const terminal = (databaseUrl: string, folder = home, more: Terminal['env'] = {}): Terminal => {
    said = '';
    const { rest, stream, wsApi } = stack.addresses;
    return {
      env: {
        KEELSON_HOME: folder,
        KEELSON_CONFIG: join(home, 'config.json'),
        DATABASE_URL: databaseUrl,
        KEELSON_PAPER_REST: rest,
        KEELSON_PAPER_STREAM: stream,
        KEELSON_PAPER_WSAPI: wsApi,
        EXCHANGE_API_KEY: TEST_KEY,
        EXCHANGE_API_SECRET: TEST_SECRET,
        ...more,
      },
      root: home,
      now: () => Date.now() + ahead,
      newId: randomUUID,
      out: () => undefined,
      error: (text) => {
        said += text;
        hear?.(text);
      },
    };
  };
  const buy = async (): Promise<void> => {
    stack.market.seePrice(ACCOUNT, INSTRUMENT, d('50000'), { seenTime: Date.now() });
    stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
    const steps = createOrderActivities(stack.dependencies);
    const signal = stack.signal('open', (bar += 1_000));
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    expect(await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT))).toMatchObject({ status: 'filled' });
  };
  /** An order that nobody of ours has made. */
  const placeForeign = async (): Promise<void> => {
    const placed = await stack.venue.sender.submit(
      {
        clientOrderId: randomUUID().replaceAll('-', ''),
        instrument: INSTRUMENT,
        side: 'buy',
        type: 'limit',
        postOnly: false,
        timeInForce: 'GTC',
        quantity: d('0.001'),
        price: d('40000'),
        signedTimestamp: Date.now(),
        receiveWindowMs: 2_000,
      },
      10_000,
    );
    expect(placed).toMatchObject({ kind: 'accepted' });
  };
  const openAtVenue = async (): Promise<number> => (await stack.venue.haltReader.openOrders()).length;
  const kept = <Kept extends Door>(door: Kept): Kept => (doors.push(door), door);
  const withADoor = async (): Promise<HangingUp> => kept(await hangingUp(stack.database.url));
  const wished = (scope: Latch): DirectWish => ({ scope, cause: { policy: 'atOnce', reason: 'a test' }, isDrill: false });
  const run = (url: string, scope: Latch = SCOPE, folder = home) =>
    killWithoutTemporal(terminal(url, folder), wished(scope), stopping.signal);
  const standing = async (): Promise<unknown[]> => (await stack.database.pool.query('select from latches where released_at is null')).rows;

  it('latches under the name of the key, cancels, sells, verifies, and leaves a file', async () => {
    await buy();
    await placeForeign();
    const ended = await run(stack.database.url);
    expect(ended.exitCode).toBe(EXIT.done);
    expect(ended.text).toContain('VERIFIED');
    expect(await openAtVenue()).toBe(0);
    expect(
      decimal(stack.witness().balances.get('BTC') ?? '0')
        .minus(2)
        .toNumber(),
    ).toBeLessThan(0.00002);
    const { rows } = await stack.database.pool.query(
      `select subject, key_id is not null as has_key, policy from latches where released_at is null`,
    );
    expect(rows).toEqual([{ subject: 'owner', has_key: true, policy: 'atOnce' }]);
    const [name] = await readdir(join(home, 'evidence'));
    expect(JSON.parse(await readFile(join(home, 'evidence', name ?? ''), 'utf8'))).toMatchObject({ finding: { unverified: [] } });
    // What is foreign stays so in our books: nothing of it was invented.
    const foreign = (await disagreements(stack.database.pool, ACCOUNT, stack.witness())).filter((one) => !one.startsWith('orphaned'));
    expect(foreign).toEqual([]);
  });

  it('knows who halts by the key that every command takes, and writes each call down', async () => {
    await seedPerson(stack.database.pool, 'rik', ['risk'], 'key-of-rik');
    const file = join(home, 'key-of-rik');
    await writeFile(file, 'key-of-rik\n', { mode: 0o600 });
    const wish = { scope: SCOPE, cause: { policy: 'none', reason: 'a test' }, isDrill: false } as const;
    const of = async (env: Terminal['env'], person?: string) => {
      const ended = await killWithoutTemporal(terminal(stack.database.url, home, env), { ...wish, person }, stopping.signal);
      expect(ended.exitCode).toBe(EXIT.done);
      return (ended.data as { latchId: string }).latchId;
    };
    const latchId = await of({ KEELSON_API_KEY_FILE: file });
    for (const [env, person] of [
      [{ KEELSON_API_KEY: 'key-of-rik', KEELSON_API_KEY_FILE: join(home, 'none') }],
      [{ KEELSON_API_KEY: 'key-of-rik' }, 'owner'],
      [{ KEELSON_API_KEY_FILE: join(home, 'none') }],
    ] as const) {
      expect(await of(env, person)).toBe(latchId);
    }
    const { rows } = await stack.database.pool.query(
      `select kind, subject, data->>'underKey' is not null as has_key from audit_events where data->>'latchId' = $1 and data->>'by' = 'direct'
        order by event_id`,
      [latchId],
    );
    expect(rows).toEqual([
      { kind: 'halt.engaged', subject: 'rik', has_key: true },
      { kind: 'halt.repeated', subject: 'rik', has_key: true },
      { kind: 'halt.repeated', subject: 'owner', has_key: true },
      { kind: 'halt.repeated', subject: 'keelson kill --direct', has_key: false },
    ]);
  });

  it.each([
    ['that hangs up', hangingUp, 'UNLATCHED: INFRA_DATABASE'],
    ['that takes connections and answers nothing', keepingSilent, 'The database has not answered yet, and the halt is not written. Until'],
  ])('with a database %s it cancels what appears, says UNLATCHED, and ends only when the halt is written', async (_, shut, first) => {
    await buy();
    const door = kept(await shut(stack.database.url));
    await placeForeign();
    let isOver = false;
    const ending = run(door.url).finally(() => void (isOver = true));
    await vi.waitFor(async () => expect(await openAtVenue()).toBe(0), LIMIT);
    await placeForeign();
    await vi.waitFor(async () => expect(await openAtVenue()).toBe(0), LIMIT);
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    expect(said).toContain(first);
    expect([isOver, await standing()]).toEqual([false, []]);
    door.open();
    expect((await ending).exitCode).toBe(EXIT.done);
    expect(said).toContain('HALTED');
    expect(await standing()).toHaveLength(1);
  });

  it('without any database it cancels where a venue has an address of its own, and says UNLATCHED', async () => {
    const unset = { KEELSON_PAPER_REST: '', KEELSON_PAPER_STREAM: '', KEELSON_PAPER_WSAPI: '' };
    const everything = wished({ scope: 'everything', scopeValue: '' });
    const ending = killWithoutTemporal(terminal('', home, unset), everything, stopping.signal);
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    stopping.abort();
    expect(await ending).toMatchObject({ exitCode: EXIT.unlatched });
  });

  it('where Keelson just starts from the home it waits for its database, and halts when that is there', async () => {
    const starting = await mkdtemp(join(tmpdir(), 'keelson-test-starting-'));
    const taken = takeLock(join(starting, 'lock'));
    const unset = { DATABASE_URL: '', KEELSON_PAPER_REST: '', KEELSON_PAPER_STREAM: '', KEELSON_PAPER_WSAPI: '' };
    const shell = terminal('', starting);
    try {
      const all: Record<string, string | undefined> = { ...shell.env, ...unset };
      const ending = killWithoutTemporal({ ...shell, env: all }, wished(SCOPE), stopping.signal);
      await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
      Object.assign(all, shell.env, { DATABASE_URL: stack.database.url });
      expect((await ending).exitCode).toBe(EXIT.done);
      expect(said).toContain('HALTED');
    } finally {
      if (taken.held) taken.lock.release();
      await rm(starting, { recursive: true, force: true });
    }
  });

  it('interrupted before the halt is written it has an exit code of its own', async () => {
    const door = await withADoor();
    const ending = run(door.url);
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    stopping.abort();
    const ended = await ending;
    expect([ended.exitCode, ended.text]).toEqual([EXIT.unlatched, expect.stringContaining('UNLATCHED')]);
    expect(await standing()).toEqual([]);
  });

  it.each<[Latch, string]>([
    [{ scope: 'account', scopeValue: 'mian' }, `no account is under account mian. Known: ${ACCOUNT}`],
    [{ scope: 'venue', scopeValue: 'papper' }, 'no account is under venue papper. Known: paper'],
    [{ scope: 'strategy', scopeValue: 'momentun' }, 'no account trades or holds anything of strategy momentun. Known: momentum'],
    [{ scope: 'instrument', scopeValue: 'BTCUSDT' }, `no account trades or holds anything of instrument BTCUSDT. Known: ${INSTRUMENT}`],
    [
      { scope: 'strategy', scopeValue: 'momentun', account: ACCOUNT },
      `no account trades or holds anything of strategy momentun in ${ACCOUNT}. Known: momentum in ${ACCOUNT}`,
    ],
  ])('what is mistyped halts nothing, and says so: %j', async (scope, told) => {
    const ended = await run(stack.database.url, scope);
    expect([ended.exitCode, ended.text]).toEqual([
      EXIT.unverified,
      expect.stringContaining(`NOTHING IS HALTED: ${told}. The latch stands (`),
    ]);
    expect(said).toContain(`the configuration has no ${scope.scope} ${scope.scopeValue}`);
    expect(said).not.toContain('HALTED');
    expect(await standing()).toHaveLength(1);
  });

  it('halts what only the ledger has, since the configuration may have lost it', async () => {
    await buy();
    const ended = await run(stack.database.url, { scope: 'strategy', scopeValue: 'momentum' });
    expect([ended.exitCode, ended.text]).toEqual([EXIT.done, expect.stringContaining(`${ACCOUNT}: VERIFIED`)]);
    expect(said).toContain('the configuration has no strategy momentum. It has: none. The halt is written all the same.');
    expect(said).toContain(`HALTED: strategy momentum in ${ACCOUNT}`);
  });

  it('a configuration that is half edited keeps no halt from being written: it says that the venues are not reached', async () => {
    await placeForeign();
    const path = join(home, 'half-edited.json');
    await writeFile(path, '{ "accounts": {');
    const wish = { scope: SCOPE, cause: { policy: 'none', reason: 'a test' } } as const;
    const env = { KEELSON_CONFIG: path };
    const ended = await killWithoutTemporal(terminal(stack.database.url, home, env), { ...wish, isDrill: false }, stopping.signal);
    expect([ended.exitCode, ended.text]).toEqual([EXIT.unverified, expect.stringMatching(/NOT VERIFIED\n {2}CONFIG_INVALID/)]);
    expect(said).toMatch(/THE VENUES ARE NOT REACHED: CONFIG_INVALID.*\n(.*\n)*.*HALTED: /);
    expect(await standing()).toHaveLength(1);
    expect(await openAtVenue()).toBe(1);
    await stack.database.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
    // What is not known to be on paper is drilled nowhere.
    const drill = killWithoutTemporal(terminal(stack.database.url, home, env), { ...wish, isDrill: true }, stopping.signal);
    await expect(drill).rejects.toThrow('CONFIG_INVALID');
    expect(await standing()).toEqual([]);
  });

  it('… and where the database does not answer either, it does not say that anything is canceled', async () => {
    const door = await withADoor();
    const path = join(home, 'half-edited.json');
    await writeFile(path, '{ "accounts": {');
    const wish = { scope: SCOPE, cause: { policy: 'none', reason: 'a test' }, isDrill: false } as const;
    const ending = killWithoutTemporal(terminal(door.url, home, { KEELSON_CONFIG: path }), wish, stopping.signal);
    await vi.waitFor(() => expect(said).toContain('nothing is canceled, since the configuration cannot be read'), LIMIT);
    door.open();
    expect((await ending).exitCode).toBe(EXIT.unverified);
    expect(said).toContain('HALTED: ');
    expect(await standing()).toHaveLength(1);
  });

  it.each(['people', 'api_keys'])('while somebody holds %s, the halt is written without a name, and says so', async (table) => {
    const holder = await stack.database.pool.connect();
    try {
      await holder.query(`begin; lock table ${table} in access exclusive mode`);
      const ended = await run(stack.database.url);
      expect(ended.exitCode).toBe(EXIT.done);
      expect(said).not.toContain('UNLATCHED');
      expect(said).toContain('The halt is written as keelson kill --direct: whose key it is could not be read (INFRA_DATABASE');
      const { rows } = await holder.query('select subject, key_id from latches where released_at is null');
      expect(rows).toEqual([{ subject: 'keelson kill --direct', key_id: null }]);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  });

  it('where the ledger knows no account under the latch, nothing is called halted', async () => {
    const ended = await run(stack.database.url, { scope: 'account', scopeValue: 'unseen' });
    expect([ended.exitCode, ended.text]).toEqual([EXIT.unverified, expect.stringContaining('NOTHING IS HALTED')]);
    expect(said).not.toContain('HALTED');
    expect(await standing()).toHaveLength(1);
  });

  it('goes on when the database goes away right after the latch: what appears is canceled meanwhile', async () => {
    await buy();
    const door = await withADoor();
    door.open();
    hear = (line) => {
      if (line.includes('HALTED:')) door.shut();
    };
    const ending = run(door.url);
    await vi.waitFor(() => expect(said).toContain('It is tried again; meanwhile what appears is canceled.'), LIMIT);
    expect(said).toContain('HALTED:');
    await placeForeign();
    await vi.waitFor(async () => expect(await openAtVenue()).toBe(0), LIMIT);
    hear = undefined;
    door.open();
    expect((await ending).exitCode).toBe(EXIT.done);
  });

  it('tells that its evidence could not be written, and is done all the same', async () => {
    const folder = await mkdtemp(join(home, 'another-'));
    await writeFile(join(folder, 'evidence'), 'a file where the folder should be');
    const ended = await run(stack.database.url, SCOPE, folder);
    expect([ended.exitCode, ended.text]).toEqual([EXIT.done, expect.stringContaining('VERIFIED')]);
    expect(said).toContain('its evidence could not be written');
  });

  it('ends by itself where an account cannot be opened, or its key is refused for a minute, and says what became of the others', async () => {
    await stack.database.pool.query(
      `insert into accounts (account, venue) values ('former', 'paper'); insert into control (account) values ('former')`,
    );
    const known = { account: 'keyless', venue: 'paper', limits: LIMITS, strategies: [], subject: 'test' };
    await createControlStore(stack.pool).applyConfiguration(known);
    await buy();
    const scope: Latch = { scope: 'venue', scopeValue: 'paper' };
    const env = { EXCHANGE_API_KEY_KEYLESS: TEST_KEY, EXCHANGE_API_SECRET_KEYLESS: 'not-the-secret' };
    const wish = { scope, cause: { policy: 'atOnce', reason: 'a test' }, isDrill: false } as const;
    // Nothing of it is signed any more once the other is flat.
    hear = (line) => {
      if (line.includes(`${ACCOUNT}: its evidence is written`)) ahead = REFUSED_MS;
    };
    const ended = await killWithoutTemporal(terminal(stack.database.url, home, env), wish, stopping.signal);
    expect(ended.exitCode).toBe(EXIT.unverified);
    expect(ended.text).toContain(`${ACCOUNT}: VERIFIED`);
    expect(ended.text).toMatch(/former: NOT VERIFIED\n {2}INPUT_UNKNOWN_ACCOUNT: There is no account former/);
    expect(ended.text).toMatch(/keyless: NOT VERIFIED\n(.*\n)*? {2}VENUE_AUTH: paper refuses the key of keyless/);
    expect(await standing()).toHaveLength(1);
  });

  it('carries each account to its end, whatever befalls another; then it is not verified', async () => {
    await stack.database.pool.query(
      `insert into accounts (account, venue) values ('other', 'away'); insert into control (account) values ('other')`,
    );
    await buy();
    const verified = new Promise<void>((resolve) => {
      hear = (line) => {
        if (line.includes(`${ACCOUNT}: its evidence is written`)) resolve();
      };
    });
    const ending = run(stack.database.url, { scope: 'everything', scopeValue: '' });
    await verified;
    stopping.abort();
    const ended = await ending;
    expect([ended.exitCode, ended.text]).toEqual([EXIT.unverified, expect.stringContaining(`${ACCOUNT}: VERIFIED`)]);
    expect(ended.text).toContain('other: NOT VERIFIED');
  });

  it('P27: two at once sell nothing twice', async () => {
    await buy();
    const { signal } = stopping;
    const [one, other] = [terminal(stack.database.url), terminal(stack.database.url)].map((each) =>
      killWithoutTemporal(each, { scope: SCOPE, cause: { policy: 'atOnce', reason: 'a test' }, isDrill: true }, signal),
    );
    expect([(await one)?.exitCode, (await other)?.exitCode]).toEqual([EXIT.done, EXIT.done]);
    expect(decimal(stack.witness().balances.get('BTC') ?? '0').toNumber()).toBeGreaterThanOrEqual(2);
  });

  it('P31: halts anew where the database that its ledger opens does not have the halt', async () => {
    await buy();
    const door = await withADoor();
    door.open();
    hear = (line) => {
      if (line.includes('HALTED:')) door.shut();
    };
    const ending = run(door.url);
    await vi.waitFor(() => expect(said).toContain('HALTED:'), LIMIT);
    const { rows: lost } = await stack.database.pool.query<{ id: string }>(
      'update latches set released_at = clock_timestamp() where released_at is null returning latch_id::text as id',
    );
    hear = undefined;
    door.open();
    const ended = await ending;
    expect([ended.exitCode, ended.text]).toEqual([EXIT.done, expect.stringContaining('VERIFIED')]);
    const { rows } = await stack.database.pool.query<{ id: string }>('select latch_id::text as id from latches where released_at is null');
    expect(lost).toHaveLength(1);
    expect(rows).toEqual([{ id: (ended.data as { latchId: string }).latchId }]);
    expect(rows).not.toEqual(lost);
  });

  // The last one: the stack's own workers were begun over the database of before.
  it('P31: goes on over a database that took over in the midst, which knows nothing of the halt', async () => {
    await buy();
    const { pool } = stack.database;
    const epochNow = async (): Promise<unknown> => (await pool.query('select instance_id, epoch from instance')).rows[0];
    const [before, lost] = [await epochNow(), new Set<string>()];
    let replacing: Promise<unknown> | undefined;
    // As after a promotion of a standby without the last rows: they and the connections are gone, and the timeline is another.
    const replace = async (): Promise<void> => {
      const { rows } = await pool.query<{ id: string }>(`update latches set released_at = clock_timestamp() where released_at is null
        returning latch_id::text as id`);
      for (const { id } of rows) lost.add(id);
      await pool.query('update instance set timeline = timeline - 1');
      await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'keelson-direct'`);
    };
    hear = (line) => {
      if (line.includes(`${ACCOUNT}: `)) replacing ??= replace();
    };
    const ended = await run(stack.database.url);
    await replacing;
    expect([ended.exitCode, ended.text]).toEqual([EXIT.done, expect.stringContaining('VERIFIED')]);
    expect(said).toContain('the database is another now');
    expect(await epochNow()).not.toEqual(before);
    expect(await openAtVenue()).toBe(0);
    const balance = decimal(stack.witness().balances.get('BTC') ?? '0');
    expect(balance.minus(2).toNumber()).toBeLessThan(0.00002);
    const { latchId } = ended.data as { latchId: string };
    expect(lost.has(latchId)).toBe(false);
    const { rows } = await pool.query(`select scope, policy, subject from latches where released_at is null and latch_id = $1`, [latchId]);
    expect(rows).toEqual([{ scope: 'account', policy: 'atOnce', subject: 'owner' }]);
    expect((await pool.query(`select phase from kills where account = $1`, [ACCOUNT])).rows).toEqual([{ phase: 'verified' }]);
  });
});
