import type { IncomingMessage, Server } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Dispatch } from '../rest/dispatch.js';
import type { Venue } from '../venue.js';
import { Hub } from './hub.js';
import { MarketPublisher } from './market-publisher.js';
import { StreamSession } from './stream-session.js';
import { UserPublisher } from './user-publisher.js';
import { WsApiSession } from './ws-api-session.js';

/** All WebSockets of the trading port. */
export class Streams {
  readonly users: UserPublisher;
  readonly #venue: Venue;
  readonly #dispatch: Dispatch;
  readonly #hub = new Hub();
  readonly #sessions = new Set<StreamSession | WsApiSession>();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false });

  constructor(venue: Venue, dispatch: Dispatch) {
    this.#venue = venue;
    this.#dispatch = dispatch;
    this.users = new UserPublisher(venue);
    venue.listen(new MarketPublisher(venue, this.#hub));
    venue.listen(this.users);
  }

  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      const open = this.#opener(request);
      if (open === undefined) {
        socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, open);
    });
  }

  /** Cuts every connection. */
  dropAll(): void {
    for (const session of this.#sessions) session.connection.drop();
  }

  #opener(request: IncomingMessage): ((socket: WebSocket) => void) | undefined {
    const url = new URL(request.url ?? '/', 'http://venue');
    if (url.pathname === '/ws-api/v3') {
      return (socket) => {
        const session: WsApiSession = new WsApiSession(socket, this.#venue, this.#dispatch, this.users, () =>
          this.#sessions.delete(session),
        );
        this.#sessions.add(session);
      };
    }
    const match = /^\/(ws|stream)(?:\/(.*))?$/.exec(url.pathname);
    if (match === null) return undefined;
    const isCombined = match[1] === 'stream';
    const names = isCombined ? (url.searchParams.get('streams') ?? '') : decodeURIComponent(match[2] ?? '');
    return (socket) => {
      const streams = names.split('/').filter((name) => name !== '');
      const sources = { venue: this.#venue, hub: this.#hub, users: this.users };
      const session: StreamSession = new StreamSession(socket, sources, streams, isCombined, () =>
        this.#sessions.delete(session),
      );
      this.#sessions.add(session);
    };
  }
}
