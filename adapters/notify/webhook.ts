import type { NotifyChannel } from '../../activities/ports/alerts.js';
import { textOf } from '../../core/alerts/message.js';
import { post } from './post.js';

/** Alerts as JSON to an address of the reader's choice; `text` is what most chat services show. */
export function webhookChannel(url: string): NotifyChannel {
  return {
    name: 'webhook',
    recipients: 1,
    send: (message, _recipient, signal) => post('webhook', url, { ...message, text: textOf(message) }, signal),
  };
}
