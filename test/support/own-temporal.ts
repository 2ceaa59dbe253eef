import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareNamespace } from '../../launcher/temporal/namespace.js';
import { resolveTemporal } from '../../launcher/temporal/resolve.js';
import { startTemporal, type TemporalServer } from '../../launcher/temporal/start.js';
import { freePort } from './free-port.js';

export const OWN_NAMESPACE = 'default';

/** A Temporal server of a test's own, that may be away for a while and comes back with what it knew, at the same address. */
export interface OwnTemporal {
  readonly address: string;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** Undefined where the server is one that runs elsewhere, and is nobody's to stop. */
export async function ownTemporal(): Promise<OwnTemporal | undefined> {
  const resolved = await resolveTemporal({ env: process.env, repoDir: fileURLToPath(new URL('../..', import.meta.url)) });
  if (resolved.kind === 'external') return undefined;
  const { binary } = resolved;
  const folder = await mkdtemp(join(tmpdir(), 'keelson-own-temporal-'));
  const options = { binary, dbFile: join(folder, 'temporal.db'), port: await freePort() };
  let server: TemporalServer | undefined = await startTemporal(options);
  const { address } = server;
  await prepareNamespace({ address, namespace: OWN_NAMESPACE });
  const leave = async (): Promise<void> => {
    await server?.stop();
    server = undefined;
  };
  return {
    address,
    leave,
    async comeBack() {
      server = await startTemporal(options);
    },
    async close() {
      await leave();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
