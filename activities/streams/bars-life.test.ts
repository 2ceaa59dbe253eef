import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { barStream, unavailable } from '../../test/support/bar-stream.js';

const HOUR_MS = 3_600_000;

describe('the life of a stream activity', () => {
  afterEach(() => void vi.useRealTimers());

  it('beats each second and returns by itself after an hour', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const feed = barStream();
    const running = feed.run();
    await vi.advanceTimersByTimeAsync(5_500);
    expect(feed.beats()).toBe(5);
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    await expect(running).resolves.toBeUndefined();
    const beats = feed.beats();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(feed.beats()).toBe(beats);
  });

  it('a worker that stops hands over: the failure is one that is tried again', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.stopping.abort();
    await expect(running).rejects.toMatchObject({ type: 'WORKER_STOPS', nonRetryable: false });
    expect(feed.stored.get(10)).toBe('stream');
  });
});

describe('P2: a build that is not the active one', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());
  const OFFERED = { type: 'STRATEGY_INACTIVE', nonRetryable: false, nextRetryDelay: 200 };

  it('offers its stream to the others as soon as it has become so; what it read is stored', async () => {
    const feed = barStream();
    const running = feed.run();
    const ended = running.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5_000);
    await feed.close(10);
    feed.activeIf(async () => false);
    await vi.advanceTimersByTimeAsync(500);
    expect(await ended).toMatchObject(OFFERED);
    expect(feed.stored.get(10)).toBe('stream');
  });

  it('reads for longer and longer turns where nobody takes the stream, and offers it again after each', async () => {
    const feed = barStream();
    feed.activeIf(async () => false);
    for (const turnMs of [2_000, 4_000, 8_000, 8_000, 8_000]) {
      const firstRead = feed.requests.length;
      for (let offer = 0; offer < 5; offer += 1) await expect(feed.run()).rejects.toMatchObject(OFFERED);
      expect(feed.requests).toHaveLength(firstRead);
      let isOver = false;
      const turn = feed.run().catch((error: unknown) => {
        isOver = true;
        return error;
      });
      await vi.advanceTimersByTimeAsync(turnMs - 500);
      expect({ turnMs, isOver, hasRead: feed.requests.length > firstRead }).toEqual({ turnMs, isOver: false, hasRead: true });
      await vi.advanceTimersByTimeAsync(500);
      expect(await turn).toMatchObject(OFFERED);
    }
  });

  it('keeps the stream once it is the active one again, and where that cannot be asked', async () => {
    const feed = barStream();
    feed.activeIf(async () => false);
    await expect(feed.run()).rejects.toMatchObject(OFFERED);
    feed.activeIf(() => Promise.reject(unavailable));
    const running = feed.run();
    await vi.advanceTimersByTimeAsync(5_000);
    feed.activeIf(async () => true);
    await vi.advanceTimersByTimeAsync(5_000);
    await feed.end(running);
  });
});
