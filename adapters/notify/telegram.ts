import { Api, GrammyError } from 'grammy';
import type { NotifyChannel } from '../../activities/ports/alerts.js';
import { textOf } from '../../core/alerts/message.js';
import { notDelivered } from './not-delivered.js';

export interface TelegramOptions {
  readonly token: string;
  readonly chats: readonly string[];
  /** Where the Bot API is; left out: Telegram’s own. */
  readonly apiRoot?: string | undefined;
}

/** The Bot API refuses a longer message. */
const MOST_CHARACTERS = 4_096;

/** The library declares the signal of a package that filled in for older Nodes; it takes the one of the language. */
type LibrarySignal = Parameters<Api['sendMessage']>[3];

/** Messages of a Telegram bot to chats, one after the other as an alert goes up. */
export function telegramChannel({ token, chats, apiRoot }: TelegramOptions): NotifyChannel {
  const api = new Api(token, apiRoot === undefined ? {} : { apiRoot });
  return {
    name: 'telegram',
    recipients: chats.length,
    async send(message, recipient, signal) {
      try {
        await api.sendMessage(chats[recipient] ?? '', textOf(message, MOST_CHARACTERS), {}, signal as unknown as LibrarySignal);
      } catch (error) {
        // Only the number: the library's own texts may hold the token.
        const code = error instanceof GrammyError ? `Telegram’s error ${error.error_code}` : 'the connection failed';
        throw notDelivered('telegram', signal.aborted ? 'it did not answer in time' : code);
      }
    },
  };
}
