import ccxt, { pro } from 'ccxt';
import { describe, expect, it } from 'vitest';
import { ccxtClasses } from './ccxt-classes.js';

describe('the classes of a venue, imported alone', () => {
  it.each(['binance', 'kraken'] as const)('are the very ones of the library: %s', async (id) => {
    const { rest, streams } = await ccxtClasses(id);
    expect(rest).toBe(ccxt[id]);
    expect(streams).toBe(pro[id]);
  });
});
