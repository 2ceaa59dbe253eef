import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { RunbookBench } from '../../../test/support/runbook-bench.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import type { ThreeSteps } from '../../../test/support/three-steps.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(temporal === undefined)('what another person has approved of a runbook', () => {
  const bench = new RunbookBench();
  const { work, stopWorker, query, ask, runIdOf, until, endOf, decide } = bench;
  let at: ThreeSteps;

  beforeAll(() => bench.begin(temporal));
  afterAll(bench.close);
  beforeEach(() => {
    at = bench.renew();
  });
  afterEach(bench.clear);

  /** A hand in the database, past what keeps rows from being changed. */
  const tamper = (change: string): Promise<unknown> => query(`begin; set local session_replication_role = replica; ${change}; commit`);
  const isTimeOver = (handle: WorkflowHandle): Promise<unknown> =>
    tamper(
      `update approval_requests set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours' where request_id = '${runIdOf(handle)}'`,
    );
  const asked = async (): Promise<WorkflowHandle> => {
    const handle = await ask();
    await until(handle, { status: 'waitingForApproval' });
    return handle;
  };
  const untouched = (): void => expect([at.did, [...at.world]]).toEqual([[], []]);

  it('is nothing where nobody has in time: nothing is done, and who comes late decides nothing', async () => {
    await work(at.runbookOf(true));
    const handle = await asked();
    await isTimeOver(handle);
    expect(await decide(handle)).toBe('expired');
    expect(await endOf(handle)).toEqual({ status: 'refused', detail: 'its approval is expired' });
    untouched();
    expect(await query('select status from runbook_runs where run_id = $1', runIdOf(handle))).toEqual([{ status: 'refused' }]);
    expect(await query('select from runbook_locks')).toEqual([]);
  });

  it('is nothing any more where its time was over before anything began', async () => {
    await work(at.runbookOf(true));
    const handle = await asked();
    await stopWorker();
    expect(await decide(handle)).toBe('written');
    await isTimeOver(handle);
    await work(at.runbookOf(true));
    expect(await endOf(handle)).toEqual({ status: 'refused', detail: 'its approval is expired' });
    untouched();
  });

  const changes: readonly { readonly what: string; readonly change: (handle: WorkflowHandle) => Promise<unknown> }[] = [
    {
      what: 'inputs',
      change: (handle) => tamper(`update runbook_runs set inputs = '{"n": 2}' where run_id = '${runIdOf(handle)}'`),
    },
    { what: 'a step', change: () => work(at.runbookOf(true, { timeoutMs: 30_000 })) },
    { what: 'whether a step stops the run', change: () => work(at.runbookOf(true, { isCritical: false })) },
    {
      what: 'the version',
      change: () => {
        at.version += 1;
        return work(at.runbookOf(true));
      },
    },
  ];
  it.each(changes)('lapses where $what is another: nothing is done, and it is asked for again', async ({ what, change }) => {
    await work(at.runbookOf(true));
    const handle = await asked();
    const hash = (): Promise<object[]> =>
      query(`select encode(plan_sha256, 'hex') as hash from runbook_runs where run_id = $1`, runIdOf(handle));
    const before = await hash();
    if (what !== 'inputs') await stopWorker();
    await change(handle);
    expect(await decide(handle)).toBe('written');
    expect(await endOf(handle)).toMatchObject({ status: 'lapsed', detail: expect.stringContaining('not what was planned') as string });
    untouched();
    // What was approved stays what it was, and was not used.
    expect(await hash()).toEqual(before);
    expect(await query('select used_at from approval_requests where request_id = $1', runIdOf(handle))).toEqual([{ used_at: null }]);
  });
});
