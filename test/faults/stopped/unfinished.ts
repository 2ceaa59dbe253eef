import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** The message after which the server commits. */
const SYNC = 'S'.charCodeAt(0);
const LENGTH_BYTES = 4;

/**
 * Between a worker and Postgres: of the statement that holds a text everything comes through but the message that ends it. So it
 * is with a process that is stopped while it writes: what it has sent is executed, its locks are held, nothing is committed, and
 * neither time-out of the connection is running.
 */
export class UnfinishedStatements {
  readonly url: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private armed: { readonly text: string; readonly reached: () => void } | undefined;

  private constructor(url: string, server: Server) {
    this.url = url;
    this.server = server;
  }

  static async before(url: string): Promise<UnfinishedStatements> {
    const target = new URL(url);
    const server = createServer((near) => doors.pass(near, connect(Number(target.port), target.hostname)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const door = new URL(url);
    door.port = String((server.address() as AddressInfo).port);
    const doors = new UnfinishedStatements(door.href, server);
    return doors;
  }

  /** Resolves when the next statement with this text has come through as far as it will. */
  arm(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.armed = { text, reached: resolve };
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => [near, far].forEach((one) => one.destroy()));
    }
    far.pipe(near);
    let held: { rest: Buffer; readonly reached: () => void } | undefined;
    near.on('data', (bytes: Buffer) => {
      if (held === undefined && this.armed !== undefined && bytes.includes(this.armed.text)) {
        held = { rest: Buffer.alloc(0), reached: this.armed.reached };
        this.armed = undefined;
      }
      if (held === undefined) {
        far.write(bytes);
        return;
      }
      held.rest = Buffer.concat([held.rest, bytes]);
      for (let size = sizeOf(held.rest); size !== undefined; size = sizeOf(held.rest)) {
        if (held.rest[0] === SYNC) held.reached();
        else far.write(held.rest.subarray(0, size));
        held.rest = held.rest.subarray(size);
      }
    });
  }
}

/** Of the message that a text begins with; undefined: it is not whole yet. */
function sizeOf(bytes: Buffer): number | undefined {
  if (bytes.length <= LENGTH_BYTES) return undefined;
  const size = 1 + bytes.readUInt32BE(1);
  return bytes.length < size ? undefined : size;
}
