import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { ChildPlan, ChildRun, RunEnd } from './child.js';
import { ChildrenFile } from './children-file.js';
import { Supervisor } from './supervisor.js';
import { eventually } from '../../test/support/eventually.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-supervisor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A child without a process, whose spawns follow a script. */
function scripted(...spawns: readonly (() => Promise<ChildRun>)[]): ChildPlan & { readonly spawned: number } {
  let spawned = 0;
  return {
    name: 'server',
    log: join(folder, 'server.log'),
    stopLimitMs: 100,
    stopSignal: 'SIGTERM',
    endsAlone: true,
    spawn: () => (spawns[spawned++] ?? (() => Promise.reject(new Error('the script is over'))))(),
    get spawned() {
      return spawned;
    },
  };
}

const ended: RunEnd = { code: 1, signal: null };
const working = (forMs: number) => (): Promise<ChildRun> =>
  Promise.resolve({
    pid: 0,
    ready: Promise.resolve({}),
    ended: new Promise((resolve) => setTimeout(() => resolve(ended), forMs)),
    stop: () => undefined,
    kill: () => undefined,
  });
/** Says that it waits for a server, and ends. */
const waiting = (): Promise<ChildRun> => {
  const ready = Promise.reject(new Error('it ended before it was ready'));
  ready.catch(() => undefined);
  return Promise.resolve({
    ...{ pid: 0, ready, ended: Promise.resolve({ code: null, signal: 'SIGKILL' as const }), isWaiting: () => true },
    stop: () => undefined,
    kill: () => undefined,
  });
};
const refused = () => Promise.reject(new KeelsonError('CONFIG_DATABASE', { address: 'here', detail: 'not now' }));

function supervise(plan: ChildPlan) {
  const restarts: string[] = [];
  const fatal = vi.fn<(error: KeelsonError) => void>();
  const policy = { firstDelayMs: 1, maxDelayMs: 2, soundAfterMs: 1000, maxUnready: 3, maxEnds: 20, windowMs: 10_000 };
  const children = new ChildrenFile(join(folder, 'children.json'));
  const supervisor = new Supervisor({ children, policy, onRestart: ({ reason }) => restarts.push(reason), onFatal: fatal });
  return { started: supervisor.start(plan), restarts, fatal };
}

describe('a server that refuses its settings', () => {
  it('is told as it is and not tried again when it never worked', async () => {
    const plan = scripted(refused);
    const { started, restarts } = supervise(plan);
    await expect(started).rejects.toMatchObject({ failure: { code: 'CONFIG_DATABASE' } });
    expect([restarts, plan.spawned]).toEqual([[], 1]);
  });

  it('is tried again when it worked before', async () => {
    const plan = scripted(working(5), refused, working(300));
    const { started, restarts, fatal } = supervise(plan);
    await started;
    await eventually(() => expect(plan.spawned).toBe(3));
    expect(restarts).toEqual(['exit code 1', expect.stringContaining('not now')]);
    expect(fatal).not.toHaveBeenCalled();
  });

  it('ends the whole when it does not come back', async () => {
    const plan = scripted(working(5), refused, refused, refused);
    const { started, fatal } = supervise(plan);
    await started;
    await eventually(() => expect(fatal).toHaveBeenCalledOnce());
    expect(fatal.mock.calls[0]?.[0].failure).toMatchObject({ code: 'INFRA_CHILD_FAILED' });
    expect(fatal.mock.calls[0]?.[0].message).toContain('not now');
  });
});

describe('a child that waits for a server', () => {
  it('is started again however often it is killed meanwhile, when it worked before', async () => {
    const plan = scripted(working(5), waiting, waiting, waiting, waiting, working(300));
    const { started, fatal } = supervise(plan);
    await started;
    await eventually(() => expect(plan.spawned).toBe(6));
    expect(fatal).not.toHaveBeenCalled();
  });
});
