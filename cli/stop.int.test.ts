import { describe, expect, it } from 'vitest';
import { keelsonBefore, type Said } from '../test/support/stub-api.js';
import { EXIT } from './exit.js';

/** `keelson stop`, where the shutdown of the only account has come to this. */
function stop(run: object, quiet: object | null | undefined, ...more: readonly string[]): Promise<Said> {
  const parts = [
    { name: 'report', part: 'verification', output: { openOrders: [], positions: [] } },
    ...(quiet === undefined ? [] : [{ name: 'quiet', part: 'verification', output: quiet }]),
  ];
  return keelsonBefore(
    {
      'GET /v1/status': { accounts: [{ account: 'main', isRetired: false, latches: [] }] },
      'POST /v1/runbooks/run': {},
      'GET /v1/runbooks/run': { run: { status: 'completed', detail: null, endedTime: 1, ...run }, parts },
    },
    ...['stop', '--reason', 'a test', ...more],
  );
}

describe('keelson stop', () => {
  it('says that the processes may be stopped only where the shutdown has ended and its last step said so', async () => {
    const { exitCode, out } = await stop({}, { safeToStop: true });
    expect(exitCode).toBe(EXIT.done);
    expect(out).toContain('main: shut down (completed)');
    expect(out).toContain('its processes may be stopped now');
  });

  it.each([
    ['its last step says nothing', {}, {}],
    ['its last step has failed', { status: 'completedWithFailures', detail: 'order i1 is unknown' }, null],
    ['its last step was not reached', { status: 'preempted' }, undefined],
    ['it waits for a person', { status: 'waitingForPerson', endedTime: null }, undefined],
    ['it is not over, whatever a step has said', { status: 'paused', endedTime: null }, { safeToStop: true }],
  ])('stops nothing where %s', async (_, run, quiet) => {
    const { exitCode, out } = await stop(run, quiet);
    expect(exitCode).toBe(EXIT.refused);
    expect(out).toContain('main: NOT shut down');
    expect(out).toContain('Nothing was stopped.');
    expect(out).not.toContain('may be stopped now');
  });

  it('stops all the same with --anyway, and says that it is not shut down', async () => {
    const { exitCode, out } = await stop({ status: 'preempted' }, undefined, '--anyway');
    expect(exitCode).toBe(EXIT.done);
    expect(out).toContain('main: NOT shut down (preempted)');
    expect(out).toContain('may be stopped now');
  });
});
