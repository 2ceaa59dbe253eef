import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { RunbookBench } from '../../../test/support/runbook-bench.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import type { ThreeSteps } from '../../../test/support/three-steps.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(temporal === undefined)('a run whose workflow is lost goes on as it stood', () => {
  const bench = new RunbookBench();
  const { work, query, ask, start, runIdOf, state, until, endOf, tell } = bench;
  let at: ThreeSteps;

  beforeAll(() => bench.begin(temporal));
  afterAll(bench.close);
  beforeEach(() => {
    at = bench.renew();
  });
  afterEach(bench.clear);

  /** As a guardian does when it starts, and each look at what it is about. */
  const wokenAnew = async (handle: WorkflowHandle): Promise<WorkflowHandle> => {
    await handle.terminate('a server that forgets');
    return start('runbook', handle.workflowId, runIdOf(handle));
  };
  const pausedAfterOne = async (): Promise<WorkflowHandle> => {
    const release = at.hold('one');
    await work(at.runbookOf(false));
    const handle = await ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    await tell(handle, 'pause');
    release();
    await until(handle, { status: 'paused' });
    return handle;
  };
  const calls = async (handle: WorkflowHandle): Promise<readonly object[]> =>
    query(`select times from alerts where kind = 'runbook.waits' and alert_key like $1`, `runbook:${runIdOf(handle)}:%`);

  it('paused by a person: nothing of it begins before a person has resumed it', async () => {
    const again = await wokenAnew(await pausedAfterOne());
    await until(again, { status: 'paused', position: 1, isPaused: true });
    expect((await state(again)).steps.map((step) => step.state)).toEqual(['done', 'waiting', 'waiting']);
    const third = await wokenAnew(again);
    await until(third, { status: 'paused', position: 1 });
    expect(at.did).toEqual(['set one']);
    await tell(third, 'resume');
    expect(await endOf(third)).toEqual({ status: 'completed', detail: null });
    expect(at.did).toEqual(['set one', 'set two', 'set three']);
  });

  it('paused in the middle of a step: also the rest of that waits, and given up there it is taken back', async () => {
    at.look['two'] = { isFine: false, isWaiting: true, found: 'it is not over', callAfterMs: 3_600_000 };
    await work(at.runbookOf(false));
    const handle = await ask();
    await until(handle, { waitingFor: 'elsewhere' });
    await tell(handle, 'pause');
    await until(handle, { status: 'paused' });
    at.look = {};
    at.looked.length = 0;
    const again = await wokenAnew(handle);
    await until(again, { status: 'paused', position: 1 });
    expect((await state(again)).steps.map((step) => [step.state, step.output])).toEqual([
      ['done', { set: 'one' }],
      ['doing', { set: 'two' }],
      ['waiting', null],
    ]);
    expect(at.looked).toEqual([]);
    await tell(again, 'abort');
    expect(await endOf(again)).toEqual({ status: 'aborted', detail: 'aborted by olga: a test' });
    expect(at.did).toEqual(['set one', 'set two', 'undo two two', 'undo one one']);
  });

  it('paused and resumed it goes on; paused and given up it is taken back', async () => {
    const resumed = await pausedAfterOne();
    const release = at.hold('two');
    await tell(resumed, 'resume');
    await eventually(() => expect(at.did).toContain('set two'));
    const again = await wokenAnew(resumed);
    release();
    expect(await endOf(again)).toMatchObject({ status: 'completed' });

    await bench.clear();
    at = bench.renew();
    const paused = await pausedAfterOne();
    await query(
      `insert into runbook_commands (command_id, run_id, kind, reason, subject, key_id, applied_at)
         values (gen_random_uuid(), $1, 'abort', 'a test', 'olga', $2, clock_timestamp())`,
      ...[runIdOf(paused), bench.keys['olga']],
    );
    expect(await endOf(await wokenAnew(paused))).toEqual({ status: 'aborted', detail: 'aborted by olga: a test' });
    expect(at.did.filter((one) => !one.startsWith('undo two'))).toEqual(['set one', 'undo one one']);
  });

  it('a pause stands by how many there were, whatever the database’s clock says of their order', async () => {
    const handle = await pausedAfterOne();
    await tell(handle, 'resume');
    const release = at.hold('three');
    await eventually(() => expect(at.did).toContain('set three'));
    await tell(handle, 'pause');
    // The clock was ahead when it was resumed.
    await query(
      `update runbook_commands set applied_at = applied_at + interval '1 hour' where run_id = $1 and kind = 'resume'`,
      runIdOf(handle),
    );
    await handle.terminate('a server that forgets');
    release();
    const again = await start('runbook', handle.workflowId, runIdOf(handle));
    await until(again, { status: 'paused' });
  });

  it.each<[string, (handle: WorkflowHandle) => Promise<unknown>, object]>([
    [
      'signed, after a second try',
      (handle) => tell(handle, 'sign', 1, 'rik'),
      { state: 'done', signedBy: 'rik', attempt: 2, failure: null },
    ],
    [
      'left out',
      (handle) => tell(handle, 'skip', 1, 'rik'),
      { state: 'skipped', signedBy: null, attempt: 2, failure: 'not signed (left out by rik: a test)' },
    ],
  ])('what people have decided is asked of nobody again: %s', async (_, decided, step) => {
    at.stuck = 'two';
    const release = at.hold('three');
    await work(at.runbookOf(false, { signedWithinMs: 600_000 }));
    const handle = await ask();
    await until(handle, { waitingFor: 'failed', position: 1 });
    at.stuck = undefined;
    await tell(handle, 'retry', 1);
    await until(handle, { waitingFor: 'signature' });
    await decided(handle);
    await eventually(() => expect(at.did).toContain('set three'));
    const [before, { steps }] = [await calls(handle), await state(handle)];
    const again = await wokenAnew(handle);
    release();
    expect(await endOf(again)).toMatchObject({ status: expect.stringContaining('completed') as string });
    expect((await state(again)).steps[1]).toEqual({ ...steps[1], ...step });
    expect(await calls(again)).toEqual(before);
  });

  it('a step that failed and was left out stays so, and a signature that nobody gave in time is not asked for again', async () => {
    at.look['one'] = { isFine: false, found: 'it is not blue' };
    const release = at.hold('three');
    await work(at.runbookOf(false, { signedWithinMs: 100 }));
    const handle = await ask();
    await until(handle, { waitingFor: 'failed', position: 0 });
    await tell(handle, 'skip', 0, 'rik');
    await eventually(() => expect(at.did).toContain('set three'));
    const before = await calls(handle);
    const again = await wokenAnew(handle);
    release();
    expect(await endOf(again)).toEqual({
      status: 'completedWithFailures',
      detail: 'Step one: it is not blue (left out by rik: a test); Step two: nobody has signed',
    });
    expect(await calls(again)).toEqual(before);
  });

  it('a workflow of before, which knows nothing of how a run stood, is not told', async () => {
    const begun: unknown[] = [];
    const release = at.hold('one');
    await work(at.runbookOf(false), undefined, (activities) => ({
      ...activities,
      runbookBegin: async (runId) => {
        const answer = await activities.runbookBegin(runId);
        begun.push(answer);
        return answer;
      },
    }));
    const handle = await ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    const again = await wokenAnew(handle);
    release();
    expect(await endOf(again)).toMatchObject({ status: 'completed' });
    expect(begun).toEqual(Array(2).fill({ result: 'begun', detail: '' }));
  });
});
