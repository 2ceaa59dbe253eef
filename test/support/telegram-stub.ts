import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As much of Telegram's Bot API as a bot needs that is talked to: https://core.telegram.org/bots/api#getupdates */
export interface TelegramStub {
  readonly url: string;
  /** What the bot has said, by chat. */
  readonly said: { readonly chat: string; readonly text: string }[];
  /** What every call is answered with from now on, instead of an answer: 409 where another reads at the same time. */
  refusal: number | undefined;
  /** So many calls have waited for messages at once: the real one ends all but the last. */
  readonly most: number;
  write(chat: string, sender: string, text: string): void;
  close(): Promise<void>;
}

export async function telegramStub(token: string): Promise<TelegramStub> {
  const updates: object[] = [];
  const waiting = new Set<(isOver?: boolean) => void>();
  const said: TelegramStub['said'] = [];
  let most = 0;
  let nextId = 700;
  let confirmed = nextId;
  const reply = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += String(chunk)));
    request.on('end', () => {
      const body = (text === '' ? {} : JSON.parse(text)) as { offset?: number; timeout?: number; chat_id?: string; text?: string };
      if (stub.refusal !== undefined) {
        // Nothing of the token is to be told, whatever the server says.
        return reply(response, stub.refusal, { ok: false, error_code: stub.refusal, description: `refused ${token}` });
      }
      if (request.url === `/bot${token}/sendMessage`) {
        said.push({ chat: String(body.chat_id), text: body.text ?? '' });
        return reply(response, 200, { ok: true, result: { message_id: 1 } });
      }
      if (request.url !== `/bot${token}/getUpdates`) return reply(response, 404, { ok: false, error_code: 404, description: 'Not Found' });
      // An offset says that everything before it is done; without new messages the answer is held back.
      confirmed = Math.max(confirmed, body.offset ?? 0);
      const give = (isOver = false): void => {
        const result = updates.slice(confirmed - 700);
        if (result.length === 0 && !isOver && !response.destroyed) return;
        waiting.delete(give);
        clearTimeout(timer);
        reply(response, 200, { ok: true, result });
      };
      const timer = setTimeout(() => give(true), (body.timeout ?? 0) * 1_000);
      waiting.add(give);
      response.on('close', () => waiting.delete(give));
      most = Math.max(most, waiting.size);
      give();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub: TelegramStub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    said,
    get most() {
      return most;
    },
    refusal: undefined,
    write(chat, sender, text) {
      const from = { id: Number(sender), is_bot: false, first_name: 'x' };
      updates.push({
        update_id: nextId++,
        message: { message_id: nextId, date: 1, chat: { id: Number(chat), type: 'group' }, from, text },
      });
      for (const give of waiting) give();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return stub;
}
