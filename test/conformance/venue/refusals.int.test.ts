import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { balancesOf, TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { openPaperVenue, type PaperVenue } from './open-paper-venue.js';

let paper: PaperVenue;

beforeAll(async () => {
  paper = await openPaperVenue();
  const reader = { name: 'reader', key: 'reader-key', secret: 'reader-secret', permissions: ['read'], feeAsset: 'received' } as const;
  paper.venue.openAccount(reader, balancesOf({ USDT: '100' }));
});

afterAll(() => paper.close());

interface Raw {
  readonly method?: string;
  readonly path?: string;
  readonly params?: string;
  readonly key?: string;
  readonly secret?: string;
  readonly timestamp?: number;
  readonly signature?: string;
}

const ORDER = 'symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=40000';

/** A signed call, as `status code`. */
async function refusal(raw: Raw): Promise<string> {
  const { method = 'POST', path = '/api/v3/order', params = ORDER, key = TEST_KEY, secret = TEST_SECRET } = raw;
  const payload = `${params}&timestamp=${raw.timestamp ?? Date.now()}`;
  const signature = raw.signature ?? createHmac('sha256', secret).update(payload).digest('hex');
  const query = `${payload}&signature=${signature}`;
  const url = paper.serving.addresses.rest + path;
  const init = { method, headers: key === '' ? {} : { 'x-mbx-apikey': key } };
  const response = await (method === 'GET' ? fetch(`${url}?${query}`, init) : fetch(url, { ...init, body: query }));
  const body = (await response.json()) as { code?: number };
  return `${response.status} ${body.code ?? 'accepted'}`;
}

test.each<[string, string, Raw]>([
  ['V50 no key', '401 -2014', { key: '' }],
  ['V51 an unknown key', '401 -2015', { key: 'nobody' }],
  ['V52 a key that may not trade', '401 -2015', { key: 'reader-key', secret: 'reader-secret' }],
  [
    'V53 a key that may read reads',
    '200 accepted',
    { key: 'reader-key', secret: 'reader-secret', method: 'GET', path: '/api/v3/account', params: 'omitZeroBalances=true' },
  ],
  ['V54 a wrong signature', '400 -1022', { secret: 'wrong' }],
  ['V55 a signature that is no hex', '400 -1022', { signature: 'zz' }],
  ['V56 too late', '400 -1021', { timestamp: Date.now() - 60_000 }],
  ['V57 too early', '400 -1021', { timestamp: Date.now() + 60_000 }],
  ['V58 a window beyond a minute', '400 -1131', { params: `${ORDER}&recvWindow=60001` }],
  ['V59 no symbol', '400 -1102', { params: 'side=BUY&type=MARKET&quantity=1' }],
  ['V60 an unknown symbol', '400 -1121', { params: ORDER.replace('BTCUSDT', 'XYZUSDT') }],
  ['V61 a symbol with signs', '400 -1100', { params: ORDER.replace('BTCUSDT', 'BTC%2FUSDT') }],
  ['V62 a side that is none', '400 -1117', { params: ORDER.replace('BUY', 'HOLD') }],
  ['V63 a type that is none', '400 -1116', { params: ORDER.replace('LIMIT', 'WISH') }],
  ['V64 a time in force that is none', '400 -1115', { params: ORDER.replace('GTC', 'GTX') }],
  ['V65 a limit order without price', '400 -1102', { params: ORDER.replace('&price=40000', '') }],
  ['V66 a market order with a price', '400 -1106', { params: 'symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&price=1' }],
  ['V67 an empty parameter', '400 -1105', { params: ORDER.replace('40000', '') }],
  ['V68 a parameter twice', '400 -1101', { params: `${ORDER}&price=1` }],
  ['V69 a quantity that is no number', '400 -1100', { params: ORDER.replace('0.01', '1e-2') }],
  ['V70 too many decimals', '400 -1111', { params: ORDER.replace('0.01', '0.010000001') }],
  ['V71 a quantity of nothing', '400 -1013', { params: ORDER.replace('0.01', '0') }],
  ['V72 a client order id with signs', '400 -1100', { params: `${ORDER}&newClientOrderId=a%20b` }],
  ['V73 more than there is', '400 -2010', { params: ORDER.replace('0.01', '100') }],
  ['V74 a cancel of nothing', '400 -2011', { method: 'DELETE', params: 'symbol=BTCUSDT&orderId=99' }],
  ['V75 a look-up of nothing', '400 -2013', { method: 'GET', params: 'symbol=BTCUSDT&origClientOrderId=none' }],
  ['V76 a call that is none', '404 -1000', { path: '/api/v3/nothing' }],
])('%s: %s', async (_, expected, raw) => {
  expect(await refusal(raw)).toBe(expected);
});

test('V77 a window of weight: headers, then 429 with Retry-After, then 418', async () => {
  const small = await openPaperVenue({ rateLimits: { weightPerMinute: 100, ordersPer10Seconds: 1000 } });
  const statuses = new Set<number>();
  let last: Response | undefined;
  for (let call = 0; call < 130; call += 1) {
    last = await fetch(`${small.serving.addresses.rest}/api/v3/ping`);
    await last.text();
    statuses.add(last.status);
    if (last.status === 200) expect(last.headers.get('x-mbx-used-weight-1m')).toMatch(/^\d+$/);
    if (last.status === 418) break;
  }
  expect([...statuses]).toEqual([200, 429, 418]);
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  await small.close();
});

test('V78 orders of ten seconds are counted by account', async () => {
  const small = await openPaperVenue({ rateLimits: { weightPerMinute: 10_000, ordersPer10Seconds: 2 } });
  const { DDoSProtection } = await import('ccxt');
  const order = (): Promise<unknown> => small.client.createOrder('BTC/USDT', 'limit', 'buy', 0.01, 40_000);
  await expect(Promise.all([order(), order(), order(), order(), order()])).rejects.toThrow(DDoSProtection);
  await small.close();
});
