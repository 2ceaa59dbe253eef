import type { Config } from '../../config/index.js';
import type { HomePaths } from '../home/paths.js';
import type { ChosenPort, PortChooser } from '../ports/choose.js';
import type { Steps } from '../screen/steps.js';
import type { Supervisor } from '../supervise/supervisor.js';

/** What every part of a start works with. */
export interface LaunchContext {
  readonly config: Config;
  /** The file that workers read. */
  readonly configFile: string;
  /** What relative paths in the configuration are relative to. */
  readonly configFolder: string;
  readonly paths: HomePaths;
  /** The folder of the clone. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly steps: Steps;
  readonly supervisor: Supervisor;
  readonly ports: PortChooser;
  /** Aborted when the start is to be given up. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** The same for each restart of a process: only a new start makes its strategy versions the active ones. */
  readonly startId: string;
}

/** Chooses a port and tells when it is not the one from the configuration. */
export async function choosePort(context: LaunchContext, service: string, preferred: number): Promise<number> {
  return told(context, service, await context.ports.choose(service, preferred));
}

/**
 * The port of a child that others find through us alone: asked for at every spawn, it moves on when somebody took it
 * between two runs, or between our choice and the child's own listening.
 */
export class MovablePort {
  readonly #context: LaunchContext;
  readonly #service: string;
  #port: number;

  constructor(context: LaunchContext, service: string, port: number) {
    this.#context = context;
    this.#service = service;
    this.#port = port;
  }

  static async choose(context: LaunchContext, service: string, preferred: number): Promise<MovablePort> {
    return new MovablePort(context, service, await choosePort(context, service, preferred));
  }

  get current(): number {
    return this.#port;
  }

  async forSpawn(): Promise<string> {
    this.#port = told(this.#context, this.#service, await this.#context.ports.keep(this.#service, this.#port));
    return String(this.#port);
  }
}

function told(context: LaunchContext, service: string, { port, instead }: ChosenPort): number {
  if (instead !== undefined) {
    context.steps.note('ports', `Port ${instead.preferred} for ${service} is taken (${instead.holder}): ${port} is used`);
  }
  return port;
}
