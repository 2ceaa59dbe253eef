import { describe, expect, it } from 'vitest';
import { oneHere } from './one-here.js';

describe('P16: a process has one stream of each account', () => {
  const ends: (() => void)[] = [];
  const stream = oneHere(() => new Promise<void>((resolve) => ends.push(resolve)));

  it('a second is left to others, and is welcome when the first has ended', async () => {
    const first = stream('main');
    await expect(stream('main')).rejects.toMatchObject({ type: 'STREAM_RUNS_HERE', nonRetryable: false, category: 'BENIGN' });
    const other = stream('second');
    for (const end of ends) end();
    await Promise.all([first, other]);
    const again = stream('main');
    ends.at(-1)?.();
    await again;
  });

  it('one that fails keeps nobody away', async () => {
    let calls = 0;
    const failing = oneHere(async () => {
      calls += 1;
      throw new Error('lost');
    });
    await expect(failing('main')).rejects.toThrow('lost');
    await expect(failing('main')).rejects.toThrow('lost');
    expect(calls).toBe(2);
  });
});
