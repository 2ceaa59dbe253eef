import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../test/support/kraken-stub/server.js';
import { IN_DOLLARS, PUBLIC_ROUTES } from '../../test/support/kraken-stub/replies.js';
import { createVenue } from './create-venue.js';
import { KRAKEN } from './profiles/kraken.js';

/** The stub’s own, and one that it lists beside it. */
const [INSTRUMENT, OTHER] = ['BTC/USD', 'DOGE/USD'];
const row = (last: string) => ({ a: [last, '1', '1'], b: [last, '1', '1'], c: [last, '1'] });
let stub: KrakenStub;
let venue: Venue;

beforeEach(async () => {
  stub = await krakenStub();
  const reply = PUBLIC_ROUTES['AssetPairs']?.handle({ words: IN_DOLLARS } as never, new URLSearchParams());
  const pairs = (reply as { result: Record<string, object> }).result;
  const doge = { ...pairs[IN_DOLLARS.key], altname: 'XDGUSD', wsname: 'XDG/USD', base: 'XXDG' };
  stub.answerNext('AssetPairs', { result: { ...pairs, XDGUSD: doge } });
  venue = await createVenue({
    ...{ name: 'desk', urls: stub.urls, apiKey: STUB_KEY, secret: STUB_SECRET, clock: Date.now, account: 'main', profile: KRAKEN },
    instruments: [INSTRUMENT],
  });
});
afterEach(async () => {
  await venue.close();
  await stub.close();
});

const asked = (call: string): (string | null)[] => stub.arrived.filter((one) => one.call === call).map(({ params }) => params.get('pair'));

describe('P19: prices that a halt asks for at Kraken', () => {
  it('are one request for all pairs, each by its own key; what the venue does not list is left out', async () => {
    stub.answerNext('Ticker', { result: { XDGUSD: row('0.4'), XXBTZUSD: row('50000'), XETHZUSD: row('2000') } });
    const prices = await venue.haltReader.lastPrices([INSTRUMENT, OTHER, 'NONE/USD']);
    expect(prices).toEqual({ [INSTRUMENT]: '50000', [OTHER]: '0.4' });
    expect(asked('Ticker')).toEqual(['XXBTZUSD,XDGUSD']);
    expect(await venue.haltReader.lastPrices([])).toEqual({});
    expect(asked('Ticker')).toHaveLength(1);
  });

  it('are told of the others where one pair is gone since the list was read', async () => {
    const prices = await venue.haltReader.lastPrices([INSTRUMENT, OTHER]);
    expect(prices).toEqual({ [INSTRUMENT]: expect.stringMatching(/^\d/u) as string });
    expect(new Set(asked('Ticker'))).toEqual(new Set(['XXBTZUSD,XDGUSD', 'XXBTZUSD', 'XDGUSD']));
    expect(asked('Ticker')).toHaveLength(3);
  });

  it('wait behind no read of the account, though its limiter has let through what the venue allows', async () => {
    // Fifteen at once, and then one each three seconds.
    let isOver = false;
    const reads = Promise.allSettled(Array.from({ length: 17 }, () => venue.haltReader.balances())).then(() => (isOver = true));
    await venue.haltReader.lastPrices([INSTRUMENT]);
    await venue.haltReader.lastPrice(INSTRUMENT);
    expect([isOver, asked('Ticker')]).toEqual([false, ['XXBTZUSD', 'XXBTZUSD']]);
    await venue.close();
    await reads;
  });
});
