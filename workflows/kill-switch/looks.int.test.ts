import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KillActivities } from '../../activities/kill/index.js';
import { latchName, unverifiedText, type Finding } from '../../core/kill/verify.js';
import type { KillLatch } from '../../core/kill/view.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { workflowBundle } from '../../test/support/trading-stack.js';
import { haltChangedSignal, rearmUpdate } from './messages.js';

const LIMIT = { timeout: 30_000, interval: 20 };
const CLEAR = { unverified: [], dust: [], kept: [] };
const latch = (latchId: string, policy: KillLatch['policy']): KillLatch => ({ latchId, policy }) as KillLatch;

const temporal = await temporalIfAny();

/** The steps are made up here: when each is done is what counts. */
describe.skipIf(temporal === undefined)('killSwitch, its looks and who waits for them', () => {
  const server = temporal as TestTemporal;
  let connection: NativeConnection;
  let client: Client;
  let taskQueue: string;
  let worker: Worker;
  let running: Promise<void>;
  let latches: readonly KillLatch[];
  let calls: string[];
  let release: KillActivities['killRelease'];
  let verify: () => Finding;
  let sell: () => Promise<void>;
  let tell: (phase: string) => Promise<void>;
  let time: number;
  /** Lets a step go on that a test holds back; also when the test fails meanwhile. */
  let letGo = (): void => undefined;

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
  });
  afterAll(() => connection?.close());
  beforeEach(async () => {
    taskQueue = `looks-${randomUUID()}`;
    latches = [latch('first', 'none')];
    calls = [];
    verify = () => CLEAR;
    sell = async () => undefined;
    tell = async () => undefined;
    time = 1_000_000;
    const note = (name: string) => async (): Promise<void> => void calls.push(name);
    const activities: Partial<Record<keyof KillActivities, (...values: never[]) => Promise<unknown>>> = {
      killLatches: async () => {
        if (latches.length === 0) calls.push('none');
        return { latches, time, directs: [] };
      },
      killCancel: note('cancel'),
      killFlatten: async () => (calls.push('flatten'), sell()),
      killEscalate: async (_: string, told: number, { unverified }: Finding) =>
        void calls.push(`told ${told}`, ...unverified.map(unverifiedText)),
      killTendStops: note('stops'),
      killVerify: async () => (calls.push('look'), verify()),
      killConclude: async () => (calls.push('conclude'), { path: 'file', sha256: 'hash' }),
      killTell: async (_: string, phase: string) => (calls.push(phase), tell(phase)),
      killRelease: (...values: Parameters<KillActivities['killRelease']>) => release(...values),
    };
    worker = await Worker.create({
      connection,
      namespace: server.namespace,
      taskQueue,
      workflowBundle: await workflowBundle(),
      activities,
    });
    running = worker.run();
  });
  afterEach(async () => {
    letGo();
    worker.shutdown();
    await running;
  });
  /** It is told as soon as it was seen, and again with the file. */
  const concludes = () =>
    vi.waitFor(() => {
      expect(calls).toContain('conclude');
      expect(calls.lastIndexOf('verified')).toBeGreaterThan(calls.indexOf('conclude'));
    }, LIMIT);
  const started = async () => {
    const handle = await client.workflow.start('killSwitch', { taskQueue, workflowId: taskQueue, args: ['some'] });
    await concludes();
    return handle;
  };
  const count = (name: string): number => calls.filter((call) => call === name).length;

  it.each([
    ['another that comes', [latch('first', 'none'), latch('second', 'none')]],
    ['a stricter one', [latch('first', 'atOnce')]],
  ])('P28: %s is verified by two looks of its own, and not called verified before', async (_, then) => {
    const handle = await started();
    calls.length = 0;
    latches = then;
    await handle.signal(haltChangedSignal);
    await concludes();
    const told = calls.filter((call) => ['look', 'running', 'conclude', 'verified'].includes(call));
    expect(told.slice(0, 6)).toEqual(['look', 'running', 'look', 'verified', 'conclude', 'verified']);
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
  });

  it('P28: one that is called in the middle of a round is not verified by its look', async () => {
    const handle = await started();
    calls.length = 0;
    verify = () => {
      // It comes after the round has begun, and before its look.
      latches = [latch('first', 'none'), latch('second', 'atOnce')];
      return { ...CLEAR, look: { time: 1_000_001, under: latches.map(latchName) } };
    };
    await handle.signal(haltChangedSignal);
    await concludes();
    const told = calls.filter((call) => ['flatten', 'look', 'running', 'conclude', 'verified'].includes(call));
    expect(told.slice(0, 7)).toEqual(['look', 'running', 'flatten', 'look', 'verified', 'conclude', 'verified']);
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
  });

  it('the same again is looked at once more, and stays verified', async () => {
    const handle = await started();
    calls.length = 0;
    await handle.signal(haltChangedSignal);
    await vi.waitFor(() => expect(calls).toContain('verified'), LIMIT);
    expect(calls).toEqual(['cancel', 'stops', 'look', 'verified']);
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
  });

  it('a new halt is carried out while the end of another waits for its reconciliation', async () => {
    const handle = await started();
    const begun = new Promise<void>((begin) => {
      release = async () => {
        begin();
        await new Promise<void>((done) => (letGo = done));
        return { kind: 'released' };
      };
    });
    const rearm = { latchId: randomUUID(), requestId: randomUUID() };
    const ending = handle.executeUpdate(rearmUpdate, { args: [rearm] });
    await begun;
    calls.length = 0;
    latches = [latch('first', 'none'), latch('second', 'atOnce')];
    await handle.signal(haltChangedSignal);
    await vi.waitFor(() => expect(calls).toContain('flatten'), LIMIT);
    expect(count('cancel')).toBeGreaterThan(0);
    // Also when the latch is gone before whoever asked for its end has heard of it.
    latches = [];
    await handle.signal(haltChangedSignal);
    await vi.waitFor(() => expect(calls).toContain('none'), LIMIT);
    latches = [latch('third', 'none')];
    calls.length = 0;
    await handle.signal(haltChangedSignal);
    await vi.waitFor(() => expect(calls).toContain('cancel'), LIMIT);
    letGo();
    expect(await ending).toEqual({ kind: 'released' });
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
    expect(calls.at(-1)).toBe('released');
  });

  it('P25: one that is called while the end of the last is written down is carried out by the same run', async () => {
    const handle = await started();
    tell = async (phase) => {
      if (phase !== 'released' || latches.length > 0 || count('released') > 1) return;
      latches = [latch('second', 'atOnce')];
      await handle.signal(haltChangedSignal);
    };
    latches = [];
    await handle.signal(haltChangedSignal);
    await vi.waitFor(() => expect(calls).toContain('released'), LIMIT);
    await vi.waitFor(() => expect(calls.slice(calls.indexOf('released'))).toContain('verified'), LIMIT);
    expect(calls.slice(calls.indexOf('released'))).toEqual(
      expect.arrayContaining(['released', 'cancel', 'flatten', 'running', 'verified']),
    );
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
    expect(calls.at(-1)).toBe('released');
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await handle.fetchHistory(), taskQueue);
  });

  it('P30: who asks for an end while one is written down is answered by the run', async () => {
    const handle = await started();
    const rearm = { latchId: randomUUID(), requestId: randomUUID() };
    let asking: Promise<unknown> | undefined;
    tell = async (phase) => {
      if (phase !== 'released' || asking !== undefined) return;
      const updateId = randomUUID();
      // It has reached the run before the end of it is written.
      const asked = await handle.startUpdate(rearmUpdate, { args: [rearm], updateId, waitForStage: 'ACCEPTED' });
      asking = asked.result();
    };
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
    expect(await asking).toEqual({ kind: 'notClean', found: 'no latch stands over the account' });
  });

  it('P26: people are told while a round hangs, and once; and by when its look was where it took long', async () => {
    latches = [latch('first', 'atOnce')];
    const missing = { kind: 'unanswered', detail: 'the venue is away' } as const;
    let lookTime = time;
    verify = () => ({ ...CLEAR, unverified: [missing], look: { time: lookTime, under: latches.map(latchName) } });
    const handle = await client.workflow.start('killSwitch', { taskQueue, workflowId: taskQueue, args: ['some'] });
    await vi.waitFor(() => expect(calls).toContain('running'), LIMIT);
    sell = () => new Promise((done) => (letGo = done));
    // Nothing is due when this round begins.
    time += 29_500;
    await handle.signal(haltChangedSignal);
    await vi.waitFor(() => expect(calls).toContain('told 1'), LIMIT);
    expect(calls.slice(calls.indexOf('told 1'))).toEqual(['told 1', 'the venue is away', 'selling has not come to its end']);
    sell = async () => undefined;
    letGo();
    // Each five minutes; the next is due within this round, by its look.
    time += 299_000;
    lookTime = time + 2_000;
    await vi.waitFor(() => expect(calls).toContain('told 2'), LIMIT);
    expect(calls.slice(calls.indexOf('told 2')).slice(0, 2)).toEqual(['told 2', 'the venue is away']);
    expect([count('told 1'), count('told 2'), count('told 3')]).toEqual([1, 1, 0]);
    verify = () => CLEAR;
    await vi.waitFor(() => expect(calls).toContain('verified'), LIMIT);
    latches = [];
    await handle.signal(haltChangedSignal);
    await handle.result();
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await handle.fetchHistory(), taskQueue);
  });
});
