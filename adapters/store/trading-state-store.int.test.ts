import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MODES_BY_STRICTNESS, type Mode } from '../../core/control/mode.js';
import { KeelsonError } from '../../core/errors.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { TradingStateStore } from '../../activities/ports/trading-state.js';
import { openPool } from './pool.js';
import { beginSystemStart, createTradingStateStore } from './trading-state-store.js';

const ACCOUNT = 'main';
const RESOURCE = `trading:${ACCOUNT}`;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 120_000 });

describe('what a runbook holds of an account', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof openPool>;
  let store: TradingStateStore;
  let key: string;

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    store = createTradingStateStore(pool);
    await database.pool.query(`insert into accounts (account, venue) values ($1, 'paper')`, [ACCOUNT]);
    await database.pool.query(`insert into control (account) values ($1)`, [ACCOUNT]);
    key = await seedPerson(database.pool, 'olga', ['risk', 'operator']);
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await database.pool.query<Row>(text, values)).rows;
  interface Control {
    readonly mode: Mode;
    readonly beneath: Mode;
    readonly hold: { readonly runId: string; readonly mode: Mode; readonly was: Mode } | null;
  }
  const control = async (): Promise<Control> => {
    const [row] = await query<Control>(
      'select mode, mode_beneath(c) as beneath, runbook_hold as hold from control c where account = $1',
      ACCOUNT,
    );
    if (row === undefined) throw new Error('there is a control row');
    return row;
  };
  const mode = async (): Promise<Mode> => (await control()).mode;
  const reset = async (to: Mode = 'normal'): Promise<void> => {
    await query('delete from runbook_locks');
    await query('delete from reconciliations');
    await query('update latches set released_at = clock_timestamp() where released_at is null');
    await query('update control set mode = $1, runbook_hold = null, reconciliation_hold = null, version = version + 1', to);
  };
  beforeEach(() => reset());

  /** A run that has begun and holds its lock; the one before is over. */
  const begin = async (runbook: 'startUp' | 'gracefulShutdown'): Promise<string> => {
    const runId = randomUUID();
    await query('delete from runbook_locks');
    await query('select ask_runbook($1)', {
      runId,
      runbook,
      account: ACCOUNT,
      resource: RESOURCE,
      inputs: {},
      reason: 'a test',
      subject: null,
    });
    await query(`update runbook_runs set status = 'running', started_at = clock_timestamp() where run_id = $1`, runId);
    await query('insert into runbook_locks (resource, run_id) values ($1, $2)', RESOURCE, runId);
    return runId;
  };
  const change = (runId: string, what: Parameters<TradingStateStore['change']>[2]): Promise<void> =>
    store.change(ACCOUNT, runId, what, 'a test');
  const watch = (to: Mode): Promise<unknown> => query('select tighten_mode($1, $2, $3)', ACCOUNT, to, 'a loss');
  const person = async (to: Mode): Promise<void> => {
    const commandId = randomUUID();
    await query(
      `insert into commands (command_id, account, kind, mode, expected_version, subject, key_id, reason)
         select $1, account, 'mode', $2, version, 'olga', $3, 'odd fills' from control where account = $4`,
      ...[commandId, to, key, ACCOUNT],
    );
    await query('select apply_mode_command($1)', { commandId, account: ACCOUNT, kind: 'mode' });
  };
  /** As a reconciliation that finds a difference, and one that finds none any more. */
  const differs = (): Promise<unknown> =>
    query(`select pause_for_differences(jsonb_populate_record(null::reconciliation_differences, $1), '["balance"]')`, {
      account: ACCOUNT,
      class: 'balance',
      subject: 'USDT',
      difference_id: 1,
    });
  const clean = async (lifts: readonly string[] = ['balance']): Promise<void> => {
    const owner = randomUUID();
    await query(
      `insert into reconciliations (account, lease_owner) values ($1, $2) on conflict (account) do update set lease_owner = $2`,
      ...[ACCOUNT, owner],
    );
    await query(`select end_reconciliation_look($1::jsonb || jsonb_build_object('began', clock_timestamp()))`, {
      ...{ account: ACCOUNT, owner, runId: randomUUID(), result: 'clean', cursor: null, lifts },
    });
  };

  it('what a shutdown has paused, a start-up observes and lets go on', async () => {
    await change(await begin('gracefulShutdown'), { what: 'hold', mode: 'paused' });
    expect(await mode()).toBe('paused');
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    expect(await mode()).toBe('paused');
    await change(up, { what: 'ease', mode: 'observation' });
    expect(await mode()).toBe('observation');
    await expect(change(up, { what: 'release' })).rejects.toMatchObject({ failure: { code: 'RISK_MODE_NOT_OURS' } });
    await clean();
    await change(up, { what: 'release' });
    expect(await control()).toMatchObject({ mode: 'normal', hold: null });
  });

  it.each<Mode>(['observation', 'reduceOnly', 'paused'])('what a person has put into %s is held by nobody, and stays', async (chosen) => {
    await person(chosen);
    const up = await begin('startUp');
    await clean();
    await change(up, { what: 'hold', mode: 'observation' });
    await expect(change(up, { what: 'release' })).rejects.toMatchObject({ failure: { code: 'RISK_MODE_NOT_OURS' } });
    expect(await control()).toMatchObject({ mode: chosen, hold: null });
  });

  it('a pause of a person over that of a shutdown is the person’s', async () => {
    await change(await begin('gracefulShutdown'), { what: 'hold', mode: 'paused' });
    await person('paused');
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    expect(await store.standing(ACCOUNT, up)).toMatchObject({ mode: 'paused', isOurs: false, told: 'mode paused, set by olga: odd fills' });
  });

  it('undone, a shutdown leaves what it found, also what an interrupted start-up held', async () => {
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    const down = await begin('gracefulShutdown');
    await change(down, { what: 'hold', mode: 'paused' });
    await change(down, { what: 'undo' });
    expect(await control()).toMatchObject({ mode: 'observation', hold: { mode: 'observation', was: 'normal' } });
    await reset();
    const other = await begin('gracefulShutdown');
    await change(other, { what: 'hold', mode: 'paused' });
    await change(other, { what: 'undo' });
    expect(await control()).toMatchObject({ mode: 'normal', hold: null });
  });

  it('the pause of a reconciliation lies above it: neither ends the other', async () => {
    const down = await begin('gracefulShutdown');
    await change(down, { what: 'hold', mode: 'paused' });
    await differs();
    await clean();
    expect(await mode()).toBe('paused');
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    await change(up, { what: 'ease', mode: 'observation' });
    expect(await control()).toMatchObject({ mode: 'paused', beneath: 'observation' });
    await expect(change(up, { what: 'release' })).rejects.toMatchObject({ failure: { code: 'RISK_MODE_NOT_OURS' } });
    await clean();
    expect(await control()).toMatchObject({ mode: 'observation', hold: { was: 'normal' } });
    await change(up, { what: 'release' });
    expect(await mode()).toBe('normal');
  });

  it('under a halt, and without its lock, a run changes nothing', async () => {
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    await clean();
    await query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'olga')`, ACCOUNT);
    await expect(change(up, { what: 'release' })).rejects.toThrow('a halt (account main)');
    await query('update latches set released_at = clock_timestamp() where released_at is null');
    await query('delete from runbook_locks');
    await expect(change(up, { what: 'release' })).rejects.toThrow('does not hold');
    expect(await mode()).toBe('observation');
  });

  it('given up by a person, a run lets nothing go by what it was still at', async () => {
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    await clean();
    await query(
      `insert into runbook_commands (command_id, run_id, kind, reason, subject, key_id, applied_at)
         values (gen_random_uuid(), $1, 'abort', 'a test', 'olga', $2, clock_timestamp())`,
      ...[up, key],
    );
    await expect(change(up, { what: 'release' })).rejects.toThrow('given the run up');
    await expect(change(up, { what: 'ease', mode: 'observation' })).rejects.toThrow('given the run up');
    expect(await control()).toMatchObject({ mode: 'observation', hold: { runId: up } });
    await change(up, { what: 'undo' });
    expect(await mode()).toBe('normal');
  });

  it('a start under a halt holds the account too: when people end the halt, its checks have not been made', async () => {
    await query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'olga')`, ACCOUNT);
    const start = { account: ACCOUNT, start: randomUUID(), runId: randomUUID(), resource: RESOURCE };
    await beginSystemStart(pool, start);
    expect(await control()).toMatchObject({ mode: 'observation', hold: { runId: start.runId, was: 'normal' } });
  });

  it('a halt over a strategy ends no run of the account', async () => {
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    await clean();
    await query(`insert into latches (scope, scope_value, reason, subject) values ('strategy', 'momentum', 'a test', 'olga')`);
    const part = { runId: up, position: 0, attempt: 1, part: 'action', name: 'entries', actor: 'test', runsUnderHalt: false };
    expect(await query('select begin_runbook_part($1) as told', part)).toEqual([{ told: { result: 'begin' } }]);
    await change(up, { what: 'release' });
    expect(await mode()).toBe('normal');
  });

  it('a start under the name of an earlier one brings nothing back, and calls people', async () => {
    const start = { account: ACCOUNT, start: randomUUID(), runId: randomUUID(), resource: RESOURCE };
    await beginSystemStart(pool, start);
    const down = await begin('gracefulShutdown');
    await change(down, { what: 'hold', mode: 'paused' });
    await query('select end_runbook($1)', { runId: down, status: 'completed', detail: null });
    await beginSystemStart(pool, start);
    expect(await mode()).toBe('paused');
    const told = await query<{ summary: string }>(
      `select summary from alerts where kind = 'runbook.holds' and alert_key = $1`,
      `heldByRunbook:${down}`,
    );
    expect(told).toEqual([{ summary: expect.stringContaining('keelson runbooks run startUp') as string }]);
  });

  it('a new start takes over what the one before held and ends its runs; the same start again does nothing', async () => {
    const down = await begin('gracefulShutdown');
    await change(down, { what: 'hold', mode: 'paused' });
    const start = { account: ACCOUNT, start: randomUUID(), runId: randomUUID(), resource: RESOURCE };
    const begun = await beginSystemStart(pool, start);
    expect(begun).toEqual({ runId: start.runId, isEnded: false, superseded: expect.arrayContaining([down]) as string[] });
    expect(await control()).toMatchObject({ mode: 'paused', hold: { runId: start.runId, was: 'normal' } });
    expect(await query('select status from runbook_runs where run_id = $1', down)).toEqual([{ status: 'preempted' }]);
    await person('normal');
    expect(await beginSystemStart(pool, { ...start, runId: randomUUID() })).toEqual(begun);
    expect(await control()).toMatchObject({ mode: 'normal', hold: null });
  });

  /** As a person asks for it: `begin_runbook`'s answer. */
  const shutDown = async (needsApproval = false): Promise<{ readonly runId: string; readonly told: object | undefined }> => {
    const runId = randomUUID();
    const asked = { runId, runbook: 'gracefulShutdown', account: ACCOUNT, resource: RESOURCE, inputs: {}, reason: 'night' };
    await query('select ask_runbook($1)', { ...asked, subject: 'olga', underKey: key });
    const plan = { version: 1, steps: [], runId };
    await query('select plan_runbook($1)', { runId, plan, needsApproval, validForMs: 60_000 });
    const [row] = await query<{ told: object }>('select begin_runbook($1) as told', { runId, plan, runsUnderHalt: false });
    return { runId, told: row?.told };
  };
  const statusOf = async (runId: string): Promise<unknown> =>
    (await query<{ status: string }>('select status from runbook_runs where run_id = $1', runId))[0]?.status;

  it('a shutdown supersedes a start-up as it begins: it holds what that held, and whoever is still at work on that writes nothing', async () => {
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    const part = { runId: up, position: 7, attempt: 1, part: 'verification', name: 'bars', actor: 'test', runsUnderHalt: false };
    await query('select begin_runbook_part($1)', part);
    await clean();
    const { runId, told } = await shutDown();
    expect(told).toEqual({ result: 'begun' });
    expect(await control()).toMatchObject({ mode: 'paused', hold: { runId, was: 'normal' } });
    expect([await statusOf(up), await statusOf(runId)]).toEqual(['preempted', 'running']);
    for (const what of ['hold', 'ease', 'release', 'undo'] as const)
      await expect(change(up, what === 'hold' || what === 'ease' ? { what, mode: 'observation' } : { what })).rejects.toThrow(KeelsonError);
    expect(await control()).toMatchObject({ mode: 'paused', hold: { runId, was: 'normal' } });
    const next = { ...part, position: 8, name: 'trade' };
    expect(await query('select begin_runbook_part($1) as told', next)).toMatchObject([{ told: { result: 'preempted' } }]);
    await query('select call_for_runbook($1)', { runId: up, about: '7:1:failed', severity: 'error', detail: 'no bars' });
    expect(await query(`select from alerts where alert_key like 'runbook:' || $1 || ':%'`, up)).toEqual([]);
    // Its workflow is told by the outbox, in the same transaction.
    const kept = `select data, x.xmin = r.xmin as is_one from outbox x, runbook_runs r where kind = 'runbookEnded' and data->>'runId' = $1 and r.run_id = $1::uuid`;
    expect(await query(kept, up)).toEqual([{ data: { account: ACCOUNT, runId: up, runbook: 'startUp' }, is_one: true }]);
    const [alert] = await query<{ severity: string; summary: string }>(
      `select severity, summary from alerts where alert_key = 'runbook:' || $1`,
      up,
    );
    expect(alert).toEqual({ severity: 'warning', summary: expect.stringContaining('asked for by olga') as string });
    // Taken back it is observed as it was found, by nobody who is at work.
    await change(runId, { what: 'undo' });
    expect(await control()).toMatchObject({ mode: 'observation', hold: { was: 'normal' } });
  });

  it('what nobody has approved, or a halt forbids, supersedes nothing; nor does a second shutdown, which is told whose way it is in', async () => {
    const up = await begin('startUp');
    await change(up, { what: 'hold', mode: 'observation' });
    expect((await shutDown(true)).told).toMatchObject({ result: 'refused' });
    await query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'olga')`, ACCOUNT);
    expect((await shutDown()).told).toMatchObject({ result: 'preempted' });
    await query('update latches set released_at = clock_timestamp() where released_at is null');
    expect([await statusOf(up), (await control()).hold]).toEqual(['running', expect.objectContaining({ runId: up })]);
    expect(await query('select run_id::text as "runId" from runbook_locks where resource = $1', RESOURCE)).toEqual([{ runId: up }]);
    const first = await shutDown();
    const second = await shutDown();
    expect(second.told).toMatchObject({
      ...{ result: 'locked', holder: first.runId },
      detail: expect.stringContaining(`keelson runbooks abort ${first.runId} ends it`) as string,
    });
    // Asked again after its answer was lost it is the same.
    const again = { runId: first.runId, plan: { version: 1, steps: [], runId: first.runId }, runsUnderHalt: false };
    expect(await query('select begin_runbook($1) as told', again)).toMatchObject([{ told: { result: 'begun' } }]);
  });

  it('a start-up that has not begun is superseded, too; it begins no more', async () => {
    const up = {
      runId: randomUUID(),
      runbook: 'startUp',
      account: ACCOUNT,
      resource: RESOURCE,
      inputs: {},
      reason: 'a test',
      subject: null,
    };
    await query('select ask_runbook($1)', up);
    const { runId } = await shutDown();
    expect(await control()).toMatchObject({ mode: 'paused', hold: { runId, was: 'normal' } });
    const plan = { version: 1, steps: [] };
    expect(await query('select begin_runbook($1) as told', { runId: up.runId, plan, runsUnderHalt: false })).toMatchObject([
      { told: { result: 'preempted' } },
    ]);
  });

  it('whoever acts in whatever order: a run lets no account do more than people and watch have left it', async () => {
    const act = fc.oneof(
      fc.record({ by: fc.constant('watch' as const), to: fc.constantFrom<Mode>('reduceOnly', 'paused') }),
      fc.record({ by: fc.constant('person' as const), to: fc.constantFrom<Mode>(...MODES_BY_STRICTNESS) }),
      fc.record({ by: fc.constantFrom('shutdown' as const, 'startUp' as const, 'undo' as const, 'differs' as const, 'clean' as const) }),
    );
    const strictness = (one: Mode): number => MODES_BY_STRICTNESS.indexOf(one);
    const stricter = (one: Mode, other: Mode): Mode => (strictness(one) >= strictness(other) ? one : other);
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 8 }), async (acts) => {
        await reset();
        // What people and watch have left, whatever runbooks and reconciliations did.
        let left: Mode = 'normal';
        for (const one of acts) {
          if (one.by === 'watch') {
            await watch(one.to);
            left = stricter(left, one.to);
          } else if (one.by === 'person') {
            await clean([]);
            await person(one.to);
            left = one.to;
          } else if (one.by === 'differs') await differs();
          else if (one.by === 'clean') await clean();
          else {
            const runId = await begin(one.by === 'startUp' ? 'startUp' : 'gracefulShutdown');
            await clean([]);
            await change(runId, { what: 'hold', mode: one.by === 'startUp' ? 'observation' : 'paused' });
            const { isOurs } = await store.standing(ACCOUNT, runId);
            if (isOurs && one.by === 'undo') await change(runId, { what: 'undo' });
            if (isOurs && one.by === 'startUp') {
              await change(runId, { what: 'ease', mode: 'observation' });
              await change(runId, { what: 'release' }).catch(() => undefined);
            }
          }
          const now = await control();
          expect(strictness(now.mode)).toBeGreaterThanOrEqual(strictness(left));
          if (now.hold !== null) expect([now.beneath, stricter(now.hold.was, left)]).toEqual([now.hold.mode, now.hold.was]);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('tells how long ago a step was begun, by its first process; nothing of one that has ended, or is of another run', async () => {
    const runId = await begin('gracefulShutdown');
    const part = { runId, position: 1, attempt: 1, part: 'action', name: 'entries', actor: 'one', runsUnderHalt: false };
    expect(await store.begunMsAgo(runId, 'entries')).toBe(0);
    await query('select begin_runbook_part($1)', part);
    await query(`update runbook_parts set started_at = started_at - interval '4 minutes' where run_id = $1`, runId);
    await query('select begin_runbook_part($1)', { ...part, actor: 'two' });
    expect(await store.begunMsAgo(runId, 'entries')).toBeGreaterThanOrEqual(240_000);
    expect(await store.begunMsAgo(runId, 'pause')).toBe(0);
    expect(await store.begunMsAgo(randomUUID(), 'entries')).toBe(0);
    // Done again after a person has said so, it begins anew.
    await query('select end_runbook_part($1)', { ...part, outcome: 'failed', detail: 'too late', output: null });
    expect(await store.begunMsAgo(runId, 'entries')).toBe(0);
  });
});
