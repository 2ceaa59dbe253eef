import { Client, WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { EXIT_FORM } from '../../core/protection/plan.js';
import { endedAtLocalActivities, patchesOf, stepsOf, type History } from '../../test/replay/histories.js';
import { bundleWith } from '../../test/support/edited-bundle.js';
import { EXIT, SIGNAL, STOP, VIEW } from '../../test/support/protected-view.js';
import { eventually } from '../../test/support/eventually.js';
import { KEY } from '../../test/support/risk-view.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { workflowBundle } from '../../test/support/trading-stack.js';
import { doingQuery, exitUpdate } from './messages.js';

const OWNER = 'workflows/protect-position/owner.ts';
const d = (value: string): DecimalText => value as DecimalText;
const LIMIT_MS = 120_000;
const SOLD: StoredOrder = { ...EXIT, status: 'filled', executedQuantity: d('1'), executedNotional: d('100'), isFinal: true };
const AWAY: StoredOrder = {
  ...EXIT,
  status: 'rejected',
  failures: [failure('VENUE_RATE_LIMITED', { venue: 'paper', call: 'order', retryAfterMs: 1 })],
  isFinal: true,
};
const TOO_LATE: StoredOrder = { ...AWAY, failures: [failure('VENUE_REJECTED', { order: 'exit', venue: 'paper', reason: 'tooLate' })] };
const CLOSED = { kind: 'venueClosed', forMs: 1, form: EXIT_FORM };
const OFFERED = ['authoriseExit', 'submit'];
const AUTHORISED = { kind: 'authorised', order: EXIT, form: EXIT_FORM };

interface Case {
  readonly patch: string;
  /** What the gate answers, one after the other; then it denies. */
  readonly gate: readonly object[];
  readonly sent: StoredOrder;
  /** The steps that are taken by this decision alone come among these. */
  readonly steps: readonly string[];
}

const CASES: readonly Case[] = [
  {
    patch: 'exitsInParts',
    gate: [{ ...AUTHORISED, isLargest: true }],
    sent: SOLD,
    steps: ['authoriseExit', 'submit', 'authoriseExit'],
  },
  { patch: 'exitsSentAway', gate: [AUTHORISED], sent: AWAY, steps: ['authoriseExit', 'submit', 'authoriseExit'] },
  {
    patch: 'guardedExitsPage',
    gate: Array<object>(30).fill(CLOSED),
    sent: SOLD,
    steps: [...Array<string>(30).fill('authoriseExit'), 'page', 'authoriseExit'],
  },
];

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('P32: an exit that another worker takes over', () => {
  const server = temporal as TestTemporal;
  let connection: NativeConnection;
  let client: Client;
  /** As an owner of a build up to 0.4 decides. */
  let older: WorkflowBundle;

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
    const byPatches = ['exitsInParts', 'exitsSentAway'].map((name) => [`this.isByForm(form, '${name}') || `, ''] as const);
    older = await bundleWith({ [OWNER]: [...byPatches, [`this.isByForm(asked.form, 'guardedExitsPage') || `, '']] });
  }, LIMIT_MS);
  afterAll(() => connection?.close());

  /** An owner whose gate answers so, until its exit is over; `beside` goes on meanwhile. Its worker remembers no run. */
  async function sold(
    workflows: WorkflowBundle,
    { gate, sent }: Pick<Case, 'gate' | 'sent'>,
    beside: (handle: WorkflowHandle) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<History> {
    const taskQueue = `exits-${randomUUID()}`;
    const answers = [...gate];
    const activities = {
      look: async () => VIEW,
      page: async () => undefined,
      authoriseExit: async () => answers.shift() ?? { kind: 'denied', failures: [], form: EXIT_FORM },
      submit: async () => ({ kind: 'recorded', order: sent }),
      withdraw: async () => ({ order: { ...STOP, status: 'canceled', isFinal: true }, isSettled: true, waitMs: 0 }),
    };
    const options = { connection, namespace: server.namespace, taskQueue, activities, maxCachedWorkflows: 0 };
    const worker = await Worker.create({ ...options, workflowBundle: workflows });
    // With its first task: what comes with the one behind a question may stick (`workers/composition/stuck-runs.ts`).
    const handle = client.workflow.getHandle(taskQueue);
    const started = new WithStartWorkflowOperation('protectPosition', {
      ...{ taskQueue, workflowId: taskQueue, args: [KEY], workflowIdConflictPolicy: 'FAIL' as const },
    });
    try {
      const exit = client.workflow.executeUpdateWithStart(exitUpdate, { args: [SIGNAL], startWorkflowOperation: started });
      await worker.runUntil(Promise.all([exit, beside(handle)]));
      return await handle.fetchHistory();
    } finally {
      await handle.terminate();
    }
  }

  it.each(CASES)(
    '$patch: is decided as it was, also where its task had ended with a local activity, and by a build up to 0.4',
    async (one) => {
      const history = await sold(await workflowBundle(), one);
      expect(stepsOf(history).filter((step) => step !== 'look')).toEqual(one.steps);
      expect([...patchesOf(history)]).toEqual([one.patch]);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, endedAtLocalActivities(history));
      await Worker.runReplayHistory({ workflowBundle: older }, history);
      // That one went by patches, and they are known too late.
      await expect(Worker.runReplayHistory({ workflowBundle: older }, endedAtLocalActivities(history))).rejects.toThrow(
        /TMPRL1100|Replay failed|determinis/i,
      );
    },
    LIMIT_MS,
  );

  it.each([
    [
      'until the gate denies it, and people are told',
      { form: EXIT_FORM },
      [...OFFERED, ...OFFERED, ...OFFERED, 'page', ...OFFERED, 'authoriseExit'],
    ],
    ['three times in all, as a run of 0.8 decided', { form: 2 }, [...OFFERED, ...OFFERED, ...OFFERED]],
    ['not at all, as a run of 0.5 decided', { form: 1 }, OFFERED],
    ['not at all, as one of before 0.5 decided', { form: undefined }, OFFERED],
  ])(
    'that the venue refused for its time alone is offered %s',
    async (_, form, steps) => {
      const history = await sold(await workflowBundle(), { gate: Array<object>(4).fill({ ...AUTHORISED, ...form }), sent: TOO_LATE });
      expect(stepsOf(history).filter((step) => step !== 'look')).toEqual(steps);
      expect([...patchesOf(history)]).toEqual([]);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, endedAtLocalActivities(history));
    },
    LIMIT_MS,
  );

  it.each([
    ['is told', { form: EXIT_FORM }, ['page']],
    ['is not told, as a run of 0.5 decided', { form: 1 }, []],
    ['is not told, as one of before 0.5 decided', { form: undefined }, []],
  ])(
    'that is denied for its age after its stop was taken away %s',
    async (_, form, told) => {
      const gate = [
        { kind: 'stopsFirst', intentIds: ['stop'], ...form },
        { kind: 'denied', failures: [failure('RISK_SIGNAL_EXPIRED', { signal: 'exit', validUntil: 'then', now: 'now' })], ...form },
      ];
      const history = await sold(await workflowBundle(), { gate, sent: SOLD });
      expect(stepsOf(history).filter((step) => step !== 'look')).toEqual(['authoriseExit', 'withdraw', 'authoriseExit', ...told]);
      expect([...patchesOf(history)]).toEqual([]);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, endedAtLocalActivities(history));
    },
    LIMIT_MS,
  );

  it(
    'is not stuck where its owner was asked what it does while a local activity ended',
    async () => {
      // As on a busy machine: the activity ends before the question is answered. And people are told of the first wait.
      const busy = 'setHandler(doingQuery, () => { for (let left = 2e8; left > 0; left -= 1); return doing; });';
      const slow = await bundleWith({
        'workflows/protect-position/protect-position.ts': [['setHandler(doingQuery, () => doing);', busy]],
        [OWNER]: [['const GUARDED_WAITS_TO_PAGE = 30;', 'const GUARDED_WAITS_TO_PAGE = 1;']],
      });
      let history: History = {};
      // Whether the question comes with that very task is the server's to say.
      for (let tries = 0; tries < 20 && !isEndedAlone(history); tries += 1) {
        history = await sold(slow, { gate: [CLOSED], sent: SOLD }, async (handle) => {
          // Until it is there.
          await eventually(() => handle.query(doingQuery), LIMIT_MS);
        });
      }
      expect(isEndedAlone(history)).toBe(true);
      expect(stepsOf(history).filter((step) => step !== 'look')).toEqual(['authoriseExit', 'page', 'authoriseExit']);
    },
    LIMIT_MS,
  );
});

/** Whether a task had ended with what the gate said, and what was decided on that came with the next. */
function isEndedAlone({ events = [] }: History): boolean {
  const names = (events ?? []).map(({ markerRecordedEventAttributes: marker, workflowTaskScheduledEventAttributes: task }) =>
    marker ? marker.markerName : task ? 'task' : 'other',
  );
  return /core_local_activity,task,other,other,core_patch/.test(names.join());
}
