import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OrderRequest, Venue } from '../../activities/ports/venue.js';
import { decimalTextOf } from '../../core/money/index.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../test/support/kraken-stub/server.js';
import { createVenue } from './create-venue.js';
import { KRAKEN } from './profiles/kraken.js';

const INSTRUMENT = 'BTC/USD';
let stub: KrakenStub;
let venue: Venue;
let refused: string[];

beforeEach(async () => {
  stub = await krakenStub();
  refused = [];
  venue = await createVenue({
    ...{ name: 'desk', urls: stub.urls, apiKey: STUB_KEY, secret: STUB_SECRET, clock: Date.now, account: 'main' },
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, refusedAgainMs: 1 },
  });
});
afterEach(async () => {
  await venue.close();
  await stub.close();
});

/** As much is given back as one process needs, and another one takes every other call of it. */
const takenInTurn = (): void => {
  let isTurn = false;
  stub.isFull = (call) => {
    isTurn = !isTurn;
    if (isTurn) refused.push(call);
    return isTurn;
  };
};
const order = (): OrderRequest => ({
  ...{ clientOrderId: randomBytes(16).toString('hex'), instrument: INSTRUMENT, side: 'buy', type: 'limit' },
  ...{ postOnly: false, timeInForce: 'IOC', quantity: decimalTextOf('0.01'), price: decimalTextOf('50100') },
  ...{ signedTimestamp: Date.now(), receiveWindowMs: 2_000 },
});

describe('a counter of the key that another process fills as fast as it empties', () => {
  it('P11, P16: a look-up of several reads, and its fills, come to their end; each read that was refused is asked for again in its place', async () => {
    const request = order();
    await venue.sender.submit(request, 2_000);
    takenInTurn();
    const seen = await venue.reader.lookUp(INSTRUMENT, request.clientOrderId);
    if (seen.kind === 'absent') throw new Error('it was filled');
    expect(await venue.reader.fillsOfOrder(INSTRUMENT, seen.order.venueOrderId)).toHaveLength(1);
    expect(refused).toEqual(['OpenOrders', 'ClosedOrders', 'QueryOrders', 'QueryTrades']);
  });

  it('P17: a cancel as well', async () => {
    const request = { ...order(), timeInForce: 'GTC', price: decimalTextOf('40000') } as const;
    await venue.sender.submit(request, 2_000);
    takenInTurn();
    expect(await venue.reader.cancel(INSTRUMENT, request.clientOrderId)).toBe('canceled');
    expect(refused).toEqual(['CancelOrder']);
  });

  it('P8: an order that it refuses is sent once, and is proven not placed', async () => {
    takenInTurn();
    expect(await venue.sender.submit(order(), 2_000)).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(stub.arrived.filter(({ call }) => call === 'AddOrder')).toHaveLength(1);
    expect(stub.account.orders).toEqual([]);
  });

  it('one that stays full is told after some tries, and who is sent away asks no more', async () => {
    stub.isFull = () => true;
    const asked = () => stub.arrived.filter(({ call }) => call === 'BalanceEx').length;
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(asked()).toBe(4);
    stub.isFull = () => false;
    stub.answerNext('BalanceEx', { error: ['EGeneral:Temporary lockout'] });
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(asked()).toBe(5);
  });
});
