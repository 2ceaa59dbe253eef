import ccxt, { type binance } from 'ccxt';
import type { Addresses } from '../../../exchange/serve.js';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';

/** Puts the venue's address into every URL of an unmodified ccxt client, so that no call can leave the machine. */
export async function ccxtClient(
  addresses: Addresses,
  keys: { apiKey: string; secret: string } = { apiKey: TEST_KEY, secret: TEST_SECRET },
): Promise<binance> {
  const client = new ccxt.pro.binance({
    ...keys,
    enableRateLimit: false,
    options: { defaultType: 'spot', fetchMarkets: { types: ['spot'] }, fetchCurrencies: false, fetchMargins: false },
  });
  const urls = client.urls as { api: Record<string, unknown> };
  urls.api = replaced(urls.api, addresses) as Record<string, unknown>;
  await client.loadHttpProxyAgent();
  return client;
}

function replaced(value: unknown, addresses: Addresses): unknown {
  if (typeof value === 'string') {
    const { pathname, protocol } = new URL(value);
    if (!protocol.startsWith('ws')) return addresses.rest + pathname;
    return pathname.startsWith('/ws-api') ? addresses.wsApi : addresses.stream;
  }
  return Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, replaced(inner, addresses)]));
}
