import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../activities/order/resolve.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { VIEW_FORM, type ProtectionView } from '../../core/protection/plan.js';
import { bundleEdited } from '../../test/support/edited-bundle.js';
import { eventually } from '../../test/support/eventually.js';
import { KEY, LEDGER, RULES } from '../../test/support/risk-view.js';
import { stepsOf, type History } from '../../test/replay/histories.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { workflowBundle } from '../../test/support/trading-stack.js';
import { doingQuery } from './messages.js';

const d = (value: string): DecimalText => value as DecimalText;
const LIMIT_MS = 60_000;
const ADOPTED = {
  ...KEY,
  intentId: 'adopted',
  side: 'sell',
  purpose: 'exit',
  status: 'accepted',
  type: 'limit',
  timeInForce: 'GTC',
  quantity: d('0.6'),
  price: d('120'),
  stopPrice: null,
  reservedQuantity: d('0.6'),
  executedQuantity: d('0'),
  executedNotional: d('0'),
  venueOrderId: 'v',
  venueStatus: null,
  venueExecutedQuantity: null,
  triggeredTime: null,
  missingTime: null,
  failures: [],
  createdTime: 1,
  isFinal: false,
} as unknown as StoredOrder;
const STOP: StoredOrder = {
  ...ADOPTED,
  intentId: 'stop',
  purpose: 'stop',
  quantity: d('0.4'),
  reservedQuantity: d('0.4'),
  stopPrice: d('98'),
};
/** As the activity of that build read it: nothing is said of sales that were taken over. */
const OLDER: ProtectionView = {
  risk: { ...LEDGER, positions: [{ ...KEY, quantity: d('1'), cost: d('100') }], instrument: RULES },
  working: [ADOPTED],
  recent: [],
  stops: 0,
  escapes: 0,
  basis: null,
};
const PRESENT: ProtectionView = {
  ...OLDER,
  working: [ADOPTED, STOP],
  adopted: [ADOPTED.intentId],
  oversold: null,
  form: VIEW_FORM,
  stops: 1,
};

const temporal = await temporalIfAny();

/** An owner of a build that waited for such a sale (up to 0.3), whose workers are replaced. */
describe.skipIf(temporal === undefined)('P32: the owner of a position of which a sale was taken over', () => {
  const server = temporal as TestTemporal;
  let connection: NativeConnection;
  let client: Client;
  let handle: WorkflowHandle | undefined;

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
  });
  afterAll(async () => {
    await handle?.terminate();
    await connection?.close();
  });

  /** Works on its runs until `isDone`. */
  const work = async (
    taskQueue: string,
    workflowCode: Promise<WorkflowBundle>,
    activities: Readonly<Record<string, (...values: readonly unknown[]) => Promise<unknown>>>,
    isDone: () => Promise<unknown>,
  ): Promise<void> => {
    const workflowBundle = await workflowCode;
    const worker = await Worker.create({
      connection,
      namespace: server.namespace,
      taskQueue,
      workflowBundle,
      activities,
      maxCachedWorkflows: 0,
    });
    await worker.runUntil(isDone);
  };

  const begun = async (): Promise<History> => (handle === undefined ? {} : handle.fetchHistory());

  it(
    'waits for it as that build did, beside activities of this one, and protects the rest once this build has it',
    async () => {
      const taskQueue = `adopted-${randomUUID()}`;
      let asked = 0;
      const pages: unknown[] = [];
      let askedAgain = (): void => undefined;
      const isAskedAgain = new Promise<void>((resolve) => (askedAgain = resolve));
      const resolve = async (): Promise<Progress> => {
        if ((asked += 1) > 2) askedAgain();
        return { order: ADOPTED, isSettled: false, waitMs: 100 };
      };
      const edit = [` || (isAdoptedSale(order) && patched('adoptedWorks'))`, ''] as const;
      const older = bundleEdited('workflows/protect-position/owner.ts', [edit]);
      await work(taskQueue, older, { look: async () => OLDER, resolve }, async () => {
        handle = await client.workflow.start('protectPosition', { taskQueue, workflowId: randomUUID(), args: [KEY] });
        await isAskedAgain;
      });
      // It does not look, decide and ask as fast as it is answered.
      const steps = stepsOf(await begun());
      expect(steps.slice(0, 3)).toEqual(['look', 'resolve', 'resolve']);

      const page = async (...told: readonly unknown[]): Promise<void> => void pages.push(told);
      await work(taskQueue, workflowBundle(), { look: async () => PRESENT, resolve, page }, () =>
        eventually(async () => expect(await handle?.query(doingQuery)).toBe('resting: protected'), LIMIT_MS),
      );
      expect(pages).toEqual([[KEY, 'adoptedSaleRests', { intentIds: [ADOPTED.intentId] }]]);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await begun());
    },
    2 * LIMIT_MS,
  );
});
