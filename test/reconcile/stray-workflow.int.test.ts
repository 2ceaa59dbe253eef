import { Client } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import type { ProtectionView } from '../../core/protection/plan.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { createOwners } from '../../workers/composition/owners.js';
import { createWorkflowRuns } from '../../workers/composition/reconciliations.js';
import { eventually } from '../support/eventually.js';
import { STOP, VIEW } from '../support/protected-view.js';
import { temporalIfAny, type TestTemporal } from '../support/temporal.js';
import { ACCOUNT, workflowBundle } from '../support/trading-stack.js';
import { KEY, openBenchAccount, type BenchAccount } from './bench-account.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 90_000;
/** Of nothing that the account ever held. */
const STRAY = { ...KEY, instrument: 'ETH/USDT' };
/** The books of which it hears are another's: it rests over a position that is not there, and never sees that by itself. */
const ELSEWHERE: ProtectionView = {
  ...VIEW,
  risk: { ...VIEW.risk, positions: VIEW.risk.positions.map((position) => ({ ...position, ...STRAY })) },
  working: [{ ...STOP, ...STRAY }],
};
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe.skipIf(temporal === undefined)('a workflow that Temporal runs and no position needs', () => {
  const { address, namespace } = temporal as TestTemporal;
  const taskQueue = `stray-${randomUUID()}`;
  let bench: BenchAccount;
  let connection: NativeConnection;
  let client: Client;

  beforeAll(async () => {
    bench = await openBenchAccount();
    connection = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace });
  });
  afterAll(async () => {
    await connection?.close();
    await bench?.close();
  });

  it('is found by Temporal’s own list, a person’s, canceled as decided, and gone for the next comparison', async () => {
    const runs = createWorkflowRuns(client, Date.now);
    const look = createLook({ ...bench.dependencies, runs });
    const compared = () => look({ runId: randomUUID(), account: ACCOUNT, scope: 'minute' }, true);
    const activities = { look: async () => ELSEWHERE, page: async () => undefined };
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: await workflowBundle(), activities });
    await worker.runUntil(async () => {
      expect(await compared()).toMatchObject({ result: 'clean' });
      await createOwners(client, Date.now, taskQueue).revive(STRAY);
      const handle = client.workflow.getHandle(ownerWorkflowId(STRAY));
      const status = async (): Promise<string> => (await handle.describe()).status.name;
      try {
        await eventually(async () => expect(await handle.query('doing')).toMatch(/^resting/), LIMIT_MS);
        // The list follows what runs a moment later.
        const found = await eventually(async () => {
          expect(await compared()).toMatchObject({ result: 'differences' });
          const rows = await bench.found();
          expect(rows).toMatchObject([{ class: 'orphanedWorkflow', subject: handle.workflowId, status: 'open' }]);
          return rows[0]?.id ?? '';
        }, LIMIT_MS);
        expect([await bench.mode(), await status()]).toEqual(['paused', 'RUNNING']);
        expect(await bench.decide(found, 'cancel')).toEqual({ result: 'done' });
        expect(await status()).toBe('RUNNING');
        await compared();
        await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) as CancelledFailure });
        await eventually(async () => expect(await compared()).toMatchObject({ result: 'clean' }), LIMIT_MS);
        expect(await runs.running(ACCOUNT)).toEqual([]);
        expect(await bench.found()).toMatchObject([{ id: found, status: expect.not.stringMatching(/open|pending|decided/) as string }]);
        expect(await bench.resume()).toMatchObject({ result: 'applied', mode: 'normal' });
      } finally {
        if ((await status()) === 'RUNNING') await handle.terminate('the test is over');
      }
    });
  });
});
