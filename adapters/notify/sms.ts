import type { NotifyChannel } from '../../activities/ports/alerts.js';
import { textOf } from '../../core/alerts/message.js';
import { post } from './post.js';

/** Services refuse what is longer than ten short messages in one. */
const MOST_CHARACTERS = 1_500;

/** Short messages through the webhook of a service: it is given `to` and `text`. */
export function smsChannel(url: string, numbers: readonly string[]): NotifyChannel {
  return {
    name: 'sms',
    recipients: numbers.length,
    send: (message, recipient, signal) => post('sms', url, { to: numbers[recipient], text: textOf(message, MOST_CHARACTERS) }, signal),
  };
}
