import type { FaultRule } from '../faults/rule.js';
import type { Channel } from './channel.js';

/** Somebody who reads streams. */
export interface Subscriber {
  /** `data` is JSON text. */
  deliver(stream: string, data: string): void;
  /** Ends the connection. */
  drop(): void;
}

/** Who reads which stream. Nothing is written out for a stream that nobody reads. */
export class Hub {
  readonly #faultOf: (channel: Channel) => FaultRule | undefined;
  readonly #subscribers = new Map<string, { channel: Channel; readers: Set<Subscriber> }>();
  readonly #bySymbol = new Map<string, Map<string, Channel>>();

  constructor(faultOf: (channel: Channel) => FaultRule | undefined) {
    this.#faultOf = faultOf;
  }

  add(channel: Channel, subscriber: Subscriber): void {
    let entry = this.#subscribers.get(channel.name);
    if (entry === undefined) {
      entry = { channel, readers: new Set() };
      this.#subscribers.set(channel.name, entry);
      const channels = this.#bySymbol.get(channel.symbol) ?? new Map<string, Channel>();
      channels.set(channel.name, channel);
      this.#bySymbol.set(channel.symbol, channels);
    }
    entry.readers.add(subscriber);
  }

  remove(name: string, subscriber: Subscriber): void {
    const entry = this.#subscribers.get(name);
    if (entry === undefined) return;
    entry.readers.delete(subscriber);
    if (entry.readers.size > 0) return;
    this.#subscribers.delete(name);
    this.#bySymbol.get(entry.channel.symbol)?.delete(name);
  }

  /** The streams of an instrument that somebody reads; of all instruments for an empty symbol. */
  channels(symbol: string): Iterable<Channel> {
    return this.#bySymbol.get(symbol)?.values() ?? [];
  }

  publish(stream: string, data: string): void {
    const entry = this.#subscribers.get(stream);
    if (entry === undefined) return;
    const rule = this.#faultOf(entry.channel);
    const tell = (told = data): void => {
      for (const reader of entry.readers) reader.deliver(stream, told);
    };
    if (rule === undefined) tell();
    else if (rule.fault === 'dropMarketStream') for (const reader of entry.readers) reader.drop();
    else if (rule.fault === 'delayFrame') setTimeout(() => tell(), rule.delayMs);
    else if (rule.fault === 'lateFrame') tell(backdated(data, rule.delayMs));
    else if (rule.fault === 'duplicateFrame') {
      tell();
      tell();
    }
  }
}

/** As a feed that has fallen behind tells it: of so long ago. A frame without a time is as it was. */
function backdated(data: string, lateMs: number): string {
  const frame = JSON.parse(data) as { E?: number; T?: number };
  for (const time of ['E', 'T'] as const) if (typeof frame[time] === 'number') frame[time] -= lateMs;
  return JSON.stringify(frame);
}
