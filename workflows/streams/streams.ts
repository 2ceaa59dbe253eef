import { continueAsNew, proxyActivities } from '@temporalio/workflow';
import type { AccountStreamActivities, BarStreamActivities } from '../../activities/streams/index.js';
import { STREAM, told } from '../activity-options.js';

const { streamBars } = proxyActivities<BarStreamActivities>(told(STREAM, 'bars, for an hour'));
const { streamAccount } = proxyActivities<AccountStreamActivities>(told(STREAM, 'the account, for an hour'));

/**
 * Keeps the bars of an account's strategies flowing. The activity runs for an hour and returns by itself, so that a
 * continue-as-new never cuts it off (P32); when its worker dies, another takes it up after the heartbeat's time-out.
 */
export async function watchBars(account: string, interval: string): Promise<void> {
  await streamBars(account, interval);
  await continueAsNew<typeof watchBars>(account, interval);
}

/** Keeps the account stream, the poll of working orders and the sweeper going (P15, P16). */
export async function watchAccount(account: string): Promise<void> {
  await streamAccount(account);
  await continueAsNew<typeof watchAccount>(account);
}
