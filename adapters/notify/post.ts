import type { AlertChannel } from '../../core/alerts/round.js';
import { KeelsonError } from '../../core/errors.js';
import { notDelivered } from './not-delivered.js';

/** Posts JSON; anything but a 2xx is a failure. The address may be a secret itself: it is in no error. */
export async function post(channel: AlertChannel, url: string, body: object, signal: AbortSignal): Promise<void> {
  try {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
      redirect: 'error' as const,
    };
    const response = await fetch(url, init);
    await response.body?.cancel();
    if (!response.ok) throw notDelivered(channel, `HTTP status ${response.status}`);
  } catch (error) {
    if (error instanceof KeelsonError) throw error;
    throw notDelivered(channel, signal.aborted ? 'it did not answer in time' : 'the connection failed');
  }
}
