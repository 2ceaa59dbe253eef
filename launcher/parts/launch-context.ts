import type { Config } from '../../config/index.js';
import type { HomePaths } from '../home/paths.js';
import type { ChosenPort, PortChooser } from '../ports/choose.js';
import type { Steps } from '../screen/steps.js';
import type { Supervisor } from '../supervise/supervisor.js';

/** What every part of a start works with. */
export interface LaunchContext {
  readonly config: Config;
  readonly configFile: string;
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
}

/** Chooses a port and tells when it is not the one from the configuration. */
export async function choosePort(context: LaunchContext, service: string, preferred: number): Promise<number> {
  const chosen: ChosenPort = await context.ports.choose(service, preferred);
  if (chosen.instead !== undefined) {
    const { preferred: wanted, holder } = chosen.instead;
    context.steps.note('ports', `Port ${wanted} for ${service} is taken (${holder}): ${chosen.port} is used`);
  }
  return chosen.port;
}
