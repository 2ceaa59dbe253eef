import { describe } from 'vitest';
import { createVenue } from '../../../adapters/venue/create-venue.js';
import { paper } from '../../../adapters/venue/profiles/binance.js';
import { serve } from '../../../exchange/serve.js';
import { TEST_KEY, TEST_SECRET, testVenue } from '../../../exchange/testing/open-venue.js';
import { cuttingProxy } from '../../support/cutting-proxy.js';
import { adapterCards, type CardVenue } from './cards.js';

/** Longer than any card takes. */
const HIDDEN_MS = 600_000;

async function openBinance(): Promise<CardVenue> {
  const orders: URLSearchParams[] = [];
  const paperVenue = testVenue();
  const serving = await serve(paperVenue, 0, 0);
  const proxy = await cuttingProxy(Number(new URL(serving.addresses.rest).port), (head, body) => {
    if (head.startsWith('POST /api/v3/order')) orders.push(new URLSearchParams(body));
  });
  const open = (secret: string) =>
    createVenue({
      profile: paper(),
      urls: { ...serving.addresses, rest: `http://127.0.0.1:${proxy.port}` },
      apiKey: TEST_KEY,
      secret,
      clock: Date.now,
    });
  const admin = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await fetch(serving.addresses.admin + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(await response.text());
  };
  const venue = await open(TEST_SECRET);
  return {
    venue,
    instrument: 'BTC/USDT',
    intervalMs: 1_000,
    withWrongSecret: () => open('another'),
    cutNextOrder: (what) => proxy.cutNext(what, 'POST /api/v3/order'),
    hide: (clientOrderId) => admin('POST', '/faults', { fault: 'hideFromLookups', clientOrderId, delayMs: HIDDEN_MS }),
    async show() {
      for (const order of paperVenue.orders.open('test', 'BTCUSDT')) paperVenue.hide(order, 0);
    },
    lastOrderOnWire() {
      const params = orders.at(-1);
      return {
        quantity: params?.get('quantity') ?? null,
        price: params?.get('price') ?? null,
        stopPrice: params?.get('stopPrice') ?? null,
      };
    },
    async close() {
      await venue.close();
      await proxy.close();
      await serving.close();
    },
  };
}

describe('adapter cards: binance, on the paper venue', () => {
  adapterCards(openBinance);
});
