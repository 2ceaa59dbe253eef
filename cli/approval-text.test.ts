import { expect, test } from 'vitest';
import { requestLines, stateText, type ShownRequest } from './approval-text.js';

const request: ShownRequest = {
  requestId: 'r',
  action: 'resume',
  account: 'main',
  payload: {},
  payloadHash: 'f',
  requestedBy: 'tess',
  reason: 'calm',
  createdTime: 0,
  expiresTime: 3_600_000,
  state: 'pending',
  decisions: [],
};
const agreed = [{ subject: 'rik', decision: 'approved' as const, reason: 'seen', decidedTime: 1 }];

test.each([
  [{}, 'pending'],
  [{ state: 'lapsed' as const, detail: 'why' }, 'lapsed: why'],
  [{ state: 'lapsed' as const, detail: 'why', decisions: agreed }, 'approved, but came to nothing: why'],
  [{ state: 'approved' as const, detail: null, decisions: agreed }, 'approved, not carried out yet'],
  [{ state: 'approved' as const, detail: 'why', decisions: agreed }, 'approved, not carried out yet: why'],
  [{ state: 'expired' as const }, 'expired'],
  [{ state: 'expired' as const, decisions: agreed }, 'approved, but came to nothing: its time was over before it was carried out'],
  [{ state: 'overtaken' as const, decisions: agreed }, 'approved, but came to nothing: overtaken'],
  [{ state: 'used' as const, decisions: agreed }, 'approved and carried out'],
  [{ state: 'used' as const, action: 'rearm', decisions: agreed }, 'approved, and the halt has ended'],
  [{ state: 'used' as const, action: 'runbook', detail: 'aborted: x' }, 'approved and begun; the run is aborted: x'],
])('%o is %s', (change, text) => {
  expect(stateText({ ...request, ...change })).toBe(text);
});

test('a plan is shown whole before it is approved', () => {
  const step = { name: 'pause', title: 'Nothing is opened', isCritical: true, timeoutMs: 1, hasUndo: false, signedWithinMs: null };
  const plan = {
    runbook: 'gracefulShutdown',
    version: 1,
    account: 'main',
    inputs: {},
    steps: [step],
    writes: [{ step: 'pause', write: 'hold', with: ['main'] }],
  };
  expect(requestLines({ ...request, action: 'runbook', payload: { runbook: 'gracefulShutdown', planSha256: 'ab', plan } })).toEqual([
    'runbook gracefulShutdown main',
    'asked by tess at 1970-01-01 00:00:00.000 UTC: calm',
    'lapses at 1970-01-01 01:00:00.000 UTC unless it is decided before',
    'plan ab:',
    '  1 pause: Nothing is opened',
    '      hold main',
  ]);
});
