import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runbookWorkflowId } from '../../../core/runbook/spec.js';
import type { RunCommandKind } from '../../../core/runbook/status.js';
import { bundleEdited } from '../../../test/support/edited-bundle.js';
import { eventually } from '../../../test/support/eventually.js';
import { RunbookBench } from '../../../test/support/runbook-bench.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import type { ThreeSteps } from '../../../test/support/three-steps.js';
import { codeOfUpdate } from '../../../test/support/update-failure.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(temporal === undefined)('a runbook, on a real server and ledger', () => {
  const bench = new RunbookBench();
  const { keys, work, stopWorker, query, ask, start, startScheduled, runIdOf, state, until, endOf, message, tell, decide } = bench;
  let at: ThreeSteps;

  beforeAll(() => bench.begin(temporal));
  afterAll(bench.close);
  beforeEach(() => {
    at = bench.renew();
  });
  afterEach(bench.clear);

  it('takes its steps one after the other, leaves a record of each, and lets its resource go', async () => {
    await work(at.runbookOf(false));
    const handle = await ask();
    expect(await endOf(handle)).toEqual({ status: 'completed', detail: null });
    expect([...at.world]).toEqual([
      ['one', 'red'],
      ['two', 'red'],
      ['three', 'red'],
    ]);
    const parts = await query(
      `select name, part, outcome, actor, output, ended_at >= started_at as timed, encode(inputs_sha256, 'hex') = encode(payload_hash('{"n": 1}'), 'hex') as hashed
         from runbook_parts where run_id = $1 order by started_at`,
      runIdOf(handle),
    );
    expect(parts).toHaveLength(9);
    expect(parts[1]).toEqual({
      ...{ name: 'one', part: 'action', outcome: 'done', actor: 'test', output: { set: 'one' }, timed: true, hashed: true },
    });
    expect(await query('select from runbook_locks')).toEqual([]);
    const audit = await query<{ kind: string }>(
      `select kind from audit_events where data->>'runId' = $1 order by event_id`,
      runIdOf(handle),
    );
    expect(audit.map(({ kind }) => kind)).toEqual(['runbook.asked', 'runbook.planned', 'runbook.begun', 'runbook.ended']);
  });

  it('does not begin before another person has approved the plan, whoever else says so', async () => {
    await work(at.runbookOf(true));
    const handle = await ask();
    await until(handle, { status: 'waitingForApproval' });
    // Signals, and the approval of who asked, are none.
    await handle.signal('decided', { approved: true, subject: 'rik' });
    expect(await decide(handle, 'olga')).toBe('own');
    expect(at.did).toEqual([]);
    const [request] = await query<{ plan: { writes: object[] } }>(
      `select payload->'plan' as plan from approval_requests where request_id = $1`,
      runIdOf(handle),
    );
    expect(request?.plan.writes[0]).toEqual({ step: 'one', write: 'set', with: ['one', 'red'] });
    expect(await decide(handle)).toBe('written');
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
  });

  it('a refusal ends it, with nothing done', async () => {
    await work(at.runbookOf(true));
    const handle = await ask();
    await until(handle, { status: 'waitingForApproval' });
    await decide(handle, 'rik', 'refused');
    expect(await endOf(handle)).toEqual({ status: 'refused', detail: 'its approval is refused' });
    expect([at.did, [...at.world]]).toEqual([[], []]);
  });

  it('what would be done otherwise than planned by now has lapsed, approved or not', async () => {
    await work(at.runbookOf(true));
    const handle = await ask();
    await until(handle, { status: 'waitingForApproval' });
    at.color = 'blue';
    await decide(handle);
    expect(await endOf(handle)).toMatchObject({ status: 'lapsed', detail: expect.stringContaining('not what was planned') });
    expect([...at.world]).toEqual([]);
  });

  it('a raw start does nothing: without a row, or beside the workflow of the run', async () => {
    await work(at.runbookOf(false));
    const unknown = randomUUID();
    const forged = await start('runbook', runbookWorkflowId(unknown), unknown);
    expect(await endOf(forged)).toMatchObject({ status: 'refused', detail: expect.stringContaining('no run') });
    at.hold('two');
    const handle = await ask();
    await eventually(() => expect(at.did).toContain('set two'));
    const beside = await start('runbook', `other-${randomUUID()}`, runIdOf(handle));
    expect(await endOf(beside)).toMatchObject({ status: 'refused' });
    const scheduled = await startScheduled();
    await expect(scheduled.result()).rejects.toThrow('Workflow execution failed');
    expect(at.did).toEqual(['set one', 'set two']);
  }, 90_000);

  it('a critical step that fails waits for a person: tried again it goes on', async () => {
    at.look['two'] = { isFine: false, found: 'it is not blue' };
    await work(at.runbookOf(false));
    const handle = await ask();
    await until(handle, { status: 'waitingForPerson', waitingFor: 'failed', position: 1, detail: 'it is not blue' });
    const called = `select severity from alerts where kind = 'runbook.waits' and alert_key like $1`;
    await eventually(async () => expect(await query(called, `runbook:${runIdOf(handle)}%`)).toEqual([{ severity: 'error' }]));
    expect(await codeOfUpdate(tell(handle, 'retry', 0))).toBe('INPUT_RUNBOOK_COMMAND');
    expect(await codeOfUpdate(tell(handle, 'sign', 1))).toBe('INPUT_RUNBOOK_COMMAND');
    expect(await codeOfUpdate(handle.executeUpdate('command', { args: [{ commandId: randomUUID() }] }))).toBe('AUTH_FORBIDDEN');
    expect(await codeOfUpdate(handle.executeUpdate('command', { args: [{ commandId: 'x' }] }))).toBe('INPUT_INVALID');
    at.look['two'] = { isFine: true };
    await tell(handle, 'retry', 1);
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
    expect(at.did).toEqual(['set one', 'set two', 'set two', 'set three']);
  });

  it('left out by a person it is told so, with name and reason', async () => {
    at.look['before two'] = { isFine: false, found: 'there is no two' };
    await work(at.runbookOf(false));
    const handle = await ask();
    await until(handle, { waitingFor: 'failed' });
    await tell(handle, 'skip', 1, 'rik');
    const end = await endOf(handle);
    expect(end).toEqual({ status: 'completedWithFailures', detail: 'Step two: there is no two (left out by rik: a test)' });
    expect(await query(`select actor, detail from runbook_parts where run_id = $1 and part = 'skip'`, runIdOf(handle))).toEqual([
      { actor: 'rik', detail: 'a test' },
    ]);
    expect([...at.world.keys()]).toEqual(['one', 'three']);
  });

  it('a step that is not critical is noted, and the run goes on', async () => {
    at.look['two'] = { isFine: false, found: 'it is not blue' };
    await work(at.runbookOf(false, { isCritical: false }));
    expect(await endOf(await ask())).toEqual({ status: 'completedWithFailures', detail: 'Step two: it is not blue' });
    expect([...at.world.keys()]).toEqual(['one', 'two', 'three']);
  });

  it('aborted it takes back what was done, the last first; what stays is told', async () => {
    [at.look['three'], at.look['undo one']] = [
      { isFine: false, found: 'no' },
      { isFine: false, found: '' },
    ];
    await work(at.runbookOf(false));
    const handle = await ask();
    await until(handle, { waitingFor: 'failed', position: 2 });
    await tell(handle, 'abort');
    const end = await endOf(handle);
    expect(end).toEqual({ status: 'aborted', detail: 'aborted by olga: a test; not taken back: Step one: it is stuck' });
    expect(at.did.filter((one) => one.startsWith('undo'))).toEqual(['undo three three', 'undo two two', 'undo one one']);
    expect(await query('select from runbook_locks')).toEqual([]);
  });

  it.each(['done', 'failed'])(
    'aborted in the middle of a part that then is %s no other part begins, nobody is called, and it is told by whom',
    async (how) => {
      const release = at.hold('two');
      await work(at.runbookOf(false));
      const handle = await ask();
      await eventually(() => expect(at.did).toContain('set two'));
      await tell(handle, 'abort');
      if (how === 'failed') at.stuck = 'two';
      at.looked.length = 0;
      release();
      expect(await endOf(handle)).toEqual({ status: 'aborted', detail: 'aborted by olga: a test' });
      expect(at.looked).toEqual([]);
      expect(at.did).toEqual(['set one', 'set two', `undo two ${how === 'done' ? 'two' : ''}`.trim(), 'undo one one']);
      const calls = await query(`select from alerts where data->>'runId' = $1 and kind like 'runbook.waits%'`, runIdOf(handle));
      expect(calls).toEqual([]);
    },
  );

  it('aborted while it hands over to its next workflow run it is aborted there', async () => {
    const waits = { isFine: false, isWaiting: true, found: 'it is not over', callAfterMs: 3_600_000 } as const;
    at.look['one'] = waits;
    let release = (): void => undefined;
    const asked = new Promise<void>((resolve) => (release = resolve));
    at.releases.push(release);
    let isRead = false;
    // It hands over at the first look that finds nothing new, while the person's command is still being read.
    const bundle = await bundleEdited('workflows/operations/runbook/run.ts', [['historyLength < HISTORY_LIMIT', 'historyLength < 1']]);
    await work(at.runbookOf(false), bundle, (activities) => ({
      ...activities,
      runbookCommand: async (...values) => {
        isRead = true;
        await asked;
        return activities.runbookCommand(...values);
      },
    }));
    const handle = await ask();
    await until(handle, { waitingFor: 'elsewhere' });
    const told = tell(handle, 'abort');
    await eventually(() => expect(isRead).toBe(true));
    await handle.signal('changed');
    release();
    await told;
    expect(await endOf(handle)).toEqual({ status: 'aborted', detail: 'aborted by olga: a test' });
    // What its action left went over with it.
    expect(at.did).toEqual(['set one', 'undo one one']);
  });

  it('aborted while its verification waits, or after a retry that failed, an undo has what the action left', async () => {
    at.look['one'] = { isFine: false, isWaiting: true, found: 'it is not over', callAfterMs: 3_600_000, output: { seen: 1 } };
    await work(at.runbookOf(false));
    const waiting = await ask();
    await until(waiting, { waitingFor: 'elsewhere' });
    expect((await state(waiting)).steps[0]?.output).toEqual({ set: 'one', seen: 1 });
    await tell(waiting, 'abort');
    expect(await endOf(waiting)).toMatchObject({ status: 'aborted' });
    expect(at.did).toEqual(['set one', 'undo one one']);

    at.did.length = 0;
    at.look = { two: { isFine: false, found: 'it is not blue' } };
    const tried = await ask();
    await until(tried, { waitingFor: 'failed', position: 1 });
    at.stuck = 'two';
    await tell(tried, 'retry', 1);
    await until(tried, { waitingFor: 'failed', detail: 'it is stuck' });
    await tell(tried, 'abort');
    expect(await endOf(tried)).toMatchObject({ status: 'aborted' });
    expect(at.did).toEqual(['set one', 'set two', 'set two', 'undo two two', 'undo one one']);
  });

  it('paused it ends the step that it is at, and no other begins before it is resumed', async () => {
    const release = at.hold('one');
    await work(at.runbookOf(false));
    const handle = await ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    await tell(handle, 'pause');
    release();
    await until(handle, { status: 'paused' });
    expect([...at.world.keys()]).toEqual(['one']);
    await tell(handle, 'resume');
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
  });

  it('who has lost the role since tells the run nothing, whatever it was, until the role is back', async () => {
    at.look['two'] = { isFine: false, found: 'it is not blue' };
    const become = (subject: string, ...roles: string[]) => query('update people set roles = $2 where subject = $1', subject, roles);
    await work(at.runbookOf(false));
    const handle = await ask();
    await until(handle, { waitingFor: 'failed' });
    const rows = new Map<RunCommandKind, string>();
    for (const [kind, position, subject] of [
      ['retry', 1, 'olga'],
      ['skip', 1, 'rik'],
      ['sign', 1, 'olga'],
      ['pause', null, 'olga'],
      ['resume', null, 'olga'],
      ['abort', null, 'olga'],
    ] as const) {
      const commandId = randomUUID();
      const row = { commandId, runId: runIdOf(handle), kind, position, reason: 'a test', subject, underKey: keys[subject] };
      expect((await query<{ answer: string }>('select command_runbook($1) as answer', row))[0]?.answer).toBe('written');
      rows.set(kind, commandId);
    }
    await become('olga', 'auditor');
    await become('rik', 'operator');
    for (const [kind, commandId] of rows) expect([kind, await codeOfUpdate(message(handle, commandId))]).toEqual([kind, 'AUTH_FORBIDDEN']);
    expect(await state(handle)).toMatchObject({ status: 'waitingForPerson', waitingFor: 'failed' });
    await become('olga', 'operator');
    await become('rik', 'risk');
    await message(handle, rows.get('skip') ?? '');
    expect(await endOf(handle)).toMatchObject({ status: 'completedWithFailures' });
  });

  it('a step that names its signers is signed by who is one of them when it is signed', async () => {
    await work(at.runbookOf(false, { signedWithinMs: 600_000, signedBy: ['risk'] }));
    const handle = await ask();
    await until(handle, { waitingFor: 'signature', position: 1 });
    const commandId = randomUUID();
    const row = { commandId, runId: runIdOf(handle), kind: 'sign', position: 1, reason: 'a test', subject: 'rik', underKey: keys['rik'] };
    expect((await query<{ answer: string }>('select command_runbook($1) as answer', row))[0]?.answer).toBe('written');
    await query(`update people set roles = '{operator}' where subject = 'rik'`);
    expect(await codeOfUpdate(message(handle, commandId))).toBe('AUTH_FORBIDDEN');
    await query(`update people set roles = '{risk}' where subject = 'rik'`);
    await message(handle, commandId);
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
  });

  it('a signature is a person’s; without one in time that is noted', async () => {
    await work(at.runbookOf(false, { signedWithinMs: 600_000 }));
    const handle = await ask();
    await until(handle, { waitingFor: 'signature', position: 1 });
    await tell(handle, 'sign', 1, 'rik');
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
    expect((await state(handle)).steps[1]).toMatchObject({ state: 'done', signedBy: 'rik' });
    await stopWorker();
    at = bench.renew();
    await work(at.runbookOf(false, { signedWithinMs: 100 }));
    expect(await endOf(await ask())).toEqual({ status: 'completedWithFailures', detail: 'Step two: nobody has signed' });
  });

  it('of two runs on one resource the second does not begin; a halt ends the first at its next step', async () => {
    const release = at.hold('one');
    await work(at.runbookOf(false));
    const first = await ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    const holder = runIdOf(first);
    expect(await endOf(await ask())).toEqual({
      status: 'locked',
      detail: expect.stringMatching(
        new RegExp(`^run ${holder} \\(\\w+\\) is at work on test:main: .*keelson runbooks abort ${holder} ends it$`),
      ) as string,
    });
    await query(`insert into latches (scope, scope_value, reason, subject) values ('account', 'main', 'a test', 'rik')`);
    release();
    expect(await endOf(first)).toEqual({ status: 'preempted', detail: 'a halt (account main) stands over main' });
    expect([...at.world.keys()]).toEqual(['one']);
    expect(await endOf(await ask())).toMatchObject({ status: 'preempted' });
  });

  it('a halt ends also a run that began while the database’s clock was ahead', async () => {
    const release = at.hold('one');
    await work(at.runbookOf(false));
    const handle = await ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    await query(`update runbook_runs set started_at = started_at + interval '1 hour' where run_id = $1`, runIdOf(handle));
    await query(`insert into latches (scope, scope_value, reason, subject) values ('account', 'main', 'a test', 'rik')`);
    release();
    expect(await endOf(handle)).toEqual({ status: 'preempted', detail: 'a halt (account main) stands over main' });
    expect(at.did).toEqual(['set one']);
  });

  it('what was told once is told once, and what was refused is never a person’s decision later', async () => {
    const release = at.hold('one');
    await work(at.runbookOf(false, { signedWithinMs: 600_000 }));
    const handle = await ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    const [early, pause] = [randomUUID(), randomUUID()];
    expect(await codeOfUpdate(tell(handle, 'sign', 1, 'rik', early))).toBe('INPUT_RUNBOOK_COMMAND');
    await tell(handle, 'pause', undefined, 'olga', pause);
    release();
    await until(handle, { status: 'paused' });
    await tell(handle, 'resume');
    // Its answer was lost, perhaps: told again it pauses nothing a second time.
    await message(handle, pause);
    await until(handle, { waitingFor: 'signature', isPaused: false });
    expect(await codeOfUpdate(message(handle, early))).toBe('AUTH_FORBIDDEN');
    await tell(handle, 'sign', 1, 'rik');
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
  });

  it('a request to cancel the workflow leaves nothing half done', async () => {
    const release = at.hold('two');
    await work(at.runbookOf(false));
    const handle = await ask();
    await eventually(() => expect(at.did).toContain('set two'));
    await handle.cancel();
    release();
    expect(await endOf(handle)).toMatchObject({ status: 'completed' });
    expect([...at.world.keys()]).toEqual(['one', 'two', 'three']);
  });

  it('a run whose workflow is gone keeps its resource from nobody, and goes on where it was when it is started again', async () => {
    const release = at.hold('two');
    await work(at.runbookOf(true));
    const handle = await ask();
    await until(handle, { status: 'waitingForApproval' });
    await decide(handle);
    await eventually(() => expect(at.did).toContain('set two'));
    await handle.terminate('lost');
    release();
    const again = await start('runbook', handle.workflowId, runIdOf(handle));
    expect(await endOf(again)).toEqual({ status: 'completed', detail: null });
    expect(at.did.filter((one) => one === 'set one')).toHaveLength(1);
    const holdAgain = at.hold('one');
    const lost = await ask();
    await until(lost, { status: 'waitingForApproval' });
    await decide(lost);
    await eventually(() => expect(at.did.filter((one) => one === 'set one')).toHaveLength(2));
    await lost.terminate('lost');
    holdAgain();
    const next = await ask();
    await until(next, { status: 'waitingForApproval' });
    await decide(next);
    expect(await endOf(next)).toMatchObject({ status: 'completed' });
    expect(await query('select status from runbook_runs where run_id = $1', runIdOf(lost))).toEqual([{ status: 'preempted' }]);
  });

  it('another build with another version of it does nothing of what was approved', async () => {
    at.look['two'] = { isFine: false, found: 'no' };
    await work(at.runbookOf(false));
    const handle = await ask();
    await until(handle, { waitingFor: 'failed' });
    await stopWorker();
    at.version = 2;
    await work(at.runbookOf(false));
    await tell(handle, 'retry', 1);
    expect(await endOf(handle)).toEqual({
      status: 'preempted',
      detail: 'this build has version 2 of it, and version 1 was planned',
    });
  });
});
