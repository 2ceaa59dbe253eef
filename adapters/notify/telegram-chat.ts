import { Api, GrammyError } from 'grammy';
import { ChatContested, type ChatPort } from '../../activities/ports/chat.js';
import type { TelegramOptions } from './telegram.js';

/** The Bot API holds an answer back for so long while there is no message: a guardian that dies is replaced soon after. */
const WAIT_SECONDS = 4;
/** A connection that is silently gone is given up. */
const LIMIT_MS = 10_000;
const LONGEST_DESCRIPTION = 200;

type LibrarySignal = Parameters<Api['getUpdates']>[1];

/** What people write to a Telegram bot, by long polling: nothing of ours has to be reached from outside. */
export function telegramChat({ token, apiRoot }: Omit<TelegramOptions, 'chats'>): ChatPort {
  const api = new Api(token, apiRoot === undefined ? {} : { apiRoot });
  const named = async <T>(call: string, answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw told(call, error, token);
    }
  };
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

/** Of the library's own texts nothing goes on, since they may hold the token; of what the server says it is taken out. */
function told(call: string, error: unknown, token: string): Error {
  if (!(error instanceof GrammyError)) return new Error(`${call}: the connection failed. See whether the guardian reaches Telegram`);
  const [, secret = token] = token.split(':');
  const said = error.description.replaceAll(token, '…').replaceAll(secret, '…').slice(0, LONGEST_DESCRIPTION);
  const answer = `${call}: Telegram’s error ${error.error_code} (${said})`;
  if (error.error_code === 409) {
    return new ChatContested(
      `${answer}. Delete the webhook of the bot if it has one, and give every other program that reads, another Keelson, too, a bot of its own`,
    );
  }
  return new Error(
    error.error_code === 401 ? `${answer}. Give the guardians the bot’s token (KEELSON_TELEGRAM_TOKEN) and restart them` : answer,
  );
}
