import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TEST_KEY, TEST_SECRET, testVenue } from '../testing/open-venue.js';
import type { Venue } from '../venue.js';
import { Dispatch } from './dispatch.js';
import { ROUTES } from './routes.js';
import { Weights } from './weights.js';

const NOW = 1_800_000_000_000;
const CASES = 10_000;

const wild = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    'NaN',
    'Infinity',
    '9'.repeat(20),
    '9'.repeat(400),
    '0.000000001',
    '%',
    '%00',
    '[]',
    '{"a":1}',
    'null',
    '__proto__',
    'Ω',
  ),
);
const likely = {
  symbol: fc.constantFrom('BTCUSDT', 'BNBUSDT', 'XYZUSDT'),
  side: fc.constantFrom('BUY', 'SELL'),
  type: fc.constantFrom('LIMIT', 'MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'),
  timeInForce: fc.constantFrom('GTC', 'IOC', 'FOK'),
  quantity: fc.constantFrom('0.001', '0.01', '0.1', '1', '100', '0.0000001'),
  quoteOrderQty: fc.constantFrom('10', '1000', '0.1'),
  price: fc.constantFrom('50000', '49990.5', '50011', '40000', '1'),
  stopPrice: fc.constantFrom('49000', '51000', '50000'),
  stopLimitPrice: fc.constantFrom('48000', '52000'),
  newClientOrderId: fc.constantFrom('a', 'b', 'c', 'd'),
  origClientOrderId: fc.constantFrom('a', 'b', 'c', 'zz'),
  orderId: fc.constantFrom('1', '2', '3', '999999999'),
  newOrderRespType: fc.constantFrom('ACK', 'RESULT', 'FULL'),
  cancelReplaceMode: fc.constantFrom('STOP_ON_FAILURE', 'ALLOW_FAILURE'),
  cancelOrderId: fc.constantFrom('1', '2', '3'),
  aboveType: fc.constantFrom('LIMIT_MAKER', 'STOP_LOSS'),
  belowType: fc.constantFrom('LIMIT_MAKER', 'STOP_LOSS_LIMIT'),
  limit: fc.constantFrom('1', '5'),
  recvWindow: fc.constantFrom('5000', '60000'),
};
const call = fc.constantFrom(
  ...Object.keys(ROUTES).filter((name) => name.includes('rder')),
  'POST /api/v3/order',
  'POST /api/v3/order',
  'POST /api/v3/order',
);
const params = fc.record(
  Object.fromEntries(
    Object.entries(likely).map(([name, value]) => [name, fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: wild })]),
  ),
  { requiredKeys: ['symbol', 'side', 'type', 'quantity'] },
);

/** What an order of the type takes: without this nearly every case would be refused for a field too many. */
function fitting(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const type = String(fields['type']);
  const wanted = ['symbol', 'side', 'type', 'quantity', 'newClientOrderId', 'newOrderRespType'];
  if (!['MARKET', 'STOP_LOSS', 'TAKE_PROFIT'].includes(type)) wanted.push('price');
  if (type === 'LIMIT' || type.endsWith('_LIMIT')) wanted.push('timeInForce');
  if (type.startsWith('STOP') || type.startsWith('TAKE')) wanted.push('stopPrice');
  return Object.fromEntries(Object.entries(fields).filter(([name]) => wanted.includes(name)));
}

function conserved(venue: Venue): void {
  for (const asset of ['BTC', 'USDT', 'BNB']) {
    const everyone = ['test', 'other', '$market', '$fees'].map((name) => venue.ledger.balance(name, asset));
    expect(everyone.reduce((sum, { free, locked }) => sum + free + locked, 0n)).toBe(0n);
    expect(everyone.slice(0, 2).every(({ free, locked }) => free >= 0n && locked >= 0n)).toBe(true);
  }
}

test(`${CASES} calls with anything in them never yield a 500 and never break the balances`, () => {
  const venue = testVenue({ now: () => NOW });
  const dispatch = new Dispatch(venue, ROUTES, new Weights(venue.rateLimits));
  const statuses = new Map<number, number>();
  let cases = 0;
  fc.assert(
    fc.property(call, params, fc.boolean(), fc.boolean(), (name, given, encoded, isFitting) => {
      const fields = isFitting && name === 'POST /api/v3/order' ? fitting(given) : given;
      const [method, path] = name.split(' ') as [string, string];
      const pairs = Object.entries({ ...fields, timestamp: String(NOW) });
      const payload = pairs.map(([key, value]) => `${key}=${encoded ? encodeURIComponent(String(value)) : String(value)}`).join('&');
      const signed = `${payload}&signature=${createHmac('sha256', TEST_SECRET).update(payload).digest('hex')}`;
      const { status, body } = dispatch.answer({
        method,
        path,
        query: method === 'GET' ? signed : '',
        body: method === 'GET' ? '' : signed,
        apiKey: TEST_KEY,
        address: 'fuzz',
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(status).toBeLessThan(500);
      expect(() => JSON.parse(body) as unknown).not.toThrow();
      cases += 1;
      if (cases % 100 === 0) conserved(venue);
    }),
    { numRuns: CASES },
  );
  conserved(venue);
  // The run has reached the matching, not only the doorstep.
  expect(statuses.get(200)).toBeGreaterThan(CASES / 50);
  expect(venue.orders.fills('test', 'BTCUSDT').length).toBeGreaterThan(10);
});
