import { describe, expect, it } from 'vitest';
import { Places } from './places.js';

/** What each had, and what was opened and closed. */
function counted(most: number) {
  const told: string[] = [];
  let opened = 0;
  const places = new Places<number>({
    most,
    open: async () => {
      opened += 1;
      told.push(`open ${opened}`);
      return opened;
    },
    close: async (one) => void told.push(`close ${one}`),
  });
  return { places, told };
}

describe('places', () => {
  it('never more at once than there are, each handed on while anybody waits, and closed after the last', async () => {
    const { places, told } = counted(2);
    let now = 0;
    let most = 0;
    const work = async (one: number): Promise<number> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return one;
    };
    const had = await Promise.all(Array.from({ length: 6 }, () => places.run(work)));
    expect([most, new Set(had).size]).toEqual([2, 2]);
    expect(told.toSorted()).toEqual(['close 1', 'close 2', 'open 1', 'open 2']);
  });

  it('what work has failed in is nobody’s any more', async () => {
    const { places, told } = counted(1);
    const wrong = places.run(() => Promise.reject(new Error('it went wrong')));
    const right = places.run(async (one) => one);
    await expect(wrong).rejects.toThrow('it went wrong');
    expect(await right).toBe(2);
    expect(told).toEqual(['open 1', 'close 1', 'open 2', 'close 2']);
  });

  it('one that could not be opened is free for the next', async () => {
    let tries = 0;
    const open = async (): Promise<string> => {
      tries += 1;
      if (tries === 1) throw new Error('not now');
      return 'open';
    };
    const places = new Places({ most: 1, open, close: async () => undefined });
    await expect(places.run(async (one) => one)).rejects.toThrow('not now');
    expect(await places.run(async (one) => one)).toBe('open');
  });
});
