import { describe } from 'vitest';
import { createVenue } from '../../../adapters/venue/create-venue.js';
import { KRAKEN } from '../../../adapters/venue/profiles/kraken.js';
import { cuttingProxy } from '../../support/cutting-proxy.js';
import { krakenStub, STUB_KEY, STUB_SECRET } from '../../support/kraken-stub/server.js';
import { adapterCards, type CardVenue } from './cards.js';

const AMPLE = { weight: { limit: 1_000_000, windowMs: 1_000 } };
/** The stub takes questions as fast as they come; the library's pace is the real venue's. */
const PROFILE = { ...KRAKEN, limiter: { rateLimit: 1 }, pollMs: 50, rateBudget: AMPLE };

async function openKraken(): Promise<CardVenue> {
  const stub = await krakenStub();
  const proxy = await cuttingProxy(stub.port);
  const open = (secret: string) =>
    createVenue({
      profile: PROFILE,
      urls: { ...stub.urls, rest: `http://127.0.0.1:${proxy.port}` },
      apiKey: STUB_KEY,
      secret,
      clock: Date.now,
    });
  const venue = await open(STUB_SECRET);
  return {
    venue,
    instrument: 'BTC/USD',
    intervalMs: 60_000,
    withWrongSecret: () => open(Buffer.from('another').toString('base64')),
    cutNextOrder: (what) => proxy.cutNext(what, 'POST /0/private/AddOrder'),
    hide: async (clientOrderId) => void stub.hidden.add(clientOrderId),
    show: async () => stub.hidden.clear(),
    lastOrderOnWire() {
      const params = stub.arrived.findLast(({ call }) => call === 'AddOrder')?.params;
      const isStop = params?.get('ordertype') === 'stop-loss-limit';
      return {
        quantity: params?.get('volume') ?? null,
        price: params?.get(isStop ? 'price2' : 'price') ?? null,
        stopPrice: isStop ? (params.get('price') ?? null) : null,
      };
    },
    async close() {
      await venue.close();
      await proxy.close();
      await stub.close();
    },
  };
}

describe('adapter cards: kraken, on a stub that answers as its documentation says', () => {
  adapterCards(openKraken);
});
