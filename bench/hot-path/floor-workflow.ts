import { proxyLocalActivities } from '@temporalio/workflow';

const { enter } = proxyLocalActivities<{ enter(startCalled: number): Promise<void> }>({ startToCloseTimeout: '5s' });

/** The least that lies between a decision and its first durable step: nothing of ours. */
export async function floor(startCalled: number): Promise<void> {
  await enter(startCalled);
}
