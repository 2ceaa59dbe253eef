import { describe, expect, it } from 'vitest';
import { keelsonBefore } from '../test/support/stub-api.js';
import { keptBy, type KeptAccount } from './kept.js';

const HOLD = { runId: 'run-1', runbook: 'startUp', mode: 'observation', was: 'normal' } as const;
const MAIN: KeptAccount = { account: 'main', mode: 'observation', heldByRunbook: HOLD };
const REQUEST = { requestId: 'r-1', action: 'rearm', account: null, requestedBy: 'rik', payloadHash: 'h', state: 'used', decisions: [] };

describe('what keeps an account from trading as it may', () => {
  it('is nothing in mode normal, and of a halt the halt', () => {
    expect([...keptBy({ account: 'main', mode: 'normal' }), ...keptBy({ account: 'main', mode: 'killed' })]).toEqual([]);
  });

  it('is the mode alone where nobody is named for it, as after a breach that the watch has seen', () => {
    expect(keptBy({ account: 'main', mode: 'reduceOnly' })).toEqual([expect.stringMatching(/^in mode reduceOnly: .*keelson resume main/)]);
  });

  it('is a start-up, that goes on or that people have to ask for anew', () => {
    const run = { runId: HOLD.runId, runbook: 'startUp', status: 'running', reason: 'a start' } as const;
    expect(keptBy({ ...MAIN, openRuns: [run] })).toEqual([
      'held in observation by startUp, before it was in normal: keelson runbooks show run-1',
    ]);
    expect(keptBy({ ...MAIN, openRuns: [] })).toEqual([
      expect.stringMatching(/keelson runbooks run startUp --account main --reason … .*keelson resume main/),
    ]);
  });
});

describe('whoever ends a halt', () => {
  const answers = (accounts: readonly object[]): Readonly<Record<string, unknown>> => ({
    'GET /v1/approvals': { requests: [REQUEST] },
    'POST /v1/approvals/approve': REQUEST,
    'POST /v1/rearm': { status: 'done' },
    ...(accounts.length === 0 ? {} : { 'GET /v1/status': { accounts } }),
  });
  it.each([[['approvals', 'approve', 'r-1', '--yes']], [['rearm', '--request', 'r-1']]])('%j is told what does not go on', async (line) => {
    const asked = [...line, '--reason', 'seen'];
    const going = { account: 'desk', isRetired: false, mode: 'normal' };
    const { out } = await keelsonBefore(answers([{ ...MAIN, isRetired: false }, going]), ...asked);
    expect(out).toMatch(
      /the halt has ended\.\nThese accounts do not go on by that alone:\n {2}main: held in observation by startUp, .*startUp --account main/,
    );
    expect(out).not.toContain('desk');
    expect((await keelsonBefore(answers([going]), ...asked)).out).toMatch(/the halt has ended\.\n$/);
    // The halt has ended, whether that can be looked at or not.
    expect(await keelsonBefore(answers([]), ...asked)).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('keelson status') as string,
    });
  });
});
