import { createControlActivities } from '../activities/control/index.js';
import { mapped } from '../activities/failures.js';
import { createResolve } from '../activities/order/resolve.js';
import { streamAccount } from '../activities/streams/account.js';
import type { AccountStreamActivities } from '../activities/streams/index.js';
import { StreamedMarket } from '../activities/streams/live-market.js';
import { INTERVALS } from '../config/index.js';
import { TASK_QUEUES, WORKFLOW_TYPES, tradingControlWorkflowId, watchAccountWorkflowId } from '../workflows/names.js';
import { prepareAccounts } from './composition/configuration.js';
import { runAsProcess } from './composition/main.js';
import { openMetrics } from './composition/metrics-server.js';
import { createWorker } from './composition/run-worker.js';
import { Venues } from './composition/venues.js';

/** Trading mode, account streams, sweeper. It shares nothing with the trading worker but Postgres and Temporal. */
await runAsProcess('guardian', async (process) => {
  const { config, client, log, clock, orders, market: bars, control, env, stopping, epoch, instanceId } = process;
  const metrics = await openMetrics('guardian', env['KEELSON_METRICS_PORT']);
  const venues = await Venues.open(process);
  await prepareAccounts(process, venues);

  const books = { store: orders, epoch };
  const venueNameOf = (account: string): string => config.accounts[account]?.venue ?? account;
  const resolve = createResolve({
    ...books,
    venueOf: venues.of,
    live: new StreamedMarket(clock),
    instanceId,
    sizingOf: () => {
      throw new Error('invariant: the guardian sizes no entries');
    },
  });
  const tradedOf = (account: string) =>
    config.strategies
      .filter((one) => one.account === account)
      .flatMap((one) => one.instruments.map((instrument) => ({ instrument, intervalMs: INTERVALS[one.interval] })));
  const streamActivities: AccountStreamActivities = {
    streamAccount: mapped((account) =>
      streamAccount({ books, venueOf: venues.of, venueNameOf, bars, resolve, tradedOf, clock, stopping: stopping.signal, log }, account),
    ),
  };
  const worker = await createWorker(process, TASK_QUEUES.guardian, { ...createControlActivities(control), ...streamActivities });

  return {
    worker,
    async started() {
      for (const account of Object.keys(config.accounts)) {
        const common = { taskQueue: TASK_QUEUES.guardian, workflowIdConflictPolicy: 'USE_EXISTING' as const, args: [account] };
        await client.workflow.start(WORKFLOW_TYPES.tradingControl, {
          ...common,
          workflowId: tradingControlWorkflowId(account),
          staticSummary: `trading mode of ${account}`,
        });
        await client.workflow.start(WORKFLOW_TYPES.watchAccount, {
          ...common,
          workflowId: watchAccountWorkflowId(account),
          staticSummary: `account stream of ${account}`,
        });
      }
    },
    async close() {
      await venues.close();
      await metrics.close();
    },
  };
});
