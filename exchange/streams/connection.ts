import type { RawData, WebSocket } from 'ws';
import { JournalError } from '../journal/writer.js';

/** A reader that lets this much pile up is cut off: the venue's memory is bounded, and so is what the reader would miss. */
const MOST_BUFFERED_BYTES = 4 * 1024 * 1024;
const PING_MS = 20_000;

/** One WebSocket: bounded sending, pings, and an end that is told once. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #pings: NodeJS.Timeout;
  /** Pings and replies go on; data does not. */
  silentUntil = 0;
  #answered = true;

  constructor(socket: WebSocket, onText: (text: string) => void, onEnd: () => void) {
    this.#socket = socket;
    this.#pings = setInterval(() => this.#ping(), PING_MS);
    this.#pings.unref();
    socket.on('pong', () => (this.#answered = true));
    socket.on('message', (data: RawData) => {
      try {
        // The server's sockets hand over each message as one buffer.
        onText(Buffer.isBuffer(data) ? data.toString('utf8') : '');
      } catch (error) {
        if (error instanceof JournalError) throw error;
        // A fault of the venue itself ends this connection and no other.
        process.stderr.write(`stream request: ${error instanceof Error ? error.stack : String(error)}\n`);
        socket.terminate();
      }
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clearInterval(this.#pings);
      onEnd();
    });
  }

  send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MOST_BUFFERED_BYTES) this.#socket.terminate();
    else this.#socket.send(text);
  }

  /** Stream data, as opposed to replies. */
  sendData(text: string): void {
    if (this.silentUntil > 0 && Date.now() < this.silentUntil) return;
    this.send(text);
  }

  drop(): void {
    this.#socket.terminate();
  }

  #ping(): void {
    if (!this.#answered) {
      this.#socket.terminate();
      return;
    }
    this.#answered = false;
    this.#socket.ping();
  }
}
