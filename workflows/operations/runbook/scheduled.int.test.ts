import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runbookWorkflowId } from '../../../core/runbook/spec.js';
import { eventually } from '../../../test/support/eventually.js';
import { RunbookBench } from '../../../test/support/runbook-bench.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import type { ThreeSteps } from '../../../test/support/three-steps.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(temporal === undefined)('a runbook that a schedule starts, on a real server and ledger', () => {
  const bench = new RunbookBench();
  const { work, query, startScheduled, until, endOf, tell } = bench;
  let at: ThreeSteps;

  beforeAll(() => bench.begin(temporal));
  afterAll(bench.close);
  beforeEach(() => {
    at = bench.renew();
  });
  afterEach(bench.clear);

  it('a schedule starts what may be scheduled, in nobody’s name', async () => {
    await work(at.runbookOf(false, {}, true));
    expect(await endOf(await startScheduled())).toMatchObject({ status: 'completed' });
    expect(await query('select requested_by, status from runbook_runs where key_id is null order by created_at desc limit 1')).toEqual([
      { requested_by: null, status: 'completed' },
    ]);
  });

  it('what is due while a person has paused the run before does not begin, and people are told what was not checked and how to go on', async () => {
    const release = at.hold('one');
    await work(at.runbookOf(false, {}, true));
    const paused = await startScheduled();
    await eventually(() => expect(at.did).toEqual(['set one']));
    const [first] = await query<{ runId: string }>('select run_id::text as "runId" from runbook_locks');
    const run = bench.client.workflow.getHandle(runbookWorkflowId(first?.runId ?? ''));
    bench.open.push(run);
    await tell(run, 'pause');
    release();
    await until(run, { status: 'paused' });

    expect(await endOf(await startScheduled())).toMatchObject({ status: 'locked' });
    const told = await query<{ runId: string; severity: string; summary: string }>(
      `select r.run_id::text as "runId", severity, summary from runbook_runs r join alerts on alert_key = 'runbook:' || r.run_id where kind = 'runbook.locked' and requested_by is null`,
    );
    expect(told).toEqual([{ runId: expect.any(String), severity: 'warning', summary: expect.any(String) }]);
    const summary = told[0]?.summary ?? '';
    expect(summary).toMatch(
      /^Runbook morningChecks of main was due at \d{4}-\d\d-\d\d \d\d:\d\d UTC and has not begun: nothing of it was checked, /,
    );
    expect(summary).toContain(`run ${first?.runId} is at work since`);
    expect(summary).toContain('paused by olga: a test');
    expect(summary).toContain(
      `keelson runbooks resume ${first?.runId} lets that one go on, keelson runbooks abort ${first?.runId} ends it`,
    );
    expect(summary).toContain('keelson runbooks run morningChecks then makes up for what was due');
    await tell(run, 'resume');
    expect(await endOf(paused)).toMatchObject({ status: 'completed' });
  });
});
