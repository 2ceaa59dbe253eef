import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import type { DecimalText } from '../../core/money/index.js';
import { Closure } from '../../core/venue/weight.js';
import { eventually } from '../../test/support/eventually.js';
import { filledReply, scriptedVenue, symbol, type ScriptedVenue } from '../../test/support/scripted-venue.js';
import { createVenue } from './create-venue.js';
import { OrderLines } from './order-lines.js';
import { BINANCE } from './profiles/binance.js';

const ACCOUNTS = 12;
const MOST_CONNECTIONS = 6;
const EVERY_MS = 600;
let wire: ScriptedVenue;
let lines: OrderLines;
let venues: Venue[];

beforeEach(async () => {
  wire = await scriptedVenue([symbol('BTC', 'USDT', '0.01000000', '0.00001000')]);
  lines = new OrderLines(BINANCE, { everyMs: EVERY_MS });
  venues = [];
});
afterEach(async () => {
  for (const venue of venues) await venue.close();
  await wire.close();
});

const open = async (account: string, closure = new Closure()): Promise<Venue> => {
  const venue = await eventually(() =>
    createVenue({ profile: BINANCE, urls: wire.urls, apiKey: account, secret: 'secret', clock: Date.now, account, lines, closure }),
  );
  venues.push(venue);
  return venue;
};
/** Of the readings that come from now on. */
const readings = async (count: number) => {
  wire.arrived.length = 0;
  return eventually(() => {
    const read = wire.arrived.filter(({ path }) => path.endsWith('/time'));
    expect(read.length).toBeGreaterThanOrEqual(count);
    return read;
  });
};
const ORDER = {
  instrument: 'BTC/USDT',
  side: 'buy',
  type: 'limit',
  timeInForce: 'GTC',
  postOnly: false,
  quantity: '0.001' as DecimalText,
  price: '40000' as DecimalText,
  receiveWindowMs: 2_000,
} as const;
const send = (venue: Venue, clientOrderId: string) => venue.sender.submit({ ...ORDER, clientOrderId, signedTimestamp: Date.now() }, 5_000);

it('however many accounts there are, a few connections are kept open by one reading after another, which all accounts know', async () => {
  for (let count = 0; count < ACCOUNTS; count += 1) await open(`a${count}`);
  const startedTime = performance.now();
  const read = await readings(3 * MOST_CONNECTIONS);
  // One each hundred ms, and not one each 25 as if each account had two of its own. Slower is no mistake on a busy machine.
  const perMs = (read.length - 1) / (performance.now() - startedTime);
  expect(perMs).toBeLessThan((1.2 * MOST_CONNECTIONS) / EVERY_MS);
  // One more where somebody asked while all were in use.
  const used = new Set(read.map(({ connection }) => connection)).size;
  expect([used >= MOST_CONNECTIONS, used <= MOST_CONNECTIONS + 2]).toEqual([true, true]);
  const [first, ...others] = venues.map((venue) => venue.lastClock());
  for (const one of others) expect(one).toBe(first);
});

it('an order of any account takes one of them', async () => {
  wire.acts.set('POST /api/v3/order', (arrived) => filledReply(arrived));
  for (let count = 0; count < 3; count += 1) await open(`a${count}`);
  await readings(4);
  const before = wire.connections();
  for (const [index, venue] of venues.entries()) expect(await send(venue, `kel-${index}`)).toMatchObject({ kind: 'accepted' });
  expect(wire.connections()).toBe(before);
});

it('the account that reads the clock may close, or be locked out: the others go on, and what is closed sends nothing', async () => {
  const closure = new Closure();
  const [one, two] = [await open('one', closure), await open('two')];
  const goesOn = async (): Promise<void> => {
    const before = two.lastClock();
    await readings(3);
    await eventually(() => expect(two.lastClock()).not.toBe(before));
  };
  closure.block(60_000, Date.now());
  await expect(one.reader.clock()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
  await goesOn();
  await one.close();
  await goesOn();
  const sent = wire.posts().length;
  expect(await send(one, 'kel-closed')).toMatchObject({ kind: 'rejected' });
  expect(wire.posts()).toHaveLength(sent);
  // And all that had closed may open again.
  await two.close();
  const again = await open('again');
  await readings(3);
  expect(again.lastClock().roundTripMs).toBeGreaterThanOrEqual(0);
});
