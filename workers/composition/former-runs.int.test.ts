import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { eventually } from '../../test/support/eventually.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { killWorkflowId } from '../../workflows/names.js';
import { startsUnder } from './epoch.js';
import { endFormerRuns } from './former-runs.js';
import { createKills } from './kills.js';
import { createOwners } from './owners.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('P31: what Temporal still runs of before a restore', () => {
  const account = `former-${randomUUID().slice(0, 8)}`;
  /** Of a queue that nobody works for: what runs stays. */
  const taskQueue = `former-${randomUUID()}`;
  const key = (instrument: string) => ({ account, strategy: 'momentum', instrument });
  let connection: NativeConnection;

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: temporal?.address ?? '' });
  });
  afterAll(async () => {
    const client = clientOf(undefined);
    for await (const { workflowId } of client.workflow.list({ query: `KeelsonAccount = '${account}' and ExecutionStatus = 'Running'` }))
      await client.workflow.getHandle(workflowId).terminate();
    await connection?.close();
  });

  const clientOf = (epoch: number | undefined): Client =>
    new Client({
      connection,
      namespace: temporal?.namespace ?? 'default',
      ...(epoch === undefined ? {} : { interceptors: { workflow: [startsUnder(epoch)] } }),
    });
  /** As a process of that epoch wakes them; undefined: as a release did that told none. */
  const wake = async (epoch: number | undefined, instrument: string): Promise<void> =>
    createOwners(clientOf(epoch), Date.now, taskQueue).wake(key(instrument));
  const runOf = async (workflowId: string): Promise<string> => (await clientOf(undefined).workflow.getHandle(workflowId).describe()).runId;

  const failed = (error: unknown): void => expect.fail(String(error));
  it('makes room for what is woken now, and nothing of now is ended', { timeout: 60_000 }, async () => {
    const now = clientOf(700);
    await wake(1, 'BTC/USDT');
    await wake(undefined, 'ETH/USDT');
    await createKills(clientOf(2), Date.now, taskQueue).wake(account);
    await wake(700, 'SOL/USDT');
    const ids = ['BTC/USDT', 'ETH/USDT'].map((instrument) => ownerWorkflowId(key(instrument)));
    const [sol, btc] = [await runOf(ownerWorkflowId(key('SOL/USDT'))), await runOf(ids[0] ?? '')];

    // One that Temporal's list does not show yet is found by what is held.
    expect(
      await endFormerRuns(now, { account, epoch: 700, held: [key('BTC/USDT'), key('SOL/USDT'), key('XRP/USDT')], failed, clock: Date.now }),
    ).toEqual(expect.arrayContaining([ids[0], killWorkflowId(account)]));
    await eventually(async () => {
      await endFormerRuns(now, { account, epoch: 700, held: [], failed, clock: Date.now });
      expect((await now.workflow.getHandle(ids[1] ?? '').describe()).status.name).toBe('TERMINATED');
    });
    await wake(700, 'BTC/USDT');
    expect(await runOf(ids[0] ?? '')).not.toBe(btc);
    expect(await runOf(ownerWorkflowId(key('SOL/USDT')))).toBe(sol);
    expect(await endFormerRuns(now, { account, epoch: 700, held: [key('BTC/USDT')], failed, clock: Date.now })).toEqual([]);
    // Before any restore there is no other.
    expect(await endFormerRuns(clientOf(1), { account, epoch: 1, held: [key('BTC/USDT')], failed, clock: Date.now })).toEqual([]);
  });
});
