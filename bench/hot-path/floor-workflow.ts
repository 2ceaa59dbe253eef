import { proxyLocalActivities } from '@temporalio/workflow';

const { enter } = proxyLocalActivities<{ enter(id: string): Promise<void> }>({ startToCloseTimeout: '5s' });

/** The least that lies between a decision and its first durable step: nothing of ours. */
export async function floor(id: string): Promise<void> {
  await enter(id);
}
