import { appendFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PortWraps } from '../../../workers/composition/ports.js';
import { pointOf, textOf, type Point } from './point.js';

/** After so many turns of the event loop what a call writes has left the process. */
const TURNS_TO_THE_SOCKET = 5;

/**
 * Lies between a role and its ports, and strikes its own process at the point that it was armed with, once. The mark file
 * has a line for that, written just before; and, when the process was only stopped, one for each call that ended since.
 */
export class Trap {
  private point: Point | undefined;
  private left = 0;
  private hasStruck = false;
  private readonly markFile: string;

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
        return (...given: unknown[]) => this.pass(`${name}.${key}`, () => Reflect.apply(method, target, given) as Promise<unknown>);
      },
    });
  }

  private async pass(call: string, work: () => Promise<unknown>): Promise<unknown> {
    const point = this.taken(call);
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
  private taken(call: string): Point | undefined {
    const { point } = this;
    if (point?.call !== call) return undefined;
    this.left -= 1;
    if (this.left > 0) return undefined;
    this.point = undefined;
    return point;
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
