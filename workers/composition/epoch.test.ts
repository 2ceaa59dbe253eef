import type { Context } from '@temporalio/activity';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { createReconcileActivities } from '../../activities/reconcile/index.js';
import { createRunbookActivities } from '../../activities/runbook/index.js';
import { EPOCH_HEADER } from '../../workflows/names.js';
import { refusesOtherEpochs } from './epoch.js';

/** What the worker of epoch 2 answers to an activity of a run that was begun under `epoch`, or that tells none. */
const answer = async (activityType: string, epoch?: number): Promise<unknown> => {
  const { inbound } = refusesOtherEpochs(2)({ info: { activityType } } as Context);
  const headers = epoch === undefined ? {} : { [EPOCH_HEADER]: defaultPayloadConverter.toPayload(epoch) };
  return inbound?.execute?.({ args: [], headers }, () => Promise.resolve('done'));
};

it('P31: what was begun under another epoch does nothing, nor what tells none', async () => {
  expect(await answer('submit', 2)).toBe('done');
  for (const epoch of [1, 3, undefined])
    await expect(answer('submit', epoch)).rejects.toSatisfy(
      (error) => error instanceof ApplicationFailure && error.type === 'RISK_EPOCH' && error.nonRetryable === true,
    );
});

it('what schedules and people start goes on after a restore: a schedule is the server’s own start and tells no epoch', async () => {
  const [reconciling, running] = [
    createReconcileActivities({} as never),
    createRunbookActivities({ store: {}, runbooks: {}, actor: '' } as never),
  ];
  const names = [...Object.keys(reconciling), ...Object.keys(running)];
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) expect(await answer(name)).toBe('done');
});
