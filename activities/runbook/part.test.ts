import { expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { PartEnd, RunbookStore } from '../ports/runbook.js';
import { workerStops } from '../worker-stops.js';
import { createRunPart } from './part.js';
import { bound } from './step-code.js';

const SPEC = { name: 'morningChecks', version: 1, title: 'A test', needsApproval: false, isScheduled: false } as const;
const STEP = { name: 'one', title: 'One', isCritical: true, timeoutMs: 10_000, hasUndo: false, signedWithinMs: null } as const;

/** One step whose action throws. @returns how the part ended in the records, if it did. */
async function thrown(error: unknown): Promise<PartEnd[]> {
  const ends: PartEnd[] = [];
  const code = bound({
    spec: { ...SPEC, runsUnderHalt: true, resource: 'test' },
    steps: [{ spec: STEP, action: () => Promise.reject(error) }],
    ...{ reads: {}, writes: {} },
  });
  const store = {
    read: () =>
      Promise.resolve({
        runId: 'r',
        runbook: 'morningChecks',
        account: 'main',
        inputs: {},
        subject: null,
        plan: { version: 1, steps: [STEP] },
      }),
    beginPart: () => Promise.resolve(null),
    endPart: (_: unknown, end: PartEnd) => Promise.resolve(void ends.push(end)),
  } as unknown as RunbookStore;
  const stopping = new AbortController().signal;
  const part = createRunPart({ store, runbooks: {}, actor: 'test', stopping, isUnderWay: () => Promise.resolve(true) }, () => code);
  await part({ runId: 'r', position: 0, attempt: 1, part: 'action' }, null);
  return ends;
}

it('a part that throws has failed, and a person sees why', async () => {
  expect(await thrown(new Error('it is stuck'))).toEqual([{ outcome: 'failed', detail: 'it is stuck' }]);
});

it.each([
  ['its worker stops', workerStops()],
  ['the ledger is away', new KeelsonError('INFRA_DATABASE', { detail: 'gone' })],
])('when %s nothing of it has ended: it is begun again', async (_, error) => {
  await expect(thrown(error)).rejects.toBe(error);
});
