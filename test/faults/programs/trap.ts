import { appendFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PortWraps } from '../../../workers/composition/ports.js';
import { pointOf, purposeOf, textOf, type Point } from './point.js';

/** After so many turns of the event loop what a call writes has left the process. */
const TURNS_TO_THE_SOCKET = 5;

/** What calls of the ledger and of the sender are given, as far as it says which order, or which part of a run, they are for. */
interface Given {
  readonly intentId?: string;
  readonly intent?: { readonly intentId: string };
  readonly order?: { readonly intentId: string };
  readonly clientOrderId?: string;
  readonly position?: number;
  readonly part?: string;
}

/**
 * Lies between a role and its ports, and strikes its own process at the point that it was armed with, once. The mark file
 * has a line for that, written just before; and, when the process was only stopped, one for each call that ended since.
 */
export class Trap {
  private point: Point | undefined;
  private left = 0;
  private hasStruck = false;
  private readonly markFile: string;
  /** Of the orders that were authorised here, by client order id: the venue is told no more of them. */
  private readonly intents = new Map<string, string>();

  constructor(markFile: string) {
    this.markFile = markFile;
  }

  arm(text: string): void {
    this.point = pointOf(text);
    this.left = this.point.occurrence;
  }

  disarm(): void {
    this.point = undefined;
  }

  readonly wraps: PortWraps = {
    store: (store) => this.over('store', store),
    market: (store) => this.over('market', store),
    // What listens is no call that ends.
    outbox: (store) => ({ ...this.over('outbox', store), listen: (onRow) => store.listen(onRow) }),
    owners: (owners) => this.over('owners', owners),
    runbooks: (store) => this.over('runbooks', store),
    venue: (venue) => ({
      ...venue,
      sender: this.over('sender', venue.sender),
      reader: this.over('reader', venue.reader),
      haltReader: this.over('reader', venue.haltReader),
      streams: this.over('streams', venue.streams),
    }),
  };

  /** The port with every method in the trap's hands. */
  private over<Port extends object>(name: string, port: Port): Port {
    return new Proxy(port, {
      get: (target, key) => {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== 'function' || typeof key !== 'string') return method;
        return (...given: unknown[]) => this.pass(`${name}.${key}`, given, () => Reflect.apply(method, target, given) as Promise<unknown>);
      },
    });
  }

  private async pass(call: string, given: readonly unknown[], work: () => Promise<unknown>): Promise<unknown> {
    const point = this.taken(call, this.aboutOf(given));
    if (point?.when === 'before') this.strike(point);
    const answer = work();
    if (point?.when === 'during') {
      // Whether it fails is told to whoever waits for the answer, below.
      answer.catch(() => undefined);
      for (let turn = 0; turn < TURNS_TO_THE_SOCKET; turn += 1) await nextTurn();
      this.strike(point);
    }
    try {
      return await answer;
    } finally {
      if (point?.when === 'after') this.strike(point);
      if (this.hasStruck) this.mark({ ended: call });
    }
  }

  /** The point, where this is its call; from then on it is no call's any more. */
  private taken(call: string, about: string): Point | undefined {
    const { point } = this;
    if (point?.call !== call || (point.of !== undefined && point.of !== about && point.of !== purposeOf(about))) return undefined;
    this.left -= 1;
    if (this.left > 0) return undefined;
    this.point = undefined;
    return point;
  }

  /** Which intent, or which part of a run, a call is for, as what it is given says; empty where it says nothing of one. */
  private aboutOf(given: readonly unknown[]): string {
    const [first, second] = given as readonly [Given | string | undefined, unknown];
    if (typeof first !== 'object') return (typeof second === 'string' ? this.intents.get(second) : undefined) ?? String(first);
    if (first.part !== undefined) return `${first.position}:${first.part}`;
    const { intent, order, intentId = intent?.intentId ?? order?.intentId, clientOrderId = '' } = first;
    if (intentId === undefined) return this.intents.get(clientOrderId) ?? '';
    if (clientOrderId !== '') this.intents.set(clientOrderId, intentId);
    return intentId;
  }

  private strike(point: Point): void {
    this.mark({ struck: textOf(point), time: Date.now() });
    this.hasStruck = true;
    process.kill(process.pid, point.signal);
  }

  private mark(line: object): void {
    appendFileSync(this.markFile, `${JSON.stringify(line)}\n`);
  }
}
