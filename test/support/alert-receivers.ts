import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createNetServer, type AddressInfo, type Server } from 'node:net';

/** What somebody was told, and when the answer had left. */
export interface Received {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly at: number;
}

export interface HttpReceiver {
  readonly url: string;
  readonly received: Received[];
  /** What it answers from now on; `hang`: nothing, ever. */
  answer: number | 'hang';
  close(): Promise<void>;
}

/** A server that takes JSON, as chat services and the Bot API do. */
export async function httpReceiver(): Promise<HttpReceiver> {
  const received: Received[] = [];
  const server = createHttpServer((request, response) => {
    void bodyOf(request).then((body) => {
      if (receiver.answer === 'hang') return;
      response.writeHead(receiver.answer, { 'content-type': 'application/json' });
      response.end(JSON.stringify(botAnswer(receiver.answer)), () =>
        received.push({ path: request.url ?? '', body, at: performance.now() }),
      );
    });
  });
  const port = await listening(server);
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${port}`,
    received,
    answer: 200,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/** As the Bot API says it; who else posts here reads the status alone. */
function botAnswer(status: number): object {
  return status === 200 ? { ok: true, result: { message_id: 1 } } : { ok: false, error_code: status, description: 'refused' };
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

export interface MailReceiver {
  readonly port: number;
  readonly mails: { readonly to: string; readonly text: string }[];
  close(): Promise<void>;
}

/** As much of a mail server as a client needs to leave a mail. */
export async function mailReceiver(): Promise<MailReceiver> {
  const mails: { to: string; text: string }[] = [];
  const server = createNetServer((socket) => {
    let [to, text, isData] = ['', '', false];
    socket.on('error', () => undefined);
    socket.write('220 ready\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('utf8')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (isData && line !== '.') text += `${line}\n`;
        else if (isData) {
          isData = false;
          mails.push({ to, text });
          socket.write('250 taken\r\n');
        } else if (/^DATA/i.test(line)) {
          isData = true;
          socket.write('354 go on\r\n');
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
        else {
          to = /^RCPT TO:<(.*)>/i.exec(line)?.[1] ?? to;
          socket.write('250 well\r\n');
        }
      }
    });
  });
  const port = await listening(server);
  return { port, mails, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
