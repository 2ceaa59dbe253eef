import { appendFileSync } from 'node:fs';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createRunbookActivities } from '../../../activities/runbook/index.js';
import { bound, type Look, type StepCode } from '../../../activities/runbook/step-code.js';
import { openPool } from '../../../adapters/store/pool.js';
import { createRunbookStore } from '../../../adapters/store/runbook-store.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import { WORKFLOW_BUNDLE } from '../../../workers/bundle.js';

/**
 * A worker with a runbook of three steps that writes each part into a journal, and hangs in the part that KEELSON_TEST_HANG names,
 * until somebody kills it. KEELSON_TEST_FAIL names a step whose precondition does not hold.
 */
const { KEELSON_TEST_HANG: hangAt, KEELSON_TEST_FAIL: failing, KEELSON_TEST_JOURNAL: journal = '' } = process.env;
const at = async (part: string): Promise<void> => {
  appendFileSync(journal, `${part}\n`);
  if (part === hangAt) await new Promise(() => undefined);
};
const look = async (part: string): Promise<Look> => {
  await at(part);
  return part === `precondition ${failing}` ? { isFine: false, found: 'it does not hold' } : { isFine: true };
};

type Writes = { readonly set: (name: string) => Promise<void> };
const step = (name: string): StepCode<object, Writes> => ({
  spec: { name, title: `Step ${name}`, isCritical: true, timeoutMs: 120_000, hasUndo: true, signedWithinMs: null },
  precondition: () => look(`precondition ${name}`),
  action: async (_run, _reads, { set }) => {
    await set(name);
    return { set: name };
  },
  verification: () => look(`verification ${name}`),
  undo: () => at(`undo ${name}`),
});

const pool = openPool(process.env['KEELSON_DATABASE_URL'] ?? '', { applicationName: 'runbooks' });
const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
const worker = await Worker.create({
  connection,
  namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
  taskQueue: process.env['KEELSON_TEST_QUEUE'] ?? '',
  workflowBundle: { codePath: WORKFLOW_BUNDLE },
  stickyQueueScheduleToStartTimeout: '1s',
  activities: createRunbookActivities({
    store: createRunbookStore(pool),
    runbooks: {
      morningChecks: bound<object, Writes>({
        spec: RUNBOOK_SPECS.morningChecks,
        steps: [step('one'), step('two'), step('three')],
        reads: {},
        writes: { set: (name) => at(`action ${name}`) },
      }),
    },
    actor: `process ${process.pid}`,
    stopping: new AbortController().signal,
    isUnderWay: () => Promise.resolve(true),
  }),
});
await worker.run();
