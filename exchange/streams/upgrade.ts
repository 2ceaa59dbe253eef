import type { IncomingMessage, Server } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { frameFault } from '../faults/frame-fault.js';
import type { Dispatch } from '../rest/dispatch.js';
import type { Venue } from '../venue.js';
import { Hub } from './hub.js';
import { MarketPublisher } from './market-publisher.js';
import { StreamSession } from './stream-session.js';
import { UserPublisher } from './user-publisher.js';
import { WsApiSession } from './ws-api-session.js';

/** Public streams, account streams, or both. */
export type Which = 'all' | 'market' | 'user';

function isOf(which: Which, readsUserData: boolean): boolean {
  return which === 'all' || (which === 'user') === readsUserData;
}

/** All WebSockets of the trading port. */
export class Streams {
  readonly users: UserPublisher;
  readonly #venue: Venue;
  readonly #dispatch: Dispatch;
  readonly #hub: Hub;
  readonly #refusals: Record<Which, number> = { all: 0, market: 0, user: 0 };
  readonly #silences: Record<Which, number> = { all: 0, market: 0, user: 0 };
  readonly #sessions = new Set<StreamSession | WsApiSession>();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false });

  constructor(venue: Venue, dispatch: Dispatch) {
    this.#venue = venue;
    this.#dispatch = dispatch;
    this.#hub = new Hub((channel) => frameFault(venue, channel));
    this.users = new UserPublisher(venue);
    venue.listen(new MarketPublisher(venue, this.#hub));
    venue.listen(this.users);
  }

  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      const open = this.#opener(request);
      if (open === undefined || open === 'refused') {
        const status = open === undefined ? '404 Not Found' : '503 Service Unavailable';
        socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, open);
    });
  }

  /** Cuts connections and refuses new ones of that kind for a while; returns how many were cut. */
  drop(which: Which, refuseMs: number): number {
    this.#refusals[which] = Date.now() + refuseMs;
    const chosen = [...this.#sessions].filter((session) => isOf(which, session.readsUserData));
    for (const session of chosen) session.connection.drop();
    return chosen.length;
  }

  /** Connections stay and answer pings, but carry no data for a while; later connections are silent as well. */
  silence(which: Which, forMs: number): void {
    this.#silences[which] = Date.now() + forMs;
    for (const session of this.#sessions) this.#quieten(session);
  }

  #quieten(session: StreamSession | WsApiSession): void {
    const kind = session.readsUserData ? 'user' : 'market';
    session.connection.silentUntil = Math.max(this.#silences.all, this.#silences[kind]);
  }

  #isRefused(kind: 'market' | 'user'): boolean {
    return Date.now() < Math.max(this.#refusals.all, this.#refusals[kind]);
  }

  #joined(session: StreamSession | WsApiSession): void {
    this.#sessions.add(session);
    this.#quieten(session);
  }

  #opener(request: IncomingMessage): ((socket: WebSocket) => void) | 'refused' | undefined {
    const base = 'http://venue';
    if (!URL.canParse(request.url ?? '/', base)) return undefined;
    const url = new URL(request.url ?? '/', base);
    if (url.pathname === '/ws-api/v3') {
      if (this.#isRefused('user')) return 'refused';
      return (socket) => {
        const session: WsApiSession = new WsApiSession(socket, this.#venue, this.#dispatch, this.users, () =>
          this.#sessions.delete(session),
        );
        this.#joined(session);
      };
    }
    const match = /^\/(ws|stream)(?:\/(.*))?$/.exec(url.pathname);
    if (match === null) return undefined;
    if (this.#isRefused('market')) return 'refused';
    const isCombined = match[1] === 'stream';
    const names = isCombined ? (url.searchParams.get('streams') ?? '') : (match[2] ?? '').replaceAll('%40', '@');
    return (socket) => {
      const streams = names.split('/').filter((name) => name !== '');
      const sources = { venue: this.#venue, hub: this.#hub, users: this.users };
      const session: StreamSession = new StreamSession(socket, sources, streams, isCombined, () => this.#sessions.delete(session));
      this.#joined(session);
    };
  }
}
