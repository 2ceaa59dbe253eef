import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { prepareNamespace } from '../../launcher/temporal/namespace.js';
import { eventually } from '../../test/support/eventually.js';
import { silentProxy, type SilentProxy } from '../../test/support/silent-proxy.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { killWorkflowId, reconcileWorkflowId, tradingControlWorkflowId, watchAccountWorkflowId } from '../../workflows/names.js';
import { beginAccount, type BeginParts } from './begin-account.js';
import { Beginnings } from './beginnings.js';
import { createKills } from './kills.js';
import { createOwners } from './owners.js';
import { createReconciliations } from './reconciliations.js';
import { createRunbookRuns } from './runbooks.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('a guardian that starts beside a Temporal that answers nothing', { timeout: 120_000 }, () => {
  /** Of its own: the guardian's queue has a fixed name, and nobody works for it here. */
  const namespace = `begun-${randomUUID().slice(0, 8)}`;
  const accounts = Array.from({ length: 3 }, () => `begun-${randomUUID().slice(0, 8)}`);
  const heldOf = (account: string) => ({ account, strategy: 'momentum', instrument: 'BTC/USDT' });
  let proxy: SilentProxy;
  let behind: NativeConnection;
  let direct: NativeConnection;
  let beginnings: Beginnings;

  beforeAll(async () => {
    const address = temporal?.address ?? '';
    await prepareNamespace({ address, namespace });
    proxy = await silentProxy(address);
    behind = await NativeConnection.connect({ address: proxy.address });
    direct = await NativeConnection.connect({ address });
  });
  afterAll(async () => {
    beginnings?.close();
    proxy?.release();
    await behind?.close();
    await direct?.close();
    await proxy?.close();
  });

  const clientOf = (connection: NativeConnection): Client => new Client({ connection, namespace });
  const idsOf = (account: string): readonly string[] => [
    tradingControlWorkflowId(account),
    killWorkflowId(account),
    ownerWorkflowId(heldOf(account)),
    watchAccountWorkflowId(account, undefined),
    reconcileWorkflowId(account, 'start'),
  ];

  it('goes on without, says what to do, and has all of every account begun when it answers', async () => {
    const said: { readonly what?: unknown; readonly code?: unknown }[] = [];
    const log = { error: (data: object) => void said.push(data), warn: () => undefined };
    const client = clientOf(behind);
    const clock = Date.now;
    // Of what a start writes into the ledger nothing is asked here.
    const parts = {
      ...{ client, clock, epoch: 1, env: {}, log, place: async () => 'older' },
      protection: { held: async (account: string) => [heldOf(account)] },
      // One of them is halted, of the others the database does not say it in time.
      killStore: {
        readKill: async (account: string) => {
          if (account === accounts[0]) return { latches: [{}] };
          throw new KeelsonError('INFRA_DATABASE', { detail: 'canceling statement due to statement timeout' });
        },
      },
      kills: createKills(client, clock),
      owners: createOwners(client, clock),
      discrepancies: { carryOn: async () => undefined },
      runbookStore: { underWay: async () => [] },
      runbooks: createRunbookRuns(client, clock),
      reconciliations: createReconciliations(client, clock),
    } as unknown as BeginParts;
    const store = { tell: async () => undefined, end: async () => undefined };
    beginnings = new Beginnings({ store, who: 'guardian 1', clock, log, againMs: 100 });
    proxy.hold();
    await Promise.all(accounts.map((account) => beginnings.begin(account, () => beginAccount(parts, account))));
    expect(new Set(said.map(({ code, what }) => `${String(code)} ${String(what)}`))).toEqual(
      new Set(accounts.map((account) => `INFRA_TEMPORAL ${account}`)),
    );
    proxy.release();
    for (const id of accounts.flatMap(idsOf)) {
      await eventually(async () => expect((await clientOf(direct).workflow.getHandle(id).describe()).status.name).toBe('RUNNING'));
    }
  });
});
