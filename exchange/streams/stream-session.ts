import type { WebSocket } from 'ws';
import type { Venue } from '../venue.js';
import { channelOf } from './channel.js';
import { Connection } from './connection.js';
import type { Hub, Subscriber } from './hub.js';
import type { UserPublisher, UserReader } from './user-publisher.js';

const MOST_STREAMS = 1024;

export interface StreamSources {
  readonly venue: Venue;
  readonly hub: Hub;
  readonly users: UserPublisher;
}

/** A client on `/ws…` or `/stream`: it reads public streams and may change which. */
export class StreamSession implements Subscriber {
  readonly connection: Connection;
  readonly #venue: Venue;
  readonly #hub: Hub;
  readonly #users: UserPublisher;
  readonly #keys = new Map<string, { readonly account: string; readonly reader: UserReader }>();
  readonly #streams = new Set<string>();
  /** Frames carry their stream's name: `{"stream": …, "data": …}`. */
  #isCombined: boolean;

  constructor(socket: WebSocket, sources: StreamSources, streams: readonly string[], isCombined: boolean, onEnd: () => void) {
    const { venue, hub, users } = sources;
    this.#venue = venue;
    this.#hub = hub;
    this.#users = users;
    this.#isCombined = isCombined;
    this.connection = new Connection(
      socket,
      (text) => this.#command(text),
      () => {
        for (const name of this.#streams) hub.remove(name, this);
        for (const key of [...this.#keys.keys()]) this.#closeKey(key);
        onEnd();
      },
    );
    for (const name of streams) this.#subscribe(name);
  }

  /** True when it reads an account's events. */
  get readsUserData(): boolean {
    return this.#keys.size > 0;
  }

  deliver(stream: string, data: string): void {
    this.connection.sendData(this.#isCombined ? `{"stream":${JSON.stringify(stream)},"data":${data}}` : data);
  }

  drop(): void {
    this.connection.drop();
  }

  #command(text: string): void {
    let command: { id?: unknown; method?: unknown; params?: unknown };
    try {
      command = JSON.parse(text) as typeof command;
      if (typeof command !== 'object' || command === null) throw new TypeError('no object');
    } catch {
      this.#refuse(null, 3, 'Invalid JSON: expected value at line 1 column 1');
      return;
    }
    const id = typeof command.id === 'number' || typeof command.id === 'string' ? command.id : null;
    const names = Array.isArray(command.params) ? command.params.filter((name) => typeof name === 'string') : [];
    switch (command.method) {
      case 'SUBSCRIBE': {
        const wrong = names.find((name) => channelOf(this.#venue, name) === undefined && this.#accountOf(name) === undefined);
        if (wrong !== undefined) this.#refuse(id, 2, `Invalid request: no stream "${wrong.slice(0, 60)}"`);
        else if (this.#streams.size + names.length > MOST_STREAMS) this.#refuse(id, 2, 'Invalid request: too many streams');
        else {
          for (const name of names) this.#subscribe(name);
          this.#reply(id, null);
        }
        return;
      }
      case 'UNSUBSCRIBE':
        for (const name of names) {
          if (this.#streams.delete(name)) this.#hub.remove(name, this);
          this.#closeKey(name);
        }
        this.#reply(id, null);
        return;
      case 'LIST_SUBSCRIPTIONS':
        this.#reply(id, [...this.#streams, ...this.#keys.keys()]);
        return;
      case 'SET_PROPERTY':
        if (Array.isArray(command.params) && command.params[0] === 'combined') this.#isCombined = command.params[1] === true;
        this.#reply(id, null);
        return;
      case 'GET_PROPERTY':
        this.#reply(id, this.#isCombined);
        return;
      default:
        this.#refuse(id, 2, 'Invalid request: unknown method');
    }
  }

  #subscribe(name: string): void {
    const account = this.#accountOf(name);
    if (account !== undefined) this.#openKey(name, account);
    const channel = channelOf(this.#venue, name);
    if (channel === undefined || this.#streams.has(name)) return;
    this.#streams.add(name);
    this.#hub.add(channel, this);
  }

  #accountOf(name: string): string | undefined {
    return this.#venue.listenKeys.accountOf(name, this.#venue.now());
  }

  #openKey(key: string, account: string): void {
    if (this.#keys.has(key)) return;
    const reader: UserReader = { deliver: (event) => this.deliver(key, event), drop: () => this.connection.drop() };
    this.#keys.set(key, { account, reader });
    this.#users.add(account, reader);
  }

  #closeKey(key: string): void {
    const entry = this.#keys.get(key);
    if (entry === undefined) return;
    this.#keys.delete(key);
    this.#users.remove(entry.account, entry.reader);
  }

  #reply(id: number | string | null, result: unknown): void {
    this.connection.send(JSON.stringify({ result, id }));
  }

  #refuse(id: number | string | null, code: number, msg: string): void {
    this.connection.send(JSON.stringify({ error: { code, msg }, id }));
  }
}
