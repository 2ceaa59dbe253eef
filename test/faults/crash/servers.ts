import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { rootFolder } from '../../../config/index.js';
import { prepareNamespace } from '../../../launcher/temporal/namespace.js';
import { cloneDatabase, DURABLE, providePostgres, type TestDatabase } from '../../support/postgres-server.js';

/** What the worlds of a run share: a durable Postgres, a Temporal server and the build. */
export interface CrashServers {
  readonly temporalAddress: string;
  database(): Promise<TestDatabase>;
  /** A namespace of a world's own, since the queues of workers have fixed names. */
  namespace(): Promise<string>;
  close(): Promise<void>;
}

export async function openServers(temporalAddress: string): Promise<CrashServers> {
  await assertBuild();
  const postgres = providePostgres(DURABLE);
  const offer = await postgres.get();
  return {
    temporalAddress,
    database: () => cloneDatabase(offer),
    async namespace() {
      const namespace = `crash-${randomBytes(4).toString('hex')}`;
      await prepareNamespace({ address: temporalAddress, namespace });
      return namespace;
    },
    close: () => postgres.stop(),
  };
}

const BUILD = './scripts/bootstrap/build.mjs';
const IS_CURRENT = `import(${JSON.stringify(BUILD)}).then(({ buildIsCurrent }) => process.exit(buildIsCurrent() ? 0 : 1))`;

/** The programs are run from the build, as workers are. @throws Error when it is not of the present sources */
export async function assertBuild(): Promise<void> {
  await promisify(execFile)(process.execPath, ['-e', IS_CURRENT], { cwd: rootFolder() }).catch((cause: unknown) => {
    throw new Error('dist/ is not of the present sources: npm run build', { cause });
  });
}
