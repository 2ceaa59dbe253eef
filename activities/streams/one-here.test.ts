import { beforeEach, describe, expect, it } from 'vitest';
import { oneHere } from './one-here.js';

describe('P16: a process has one stream of each account', () => {
  let calls: { readonly account: string; readonly cancel: AbortController; end(): void }[];
  let cancel: AbortController;
  const stream = oneHere(
    (account) => new Promise<void>((resolve) => calls.push({ account, cancel, end: resolve })),
    () => (cancel = new AbortController()).signal,
  );
  const refused = { type: 'STREAM_RUNS_HERE', nonRetryable: false, category: 'BENIGN' };
  beforeEach(() => (calls = []));

  it('a second is left to others, and is welcome when the first has ended', async () => {
    const first = stream('main');
    await expect(stream('main')).rejects.toMatchObject(refused);
    const other = stream('second');
    for (const call of calls) call.end();
    await Promise.all([first, other]);
    const again = stream('main');
    calls.at(-1)?.end();
    await again;
    expect(calls.map(({ account }) => account)).toEqual(['main', 'second', 'main']);
  });

  it('one that was canceled and does not end keeps nobody away, and frees no place that is another’s', async () => {
    const hung = stream('main');
    calls[0]?.cancel.abort();
    const next = stream('main');
    calls[0]?.end();
    await hung;
    await expect(stream('main')).rejects.toMatchObject(refused);
    calls[1]?.end();
    await next;
  });

  it('one that fails keeps nobody away', async () => {
    let failures = 0;
    const failing = oneHere(
      async () => {
        failures += 1;
        throw new Error('lost');
      },
      () => new AbortController().signal,
    );
    await expect(failing('main')).rejects.toThrow('lost');
    await expect(failing('main')).rejects.toThrow('lost');
    expect(failures).toBe(2);
  });
});
