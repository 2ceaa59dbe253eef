import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { WORKFLOW_BUNDLE } from './bundle.js';
import { replayOpenRuns } from './composition/replay.js';

/** Replays the open runs of the server that the environment names on this build, and prints the outcome as one line of JSON. */
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
});
const { connectionOptions } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
try {
  const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' });
  process.stdout.write(`${JSON.stringify(await replayOpenRuns(client, { codePath: WORKFLOW_BUNDLE }))}\n`);
} finally {
  await connection.close();
}
