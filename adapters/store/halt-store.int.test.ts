import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HaltCause } from '../../activities/ports/halt.js';
import type { Latch } from '../../core/control/mode.js';
import { observedHalt } from '../../test/support/held-up.js';
import { clearLook } from '../../test/support/look.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';
import { createOrderStore } from './order-store.js';
import { openPool } from './pool.js';

const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' };
const MAIN: Latch = { scope: 'account', scopeValue: 'main' };
const SUBMIT = { epoch: 1, signedTimestamp: 1_000, receiveWindowMs: 500 };

describe('P25: the latch', () => {
  let database: TestDatabase;
  let pools: Pool[];
  let halts: HaltStore;
  let orders = 0;

  beforeAll(async () => {
    database = await testDatabase();
    pools = [1, 2].map((one) => openPool(database.url, { applicationName: `test-${one}` }));
    halts = openHaltStore(database.url);
    for (const [account, venue] of [
      ['main', 'paper'],
      ['other', 'elsewhere'],
    ] as const) {
      await createControlStore(database.pool).applyConfiguration({ account, venue, limits: {}, strategies: [], subject: 'test' });
    }
  });
  afterEach(() => database.pool.query(`update latches set released_at = clock_timestamp() where released_at is null; delete from outbox`));
  afterAll(async () => {
    await halts?.close();
    for (const pool of pools ?? []) await pool.end();
    await database?.drop();
  });

  /** Orders that the gate has let through, and that nobody has begun to send. */
  const authorised = async (count: number): Promise<string[]> => {
    const first = orders + 1;
    orders += count;
    const { rows } = await database.pool.query<{ intent_id: string }>(
      `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until)
       select 'order-' || n, 'order-' || n, 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', 'authorised',
         'IOC', 1, 100, 1, 100, (select version from control where account = 'main'), 1, clock_timestamp() + interval '1 hour'
         from generate_series($1::integer, $2::integer) n returning intent_id`,
      [first, orders],
    );
    return rows.map((row) => row.intent_id);
  };
  const begin = async (intentId: string, index: number): Promise<string> => {
    const pool = pools[index % pools.length];
    if (pool === undefined) throw new Error('there are two pools');
    return (await createOrderStore(pool).beginSubmit({ intentId, ...SUBMIT })).kind;
  };
  const versions = async () =>
    Object.fromEntries(
      (await database.pool.query('select account, version from control')).rows.map((row) => [row.account, Number(row.version)]),
    );

  // It takes half a minute; on a busy machine nearly the usual limit.
  it('lets none of 100 × 100 submits commit after it', { timeout: 300_000 }, async () => {
    const outcomes = { submitting: 0, refused: 0 };
    for (let round = 0; round < 100; round += 1) {
      const intents = await authorised(100);
      const at = (round * 37) % 100;
      const begun = intents.map((intentId, index) => begin(intentId, index));
      // The halt comes when some of them are through.
      await begun[at];
      const { latchId } = await halts.latch(MAIN, CAUSE);
      for (const kind of await Promise.all(begun)) outcomes[kind === 'submitting' ? 'submitting' : 'refused'] += 1;
      const { rows } = await database.pool.query<{ late: string }>(
        `select intent_id as late from orders where intent_id = any ($1) and status = 'submitting' and pg_xact_commit_timestamp(xmin) >
           (select pg_xact_commit_timestamp(xmin) from latches where latch_id = $2)`,
        [intents, latchId],
      );
      expect(rows).toEqual([]);
      await database.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
    }
    // Both must have happened, or nothing was tried.
    expect(outcomes.submitting).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(100);
  });

  it('P9: is there within 2 s although somebody sits on the control row, whom it ends', async () => {
    let tookMs = Number.POSITIVE_INFINITY;
    // In no try is it late by our own doing; where the machine alone makes it late, it is tried again.
    for (let tried = 0; tried < 10 && tookMs >= 2_000; tried += 1) {
      await database.pool.query('update latches set released_at = clock_timestamp()');
      const halted = await overSomebody();
      tookMs = halted.tookMs;
      expect(halted.ownMs, `of ${tookMs} ms`).toBeLessThan(2_000);
    }
    expect(tookMs).toBeLessThan(2_000);
  });

  /** Halts while a connection of ours sits on the control row and another waits for it. @returns how long that took, and how much of it by our doing */
  const overSomebody = async (): Promise<{ readonly tookMs: number; readonly ownMs: number }> => {
    const [held, waiting] = pools;
    const client = await held?.connect();
    const another = await waiting?.connect();
    if (client === undefined || another === undefined) throw new Error('there are two pools');
    const lost: string[] = [];
    client.on('error', (error) => lost.push(error.message));
    await client.query('begin');
    await client.query(`select from control where account = 'main' for update`);
    // The server would end an idle transaction after a second; here it has no such mercy.
    await client.query(`set local idle_in_transaction_session_timeout = 0`);
    // Whoever waits for the same row is not in the way, and goes on.
    const waits = another.query(`set statement_timeout = 0; select version from control where account = 'main' for share`);
    const { tookMs, ownMs } = await observedHalt(database.pool, () => halts.latch(MAIN, CAUSE));
    await expect(client.query('select 1')).rejects.toThrow(/terminat|not queryable|ended/i);
    await expect(waits).resolves.toBeDefined();
    client.release(true);
    another.release(true);
    return { tookMs, ownMs };
  };

  it('touches the control rows in its scope and no others', async () => {
    const before = await versions();
    await halts.latch({ scope: 'venue', scopeValue: 'elsewhere' }, CAUSE);
    expect(await versions()).toEqual({ main: before['main'], other: (before['other'] ?? 0) + 1 });
    const { accounts } = await halts.latch({ scope: 'everything', scopeValue: '' }, CAUSE);
    expect(accounts).toEqual(['main', 'other']);
    expect(await versions()).toEqual({ main: (before['main'] ?? 0) + 1, other: (before['other'] ?? 0) + 2 });
    const strategy = await halts.latch({ scope: 'strategy', scopeValue: 'momentum', account: 'main' }, CAUSE);
    expect(strategy.accounts).toEqual(['main']);
  });

  it('is one for a scope: again it is kept, and only ever made stricter', async () => {
    await seedPerson(database.pool, 'rik', ['risk']);
    const { rows } = await database.pool.query<{ key_id: string }>(`select key_id from api_keys where subject = 'rik'`);
    const byRik = { ...CAUSE, subject: 'rik', underKey: rows[0]?.key_id ?? '' };
    const first = await halts.latch(MAIN, CAUSE);
    expect(first.isNew).toBe(true);
    const before = await versions();
    expect(await halts.latch(MAIN, { ...CAUSE, reason: 'still so' })).toMatchObject({
      latchId: first.latchId,
      isNew: false,
      policy: 'none',
    });
    expect(await versions()).toEqual(before);
    expect(await halts.latch(MAIN, { ...byRik, policy: 'atOnce' })).toMatchObject({
      latchId: first.latchId,
      isNew: false,
      policy: 'atOnce',
    });
    expect(await halts.latch(MAIN, byRik)).toMatchObject({ latchId: first.latchId, policy: 'atOnce' });
    const audit = await database.pool.query(
      `select kind, subject, data->>'policy' as policy from audit_events where data->>'latchId' = $1 order by event_id`,
      [first.latchId],
    );
    expect(audit.rows).toEqual([
      { kind: 'halt.engaged', subject: 'watch', policy: 'none' },
      { kind: 'halt.tightened', subject: 'rik', policy: 'atOnce' },
      { kind: 'halt.repeated', subject: 'rik', policy: 'atOnce' },
    ]);
    const outbox = await database.pool.query(`select data->>'account' as account from outbox where kind = 'haltChanged'`);
    // Each call wakes the kill, so that it tells something since.
    expect(outbox.rows).toEqual(Array(4).fill({ account: 'main' }));
  });

  it('whose kill has told nothing for a minute has it begun again, once, and people are told; each person’s reason is kept', async () => {
    const sample = (ms: number) =>
      database.pool.query(`insert into account_watch_samples (account, sampled_at) values ('main', to_timestamp($1 / 1000.0))`, [ms]);
    const asked = async () => {
      const { rows } = await database.pool.query<{ asked: string; alerts: string }>(
        `select (select count(*) from outbox where kind = 'haltChanged') as asked, (select count(*) from alerts where kind = 'kill.silent') as alerts`,
      );
      return rows.map((row) => [Number(row.asked), Number(row.alerts)])[0];
    };
    const underKey = await seedPerson(database.pool, 'tess', ['trader']);
    const { latchId } = await halts.latch(MAIN, { ...CAUSE, subject: 'tess', underKey, reason: 'an exercise' });
    await halts.latch(MAIN, { ...CAUSE, subject: 'tess', underKey, reason: 'it is real' });
    const latch = await database.pool.query<{ reason: string }>('select reason from latches where latch_id = $1', [latchId]);
    expect(latch.rows[0]?.reason).toBe('an exercise; called again by tess: it is real');
    await sample(1);
    expect(await asked()).toEqual([2, 0]);
    await database.pool.query(
      `update outbox set created_at = created_at - interval '2 minutes'; update latches set called_at = called_at - interval '2 minutes'`,
    );
    const told = (minutesAgo: number) =>
      database.pool.query(
        `insert into kills (account, phase, state, workflow_at) values ('main', 'verified', '{}', clock_timestamp() - make_interval(mins => $1))
         on conflict (account) do update set workflow_at = excluded.workflow_at`,
        [minutesAgo],
      );
    await told(0);
    await sample(2);
    expect(await asked()).toEqual([2, 0]);
    await told(2);
    // A guardian carries it out meanwhile: only the workflow can end it, and that is lost.
    const kills = createKillStore(database.pool);
    await kills.writeKill('main', 'verified', { kept: [], dust: [], unverified: [] }, null, true);
    // What was asked for is not done yet, as while Temporal is away: people are told, and nothing is asked for again.
    await sample(3);
    await sample(4);
    expect(await asked()).toEqual([2, 1]);
    const said = async () =>
      (await database.pool.query<{ summary: string }>(`select summary from alerts where kind = 'kill.silent'`)).rows[0]?.summary;
    expect(await said()).toMatch(/^No workflow .* of main .*by itself: it is not verified yet\. .*begins when Temporal answers/u);
    await kills.writeKill('main', 'verified', await clearLook(database.pool, 'main'), null, true);
    await database.pool.query(`delete from alerts where kind = 'kill.silent'`);
    await sample(5);
    expect(await said()).toMatch(/by itself: it is verified at the venue, and looked at again/u);
    await database.pool.query('update outbox set done_at = created_at');
    await sample(6);
    await sample(7);
    expect(await asked()).toEqual([3, 1]);
    // What was told, asked and called while the database's clock was ahead is of nobody knows when.
    for (const [sampled, column] of [
      [8, 'workflow_at'],
      [9, 'called_at'],
    ] as const) {
      await told(2);
      const ahead = `clock_timestamp() + interval '1 hour'`;
      await database.pool.query(
        `update outbox set created_at = ${ahead}, done_at = created_at; update ${column === 'called_at' ? 'latches' : 'kills'} set ${column} = ${ahead}`,
      );
      await sample(sampled);
      expect(await asked()).toEqual([sampled - 4, column === 'called_at' ? 2 : 1]);
    }
    await database.pool.query('delete from kills; delete from account_watch_samples');
  });

  /** Begins a halt while an account is being made by somebody who goes on once the halt waits for it. */
  const whileMade = async <T>(account: string, venue: string, engage: () => Promise<T>): Promise<T> => {
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query(
      `insert into accounts (account, venue) values ('${account}', '${venue}'); insert into control (account) values ('${account}')`,
    );
    // A halt ends whoever keeps it waiting for half a second: the database itself looks whether it waits, and goes on at once.
    const made = client.query(`do $$ begin
        while not exists (select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))) loop
          perform pg_sleep(0.002);
        end loop;
      end $$; commit`);
    const engaging = engage();
    await made;
    client.release();
    return engaging;
  };

  it('is over an account that is made while it is being engaged', async () => {
    const engaged = await whileMade('new', 'paper', () => halts.latch({ scope: 'everything', scopeValue: '' }, CAUSE));
    expect(engaged.accounts).toEqual(['main', 'new', 'other']);
  });

  it('a drill is undone by an account that is made while it is being engaged, and is refused then', async () => {
    const everything: Latch = { scope: 'everything', scopeValue: '' };
    const paper = { main: 'paper', other: 'elsewhere', new: 'paper' };
    const drilled = await whileMade('live', 'spot', () => halts.drill(everything, CAUSE, paper).catch((error: unknown) => error));
    const message = expect.stringContaining('has live under it') as unknown;
    expect(drilled).toMatchObject({ failure: { code: 'INPUT_DRILL_NOT_ON_PAPER', message } });
    expect((await database.pool.query('select from latches where released_at is null')).rows).toEqual([]);
    await database.pool.query(`update accounts set retired_at = clock_timestamp() where account = 'live'`);
    // What has left the configuration is under no drill.
    const nobody = { failure: { code: 'INPUT_DRILL_OF_NOTHING', message: expect.stringContaining('under account live') as unknown } };
    await expect(halts.drill({ scope: 'account', scopeValue: 'live' }, CAUSE, { ...paper, live: 'spot' })).rejects.toMatchObject(nobody);
    expect((await database.pool.query('select from latches where released_at is null')).rows).toEqual([]);
    expect(await halts.drill(everything, CAUSE, paper)).toMatchObject({ isNew: true, accounts: ['main', 'new', 'other'] });
  });
});
