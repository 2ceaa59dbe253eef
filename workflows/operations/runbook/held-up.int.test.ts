import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readAlerts } from '../../../api/read/alerts.js';
import { eventually } from '../../../test/support/eventually.js';
import { RunbookBench } from '../../../test/support/runbook-bench.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import type { ThreeSteps } from '../../../test/support/three-steps.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(temporal === undefined)('a part whose statement the database refuses', () => {
  const bench = new RunbookBench();
  let at: ThreeSteps;

  beforeAll(() => bench.begin(temporal));
  afterAll(bench.close);
  beforeEach(() => {
    at = bench.renew();
  });
  afterEach(bench.clear);

  it('is told to people after a minute, once, by what it is and what the database says, and is over when the part goes on', async () => {
    let now = 0;
    // Half a minute from failure to failure.
    await bench.work(at.runbookOf(false), undefined, undefined, () => (now += 30_000));
    const release = at.hold('one');
    const handle = await bench.ask();
    await eventually(() => expect(at.did).toEqual(['set one']));
    // Each statement that writes down how a part has ended takes longer than it may.
    const letGo = await bench.refuse('runbook_parts');
    release();

    const runId = bench.runIdOf(handle);
    const shown = () => readAlerts(bench.database, { all: false, limit: 10 });
    const told = await eventually(async () => {
      const alerts = await shown();
      expect(alerts.map(({ kind, severity }) => [kind, severity])).toEqual([['runbook.heldUp', 'error']]);
      return alerts;
    }, 30_000);
    expect(told[0]?.account).toBe('main');
    expect(told[0]?.summary).toMatch(
      new RegExp(
        `^Runbook morningChecks of main is held up: the database refuses the action of step 1 \\(Step one\\) .*57014.*abort ${runId}`,
      ),
    );
    await letGo();
    expect(await bench.endOf(handle)).toEqual({ status: 'completed', detail: null });
    expect(await shown()).toEqual([]);
    expect(await bench.query(`select times from alerts where kind = 'runbook.heldUp' and next_at is null`)).toEqual([{ times: 1 }]);
  });

  it('is over with its run, whoever ended that', async () => {
    await bench.work(at.runbookOf(false));
    const release = at.hold('one');
    const handle = await bench.ask();
    const runId = bench.runIdOf(handle);
    await eventually(() => expect(at.did).toEqual(['set one']));
    const key = { runId, position: 0, attempt: 1, part: 'action', begunTime: 7, detail: 'it took too long' };
    await bench.query('select hold_up_runbook_part($1)', key);
    await bench.query('select hold_up_runbook_part($1)', key);
    const open = `select times from alerts where kind = 'runbook.heldUp' and next_at is not null and data->>'runId' = $1`;
    expect(await bench.query(open, runId)).toEqual([{ times: 2 }]);
    await bench.query('select end_runbook($1)', { runId, status: 'preempted', detail: null });
    expect(await bench.query(open, runId)).toEqual([]);
    // Of a run that has ended nothing is told any more.
    await bench.query('select hold_up_runbook_part($1)', { ...key, begunTime: 8 });
    expect(await bench.query(open, runId)).toEqual([]);
    release();
  });
});
