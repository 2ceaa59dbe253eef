import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OrderRequest, StreamEvent, Venue, VenueFill } from '../../../activities/ports/venue.js';
import { decimal, text, ZERO, type DecimalText } from '../../../core/money/index.js';
import { floorToStep } from '../../../core/money/step.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import { eventually } from '../../support/eventually.js';

/** A venue as the cards need it: the adapter on it, and a hand on the wire between the two. */
export interface CardVenue {
  readonly venue: Venue;
  readonly instrument: string;
  /** Length of the bars that are asked for. */
  readonly intervalMs: number;
  /** Another adapter on the same account, with a secret that is not the account's. */
  withWrongSecret(): Promise<Venue>;
  /** Cuts the connection at the next order, or in place of the reply to it. */
  cutNextOrder(what: 'request' | 'reply'): void;
  /** Look-ups do not show this order, once it is placed, until `show`. */
  hide(clientOrderId: string): Promise<void>;
  show(): Promise<void>;
  /** What arrived as order requests: quantity, price and stop price as the venue read them. */
  lastOrderOnWire(): { readonly quantity: string | null; readonly price: string | null; readonly stopPrice: string | null };
  close(): Promise<void>;
}

const DEADLINE_MS = 2_500;
/** The coarsest clock of a venue tells whole seconds. */
const CLOCK_STEP_MS = 1_000;

/**
 * The cards that every adapter passes, the same list for all venues: A1–A4 and A32 reading, A10–A19 orders and their refusals,
 * A20–A23 recovery, A30–A31 what is told by itself.
 */
export function adapterCards(open: () => Promise<CardVenue>): void {
  let card: CardVenue;
  let venue: Venue;
  let rules: InstrumentRules;

  beforeAll(async () => {
    card = await open();
    venue = card.venue;
    const [found] = (await venue.reader.instruments()).filter((one) => one.instrument === card.instrument);
    if (found === undefined) throw new Error(`${card.instrument} is not listed`);
    rules = found;
  });
  afterAll(() => card?.close());

  /** An order on tick and step at `factor` times the last price, worth about `notional` in the quote asset. */
  async function order(side: 'buy' | 'sell', factor: string, more: Partial<OrderRequest> = {}, notional = '500'): Promise<OrderRequest> {
    const at = (ratio: string) => floorToStep(decimal(last).mul(decimal(ratio)), decimal(rules.tickSize));
    const last = await venue.reader.lastPrice(card.instrument);
    const { skewMs } = await venue.reader.clock();
    return {
      clientOrderId: randomBytes(16).toString('hex'),
      instrument: card.instrument,
      side,
      type: 'limit',
      postOnly: false,
      timeInForce: 'GTC',
      quantity: text(floorToStep(decimal(notional).div(at(factor)), decimal(rules.stepSize))),
      price: text(at(factor)),
      signedTimestamp: Date.now() + skewMs,
      receiveWindowMs: venue.profile.receiveWindowMs,
      ...more,
    };
  }
  const stopAt = async (factor: string): Promise<DecimalText> =>
    text(floorToStep(decimal(await venue.reader.lastPrice(card.instrument)).mul(decimal(factor)), decimal(rules.tickSize)));
  const submit = (request: OrderRequest) => venue.sender.submit(request, DEADLINE_MS);
  const lookUp = (request: OrderRequest) => venue.reader.lookUp(card.instrument, request.clientOrderId);
  const cancel = (request: OrderRequest) => venue.reader.cancel(card.instrument, request.clientOrderId);
  /** A time of the venue that was read since `before`; both run by the clock of this machine. */
  const isOfNow = (venueTime: number, before: number): void => {
    expect(venueTime).toBeGreaterThan(before - CLOCK_STEP_MS);
    expect(venueTime).toBeLessThanOrEqual(Date.now() + CLOCK_STEP_MS);
  };
  const total = (fills: readonly VenueFill[]): DecimalText => text(fills.reduce((sum, fill) => sum.add(decimal(fill.quantity)), ZERO));

  it('A1: the clock is read with its skew and its round trip', async () => {
    const before = Date.now();
    const { venueTime, skewMs, roundTripMs } = await venue.reader.clock();
    isOfNow(venueTime, before);
    expect(Math.abs(skewMs)).toBeLessThanOrEqual(CLOCK_STEP_MS + roundTripMs);
    expect(roundTripMs).toBeGreaterThanOrEqual(0);
  });

  it('A2: an instrument has a tick, a step and minimums, and trades', () => {
    expect(rules).toMatchObject({ instrument: card.instrument, trading: true });
    for (const step of [rules.tickSize, rules.stepSize, rules.maxQuantity]) expect(decimal(step).gt(0)).toBe(true);
    expect(card.instrument).toBe(`${rules.base}/${rules.quote}`);
  });

  it('A3: bars are closed ones only, one after the other', async () => {
    const { intervalMs } = card;
    const from = (Math.floor(Date.now() / intervalMs) - 5) * intervalMs;
    const bars = await venue.reader.bars(card.instrument, intervalMs, from, 10);
    const { venueTime } = await venue.reader.clock();
    expect(bars.length).toBeGreaterThanOrEqual(1);
    bars.forEach((bar, index) => {
      expect(bar).toMatchObject({ instrument: card.instrument, intervalMs, closeTime: bar.openTime + intervalMs - 1 });
      expect(bar.openTime).toBe((bars[0]?.openTime ?? 0) + index * intervalMs);
      expect(bar.closeTime).toBeLessThan(venueTime + 1_000);
    });
  });

  it('A32: best bid and ask lie around the last price, the bid below', async () => {
    const book = await venue.reader.book(card.instrument);
    const last = decimal(await venue.reader.lastPrice(card.instrument));
    if (book === undefined) throw new Error('one side of the book is empty');
    expect(decimal(book.bid).lt(decimal(book.ask))).toBe(true);
    for (const side of [book.bid, book.ask]) expect(decimal(side).div(last).minus(1).abs().lt('0.1')).toBe(true);
  });

  it('A4: balances go by our names of the assets, and what rests is locked', async () => {
    const resting = await order('buy', '0.9');
    expect(await submit(resting)).toMatchObject({ kind: 'accepted' });
    const quote = (await venue.reader.balances()).find(({ asset }) => asset === rules.quote);
    expect(decimal(quote?.locked ?? '0').gt(0)).toBe(true);
    expect(decimal(quote?.free ?? '0').gt(0)).toBe(true);
    expect(await cancel(resting)).toBe('canceled');
  });

  it('A10: an immediate order fills, and look-up and fills tell the same', async () => {
    const request = await order('buy', '1.02', { timeInForce: 'IOC' }, '2000');
    const verdict = await submit(request);
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict));
    expect(verdict.order).toMatchObject({ clientOrderId: request.clientOrderId, quantity: request.quantity });
    const found = await lookUp(request);
    if (found.kind !== 'found') throw new Error('the order was lost');
    expect(found.order).toMatchObject({
      venueOrderId: verdict.order.venueOrderId,
      clientOrderId: request.clientOrderId,
      instrument: card.instrument,
      side: 'buy',
      status: 'filled',
      quantity: request.quantity,
      executedQuantity: request.quantity,
    });
    const fills = await venue.reader.fillsOfOrder(card.instrument, found.order.venueOrderId);
    expect(total(fills)).toBe(request.quantity);
    const all = await venue.reader.fills(card.instrument, request.signedTimestamp - 2_000);
    const essence = (fill: VenueFill) => ({ ...fill, clientOrderId: undefined });
    expect(all.filter((fill) => fill.venueOrderId === found.order.venueOrderId).map(essence)).toEqual(fills.map(essence));
  });

  it('A11: an immediate order that nothing answers ends without a fill', async () => {
    const request = await order('buy', '0.9', { timeInForce: 'IOC' });
    expect(await submit(request)).toMatchObject({ kind: 'accepted', fills: [] });
    const found = await lookUp(request);
    expect(found).toMatchObject({ kind: 'found', order: { executedQuantity: '0' } });
    expect(found.kind === 'found' && ['canceled', 'expired'].includes(found.order.status)).toBe(true);
  });

  it('A12: a resting order is open until it is canceled by its client id; a second cancel does not find it', async () => {
    const request = await order('buy', '0.9');
    expect(await submit(request)).toMatchObject({ kind: 'accepted', order: { status: 'accepted', executedQuantity: '0' } });
    const open = await venue.reader.openOrders(card.instrument);
    expect(open.map((one) => one.clientOrderId)).toEqual([request.clientOrderId]);
    expect(open[0]).toMatchObject({ price: request.price, quantity: request.quantity, isTriggered: true });
    expect(await cancel(request)).toBe('canceled');
    expect(await lookUp(request)).toMatchObject({ kind: 'found', order: { status: 'canceled' } });
    expect(await cancel(request)).toBe('unknownOrder');
    expect(await venue.reader.openOrders()).toEqual([]);
  });

  it('A13: a post-only order rests, or is refused with its reason', async () => {
    const resting = await order('buy', '0.99', { postOnly: true });
    expect(await submit(resting)).toMatchObject({ kind: 'accepted', order: { status: 'accepted' } });
    expect(await cancel(resting)).toBe('canceled');
    const crossing = await order('buy', '1.02', { postOnly: true });
    expect(await submit(crossing)).toMatchObject({
      kind: 'rejected',
      reason: 'postOnlyWouldTake',
      failure: { code: 'VENUE_REJECTED', values: { detail: expect.any(String) as string } },
    });
    expect(await lookUp(crossing)).toMatchObject({ kind: 'absent' });
  });

  it('A14: a stop with a limit rests untriggered until it is canceled', async () => {
    const stop = await order('sell', '0.94', { type: 'stopLimit', stopPrice: await stopAt('0.95') });
    expect(await submit(stop)).toMatchObject({ kind: 'accepted', order: { status: 'accepted', isTriggered: false } });
    expect(await lookUp(stop)).toMatchObject({ kind: 'found', order: { isTriggered: false, side: 'sell', price: stop.price } });
    expect(await venue.reader.openOrders(card.instrument)).toMatchObject([
      { clientOrderId: stop.clientOrderId, isTriggered: false, stopPrice: stop.stopPrice },
    ]);
    expect(await cancel(stop)).toBe('canceled');
    expect(await lookUp(stop)).toMatchObject({ kind: 'found', order: { status: 'canceled', executedQuantity: '0' } });
  });

  it('A15: a stop at the market rests where the instrument has one, and is refused where it has none', async () => {
    const stop = await order('sell', '0.9', { type: 'stopMarket', stopPrice: await stopAt('0.95') });
    const verdict = await submit(stop);
    expect(verdict.kind).toBe(rules.marketStop ? 'accepted' : 'rejected');
    if (verdict.kind !== 'accepted') return;
    expect(await lookUp(stop)).toMatchObject({ kind: 'found', order: { isTriggered: false } });
    expect(await cancel(stop)).toBe('canceled');
  });

  it('A16: quantity, price and stop price arrive as the same text', async () => {
    const quantity = text(floorToStep(decimal('0.01234567'), decimal(rules.stepSize)));
    const stop = await order('sell', '0.94', { type: 'stopLimit', stopPrice: await stopAt('0.95'), quantity });
    expect(await submit(stop)).toMatchObject({ kind: 'accepted' });
    expect(card.lastOrderOnWire()).toEqual({ quantity, price: stop.price, stopPrice: stop.stopPrice });
    expect(await lookUp(stop)).toMatchObject({ kind: 'found', order: { quantity, price: stop.price } });
    expect(await cancel(stop)).toBe('canceled');
  });

  it('A17: a second order with the id of an open one is told as one that exists', async () => {
    const request = await order('buy', '0.9');
    expect(await submit(request)).toMatchObject({ kind: 'accepted' });
    expect(await submit({ ...request, signedTimestamp: request.signedTimestamp + 1 })).toMatchObject({ kind: 'alreadyExists' });
    expect(await venue.reader.openOrders(card.instrument)).toHaveLength(1);
    expect(await cancel(request)).toBe('canceled');
  });

  it('A18: what the account cannot pay, and what is off the step, is refused as that', async () => {
    const dear = await order('buy', '0.99', {}, '200000');
    expect(await submit(dear)).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_INSUFFICIENT_FUNDS' } });
    const offStep = await order('buy', '0.9');
    const uneven = { ...offStep, quantity: `${offStep.quantity}${offStep.quantity.includes('.') ? '' : '.'}000000000001` as DecimalText };
    expect(await submit(uneven)).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_REJECTED' } });
    expect(await lookUp(dear)).toMatchObject({ kind: 'absent' });
  });

  it('A19: a wrong secret is a refused key, for orders and for reads', async () => {
    const stranger = await card.withWrongSecret();
    expect(await stranger.sender.submit(await order('buy', '0.9'), DEADLINE_MS)).toMatchObject({
      kind: 'rejected',
      failure: { code: 'VENUE_AUTH' },
    });
    await expect(stranger.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_AUTH' } });
    await stranger.close();
  });

  it('A20: an order whose reply is lost is unknown, is there once, and is found with its fills', async () => {
    const request = await order('buy', '1.02', { timeInForce: 'IOC' });
    card.cutNextOrder('reply');
    expect(await submit(request)).toMatchObject({ kind: 'unknown', failure: { code: 'VENUE_OUTCOME_UNKNOWN' } });
    const found = await lookUp(request);
    if (found.kind !== 'found') throw new Error('the order was lost');
    expect(found.order).toMatchObject({ status: 'filled', executedQuantity: request.quantity });
    expect(found.order.createdTime).toBeGreaterThanOrEqual(request.signedTimestamp - 1_000);
    const fills = await venue.reader.fillsOfOrder(card.instrument, found.order.venueOrderId);
    expect(total(fills)).toBe(request.quantity);
    const all = await venue.reader.fills(card.instrument, request.signedTimestamp - 2_000);
    expect(new Set(all.map((fill) => fill.venueOrderId)).has(found.order.venueOrderId)).toBe(true);
  });

  it('A21: an order that never arrived is unknown, and absent with the clock of the venue', async () => {
    const request = await order('buy', '0.9');
    card.cutNextOrder('request');
    expect(await submit(request)).toMatchObject({ kind: 'unknown' });
    const before = Date.now();
    const seen = await lookUp(request);
    expect(seen.kind).toBe('absent');
    isOfNow(seen.venueTime, before);
    expect(await venue.reader.openOrders()).toEqual([]);
  });

  it('A22: an order that arrives after its window is not admitted, ever', async () => {
    const request = await order('buy', '1.02');
    const { receiveWindowMs } = request;
    const verdict = await submit({ ...request, signedTimestamp: request.signedTimestamp - receiveWindowMs - 1_500 });
    expect(['rejected', 'unknown']).toContain(verdict.kind);
    expect(await lookUp(request)).toMatchObject({ kind: 'absent' });
    expect(await venue.reader.openOrders()).toEqual([]);
  });

  it('A23: an order that look-ups show late is absent with the clock of the venue, and is found when it shows', async () => {
    const request = await order('buy', '0.9');
    await card.hide(request.clientOrderId);
    expect(await submit(request)).toMatchObject({ kind: 'accepted' });
    const before = Date.now();
    const seen = await lookUp(request);
    expect(seen.kind).toBe('absent');
    // By this clock whoever resolves tells whether the absence proves anything.
    isOfNow(seen.venueTime, before);
    await card.show();
    await eventually(async () => expect(await lookUp(request)).toMatchObject({ kind: 'found', order: { status: 'accepted' } }));
    expect(await cancel(request)).toBe('canceled');
  });

  it('A30: an order that rests and is canceled is told, after a request to catch up', async () => {
    const events: StreamEvent[] = [];
    const stop = new AbortController();
    const watching = venue.streams.watchAccount((event) => void events.push(event), stop.signal);
    await eventually(() => expect(events).toMatchObject([{ kind: 'gap' }]));
    const request = await order('buy', '0.9');
    const told = () =>
      events.flatMap((event) =>
        event.kind === 'order' && event.order.clientOrderId === request.clientOrderId ? [event.order.status] : [],
      );
    expect(await submit(request)).toMatchObject({ kind: 'accepted' });
    await eventually(() => expect(told()).toEqual(['accepted']));
    expect(await cancel(request)).toBe('canceled');
    await eventually(() => expect(told()).toEqual(['accepted', 'canceled']));
    stop.abort();
    await watching;
  });

  it('A31: an order of an instrument that is not listed, or with an id that is not allowed, never leaves', async () => {
    const request = await order('buy', '0.9');
    const before = card.lastOrderOnWire();
    expect(await submit({ ...request, instrument: 'NONE/NOTHING' })).toMatchObject({ kind: 'rejected' });
    expect(await submit({ ...request, clientOrderId: 'not allowed!' })).toMatchObject({ kind: 'rejected' });
    expect(card.lastOrderOnWire()).toEqual(before);
    await expect(venue.reader.lastPrice('NONE/NOTHING')).rejects.toMatchObject({ failure: { code: 'RISK_INSTRUMENT_UNKNOWN' } });
  });
}
