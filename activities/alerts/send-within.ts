import { KeelsonError } from '../../core/errors.js';
import type { AlertMessage } from '../../core/alerts/message.js';
import type { NotifyChannel } from '../ports/alerts.js';

/** A channel that has taken nothing for so long has hung: it is tried again later. */
const SEND_LIMIT_MS = 10_000;

/**
 * Tells one recipient by one channel. Whatever the channel makes of its signal, it is not waited for longer than its time, nor beyond `ending`.
 * @throws KeelsonError ALERT_NOT_DELIVERED
 */
export async function sendWithin(channel: NotifyChannel, message: AlertMessage, recipient: number, ending: AbortSignal): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), SEND_LIMIT_MS);
  const limit = AbortSignal.any([ending, late.signal]);
  const over = new Promise<never>((_, reject) => {
    const tell = (): void =>
      reject(new KeelsonError('ALERT_NOT_DELIVERED', { channel: channel.name, detail: 'it did not answer in time' }));
    if (limit.aborted) tell();
    limit.addEventListener('abort', tell, { once: true });
  });
  try {
    await Promise.race([channel.send(message, recipient, limit), over]);
  } finally {
    clearTimeout(timer);
  }
}
