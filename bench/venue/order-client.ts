import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** One keep-alive connection that places signed market orders, one after the other, with as little work as possible. */
export class OrderClient {
  readonly #socket: Socket;
  readonly #key: string;
  readonly #secret: string;
  #received = '';
  #waiting: ((body: string) => void) | undefined;

  private constructor(socket: Socket, key: string, secret: string) {
    this.#socket = socket;
    this.#key = key;
    this.#secret = secret;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(text));
  }

  static async open(port: number, key: string, secret: string): Promise<OrderClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new OrderClient(socket, key, secret);
  }

  /** @throws Error with the venue's answer when the order was not filled. */
  async place(side: 'BUY' | 'SELL', clientOrderId: string): Promise<void> {
    const form = `symbol=BTCUSDT&side=${side}&type=MARKET&quantity=0.001&newClientOrderId=${clientOrderId}&timestamp=${Date.now()}`;
    const body = `${form}&signature=${createHmac('sha256', this.#secret).update(form).digest('hex')}`;
    const answer = new Promise<string>((resolve) => (this.#waiting = resolve));
    this.#socket.write(
      `POST /api/v3/order HTTP/1.1\r\nhost: venue\r\nx-mbx-apikey: ${this.#key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const text = await answer;
    if (!text.includes('"status":"FILLED"')) throw new Error(`not filled: ${text.slice(0, 200)}`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const headers = this.#received.indexOf('\r\n\r\n');
    if (headers < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < headers + 4 + length) return;
    const body = this.#received.slice(headers + 4, headers + 4 + length);
    this.#received = this.#received.slice(headers + 4 + length);
    this.#waiting?.(body);
  }
}
