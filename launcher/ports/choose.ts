import { createServer } from 'node:net';
import { KeelsonError } from '../../core/errors.js';
import { portHolder } from './holder.js';
import type { PortHolder } from './holder.js';

const HOST = '127.0.0.1';
/** How far from the preferred port a free one is looked for. */
const SPAN = 200;

export interface ChosenPort {
  readonly port: number;
  /** Who has the preferred one, when another was taken. */
  readonly instead?: { readonly preferred: number; readonly holder: string };
}

export interface PortProbe {
  readonly isFree: (port: number) => Promise<boolean>;
  readonly holder: (port: number) => PortHolder | undefined;
  /** A port that the system picks. */
  readonly anyFree: () => Promise<number>;
}

/**
 * Chooses the ports of one start. A port taken by a stranger is replaced by the next free one; one taken by a process of
 * the same home is an error, because a second copy of ourselves must not come to life beside it.
 */
export class PortChooser {
  readonly #home: string;
  readonly #probe: PortProbe;
  readonly #given = new Set<number>();

  constructor(home: string, probe: PortProbe = systemProbe) {
    this.#home = home;
    this.#probe = probe;
  }

  /**
   * @param preferred the port from the configuration; 0 means any.
   * @throws KeelsonError INFRA_PORT_TAKEN when a process of this home still has it.
   */
  async choose(service: string, preferred: number): Promise<ChosenPort> {
    if (preferred === 0) {
      let port = await this.#probe.anyFree();
      while (this.#given.has(port)) port = await this.#probe.anyFree();
      this.#given.add(port);
      return { port };
    }
    let taker: string | undefined;
    for (let port = preferred; port < preferred + SPAN && port <= 65_535; port += 1) {
      // Given out in this start: several services may share a first preference, which is no news.
      if (this.#given.has(port)) continue;
      if (await this.#probe.isFree(port)) {
        this.#given.add(port);
        return taker === undefined ? { port } : { port, instead: { preferred, holder: taker } };
      }
      const holder = this.#probe.holder(port);
      if (holder?.home === this.#home) {
        throw new KeelsonError('INFRA_PORT_TAKEN', { port, service, holder: `process ${holder.pid}, ${holder.command}` });
      }
      taker ??= holder === undefined ? 'another program' : `process ${holder.pid}, ${holder.command}`;
    }
    throw new KeelsonError('INFRA_PORT_TAKEN', { port: preferred, service, holder: `and the ${SPAN} ports after it` });
  }

  /** The same port when nobody took it since it was chosen; else the next free one after it. */
  async keep(service: string, port: number): Promise<ChosenPort> {
    return (await this.#probe.isFree(port)) ? { port } : this.choose(service, port);
  }
}

const listenOnce = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: HOST, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });

const systemProbe: PortProbe = {
  isFree: (port) =>
    listenOnce(port).then(
      () => true,
      () => false,
    ),
  holder: portHolder,
  anyFree: () => listenOnce(0),
};
