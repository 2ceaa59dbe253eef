import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { OutboxRow } from '../ports/outbox.js';
import { OutboxLoop } from './outbox.js';

const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' };
const OTHER = { ...KEY, instrument: 'ETH/USDT' };

function kindOf(data: unknown): string {
  if (Object.hasOwn(data as object, 'runId')) return Object.hasOwn(data as object, 'isEnded') ? 'runbookEnded' : 'runbookAsked';
  return Object.hasOwn(data as object, 'instrument') ? 'positionChanged' : 'haltChanged';
}

/** An outbox in memory, its owners, and a loop over both. */
function opened() {
  const open = new Map<string, unknown>();
  const claimed = new Set<string>();
  const told: string[] = [];
  let notify = (): void => undefined;
  let isDown = false;
  let next = 0;
  const tell = (how: string) => (key: typeof KEY) => {
    if (isDown) return Promise.reject(new KeelsonError('INFRA_TEMPORAL', { detail: 'it is away' }));
    told.push(`${how} ${key.instrument}`);
    return Promise.resolve();
  };
  const warn = vi.fn<(data: object, message: string) => void>();
  const loop = new OutboxLoop({
    outbox: {
      claim: () => {
        const rows: OutboxRow[] = [...open].filter(([id]) => !claimed.has(id)).map(([id, data]) => ({ id, kind: kindOf(data), data }));
        for (const { id } of rows) claimed.add(id);
        return Promise.resolve(rows);
      },
      finish: (ids) => {
        for (const id of ids) open.delete(id);
        return Promise.resolve();
      },
      listen: (onRow) => {
        notify = onRow;
        return () => Promise.resolve();
      },
    },
    owners: { wake: tell('wake'), tell: tell('tell') },
    kills: { wake: (account) => tell('kill')({ ...KEY, instrument: account }) },
    runbooks: {
      wake: ({ runId }) => tell('run')({ ...KEY, instrument: runId }),
      end: ({ runId }) => tell('end')({ ...KEY, instrument: runId }),
    },
    log: { warn },
  });
  const write = (data: object): void => {
    next += 1;
    open.set(String(next), data);
    notify();
  };
  return { loop, write, told, open, claimed, warn, down: (value: boolean) => (isDown = value) };
}

describe('the loop that tells owners', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['P25: starts the kill of a halted account', { account: 'main' }, 'kill main'],
    ['starts a run for which a cause was found', { runId: 'r1', runbook: 'venueDisconnected', account: 'main' }, 'run r1'],
    ['ends the workflow of a run that is superseded', { runId: 'r1', runbook: 'startUp', account: 'main', isEnded: true }, 'end r1'],
  ])('%s at once, and again when that failed, as while Temporal is away', async (_, data, expected) => {
    const { write, told, open, claimed, down, loop } = opened();
    down(true);
    write(data);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([]);
    expect(open.size).toBe(1);
    down(false);
    claimed.clear();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual([expected]);
    expect(open.size).toBe(0);
    await loop.close();
  });

  it('starts or wakes the owner once for the fills of one entry', async () => {
    const { write, told, open, loop } = opened();
    write({ ...KEY, because: 'bought' });
    await vi.advanceTimersByTimeAsync(10);
    write({ ...KEY, because: 'bought' });
    write({ ...OTHER, because: 'bought' });
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(40);
    expect(told).toEqual(['wake BTC/USDT', 'wake ETH/USDT']);
    expect(open.size).toBe(0);
    await loop.close();
  });

  it('tells an owner of its stop later, and starts none for it', async () => {
    const { write, told, loop } = opened();
    write({ ...KEY, because: 'stopChanged' });
    await vi.advanceTimersByTimeAsync(400);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(told).toEqual(['tell BTC/USDT']);
    await loop.close();
  });

  it('does not let what was bought wait for what its stop did', async () => {
    const { write, told, open, loop } = opened();
    write({ ...KEY, because: 'stopChanged' });
    await vi.advanceTimersByTimeAsync(100);
    write({ ...KEY, because: 'bought' });
    await vi.advanceTimersByTimeAsync(50);
    expect(told).toEqual(['wake BTC/USDT']);
    expect(open.size).toBe(0);
    await loop.close();
  });

  it('takes a row of an earlier release, which has no cause, for the urgent kind', async () => {
    const { write, told, loop } = opened();
    write(KEY);
    await vi.advanceTimersByTimeAsync(50);
    expect(told).toEqual(['wake BTC/USDT']);
    await loop.close();
  });

  it('leaves a row open whose owner could not be told, and says so', async () => {
    const { write, told, open, claimed, warn, down, loop } = opened();
    down(true);
    write({ ...KEY, because: 'bought' });
    await vi.advanceTimersByTimeAsync(50);
    expect(open.size).toBe(1);
    expect(warn).toHaveBeenCalledOnce();
    down(false);
    claimed.clear();
    await vi.advanceTimersByTimeAsync(1_100);
    expect(told).toEqual(['wake BTC/USDT']);
    expect(open.size).toBe(0);
    await loop.close();
  });

  it('tells those who wait when it is closed', async () => {
    const { write, told, loop } = opened();
    write({ ...KEY, because: 'bought' });
    await vi.advanceTimersByTimeAsync(5);
    await loop.close();
    expect(told).toEqual(['wake BTC/USDT']);
  });
});
