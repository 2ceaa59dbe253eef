import { Api, GrammyError } from 'grammy';
import type { ChatPort } from '../../activities/ports/chat.js';
import type { TelegramOptions } from './telegram.js';

/** The Bot API holds an answer back for so long while there is no message. */
const WAIT_SECONDS = 20;
/** A connection that is silently gone is given up. */
const LIMIT_MS = 40_000;

type LibrarySignal = Parameters<Api['getUpdates']>[1];

/** What people write to a Telegram bot, by long polling: nothing of ours has to be reached from outside. */
export function telegramChat({ token, apiRoot }: Omit<TelegramOptions, 'chats'>): ChatPort {
  const api = new Api(token, apiRoot === undefined ? {} : { apiRoot });
  return {
    async read(from, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
      const options = { offset: from, timeout: WAIT_SECONDS, allowed_updates: ['message'] as const };
      const updates = await named('getUpdates', api.getUpdates(options, limit as unknown as LibrarySignal));
      const messages = updates.flatMap(({ message }) =>
        message?.text === undefined || message.from === undefined
          ? []
          : [{ chat: String(message.chat.id), sender: String(message.from.id), text: message.text }],
      );
      return { messages, next: Math.max(from, ...updates.map(({ update_id }) => update_id + 1)) };
    },
    async say(chat, text, signal) {
      await named('sendMessage', api.sendMessage(chat, text, {}, signal as unknown as LibrarySignal));
    },
  };
}

/** Only a number goes on: the library's own texts may hold the token. */
async function named<T>(call: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const why = error instanceof GrammyError ? `Telegram’s error ${error.error_code}` : 'the connection failed';
    throw new Error(`${call}: ${why}`);
  }
}
