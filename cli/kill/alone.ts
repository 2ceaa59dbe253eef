import { connect } from 'node:net';
import { databaseUrl, venueUrls, type Config } from '../../config/index.js';
import type { Latch } from '../../core/control/mode.js';
import { homePaths } from '../../launcher/home/paths.js';
import { homeFolder } from '../address.js';
import { CommandFailure, EXIT } from '../exit.js';
import type { Terminal } from '../terminal.js';
import { isTouched } from './venues.js';

const REFUSED_WITHIN_MS = 1_000;

/**
 * Where nothing runs of a home, and nobody has named a database or a venue of elsewhere, a halt can be written nowhere, and nothing of the home can
 * send. A venue with an address of its own may have orders: there what appears is canceled without the database.
 * @param url where the database is, as far as it is known; the files that a killed start leaves behind name one that is not there any more
 * @throws CommandFailure
 */
export async function assertSomethingIsThere(terminal: Terminal, config: Config, scope: Latch, url: string | undefined): Promise<void> {
  if (databaseUrl(terminal.env) !== undefined) return;
  const venues = Object.entries(config.accounts).flatMap(([account, { venue }]) => (isTouched(scope, account, venue) ? [venue] : []));
  // The addresses that the home's own files tell are of what has run from it.
  if (venues.some((venue) => isReachable(config, venue, terminal.env))) return;
  const paths = homePaths(homeFolder(terminal));
  const { nothingIsThere } = await import('../../launcher/home/alone.js');
  if (!nothingIsThere(paths) || (url !== undefined && !(await isRefused(new URL(url))))) return;
  throw new CommandFailure(
    EXIT.unreachable,
    `NOT HALTED. Keelson does not run from ${paths.home}: nothing of this home can send, and there is no database to write a halt to. To have one over the next start: \`npm start\`, then keelson kill. Where it runs elsewhere say so with KEELSON_HOME, or with DATABASE_URL.`,
  );
}

function isReachable(config: Config, venue: string, env: Terminal['env']): boolean {
  try {
    venueUrls(config, venue, env);
    return true;
  } catch {
    return false;
  }
}

/** Whether nobody listens there. What keeps silent may be there. */
function isRefused({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const end = (refused: boolean): void => {
      socket.destroy();
      resolve(refused);
    };
    socket.setTimeout(REFUSED_WITHIN_MS, () => end(false));
    socket.once('connect', () => end(false));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'));
  });
}
