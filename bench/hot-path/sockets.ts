import { Socket } from 'node:net';

type Call = (this: unknown, ...values: unknown[]) => unknown;

/**
 * Tells of every connection that this process begins and of everything that it writes to one, in the context of who does: HTTP, TLS, WebSockets
 * and Postgres are all on top of these. Temporal's client is not: it is native code, and has no sockets of Node.
 * @returns ends it
 */
export function watchSockets(onUse: () => void): () => void {
  const methods: { readonly connect: unknown; readonly write: unknown } = Socket.prototype;
  const connect = methods.connect as Call;
  const write = methods.write as Call;
  const isOutput = (socket: unknown): boolean => socket === process.stdout || socket === process.stderr;
  Object.assign(Socket.prototype, {
    connect(this: Socket, ...values: unknown[]): unknown {
      onUse();
      return Reflect.apply(connect, this, values);
    },
    write(this: Socket, ...values: unknown[]): unknown {
      if (!isOutput(this)) onUse();
      return Reflect.apply(write, this, values);
    },
  });
  return () => void Object.assign(Socket.prototype, { connect, write });
}
