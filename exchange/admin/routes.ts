import { createPublicKey } from 'node:crypto';
import { plainText, wireText } from '../amount/units.js';
import { FEES, MARKET_MAKER } from '../accounts/ledger.js';
import { PERMISSIONS, USUAL_PERMISSIONS } from '../accounts/accounts.js';
import type { InstrumentBook } from '../book/instrument-book.js';
import type { PriceOrigin } from '../market/instrument.js';
import { isOpen, leavesQuantity, type Order } from '../matching/order.js';
import { orderRequestOf } from '../rest/order-request.js';
import { Params } from '../rest/params.js';
import { orderJson } from '../rest/render.js';
import type { Streams } from '../streams/upgrade.js';
import type { Venue } from '../venue.js';
import { BodyError, type Body } from './body.js';
import { faultRuleOf } from './fault-body.js';

export interface AdminCall {
  readonly venue: Venue;
  readonly streams: Streams;
  readonly body: Body;
  /** What stands in the path where the route has `:`. */
  readonly name: string;
}

export type AdminRoute = (call: AdminCall) => unknown;

/** What a person or a test can see and do; none of it is on the trading port. */
export const ADMIN_ROUTES: Readonly<Record<string, AdminRoute>> = {
  'GET /instruments': ({ venue }) => instrumentList(venue),
  'POST /instruments/:/halt': (call) => halt(call, true),
  'POST /instruments/:/resume': (call) => halt(call, false),
  'POST /instruments/:/price': movePrice,
  'GET /accounts': ({ venue }) => accountList(venue),
  'POST /accounts': openAccount,
  'POST /balances': moveBalance,
  'POST /orders': placeByHand,
  'POST /orders/:/cancel': cancelByHand,
  'POST /orders/:/fill': fillByHand,
  'GET /clock': ({ venue }) => ({ now: venue.now(), shiftMs: venue.clockShiftMs }),
  'POST /clock': shiftClock,
  'POST /streams/drop': dropStreams,
  'POST /streams/silence': silenceStreams,
  'GET /faults': ({ venue }) => venue.faults.list(),
  'POST /faults': (call) => call.venue.faults.add(faultRuleOf(call.body, call.venue.now())),
  'DELETE /faults': ({ venue }) => venue.faults.clear() ?? {},
  'DELETE /faults/:': ({ venue, name }) => ({ removed: venue.faults.remove(Number(name)) }),
};

/** An instrument as the admin port and the listening line show it. */
export interface InstrumentStatus {
  readonly instrument: string;
  readonly symbol: string;
  readonly prices: PriceOrigin;
  /** File or generator. */
  readonly source: string;
  readonly intervalMs: number;
  readonly lastPrice: string;
  readonly halted: boolean;
}

/** Every instrument with what its prices are: recorded or simulated. */
export function instrumentList(venue: Venue): InstrumentStatus[] {
  return [...venue.books.values()].map(({ instrument, lastPrice, isClosed: halted }) => ({
    instrument: instrument.name,
    symbol: instrument.symbol,
    prices: instrument.origin,
    source: instrument.source,
    intervalMs: venue.intervalMs,
    lastPrice: wireText(lastPrice),
    halted,
  }));
}

function accountList(venue: Venue): unknown {
  return [...venue.accounts.all().map(({ name }) => name), MARKET_MAKER, FEES].map((name) => ({
    name,
    balances: [...venue.ledger.balances(name)].map(([asset, { free, locked }]) => ({
      asset,
      free: wireText(free),
      locked: wireText(locked),
    })),
  }));
}

function bookNamed(venue: Venue, name: string): InstrumentBook {
  const book = venue.books.get(name);
  if (book === undefined) throw new BodyError(`no instrument ${name.slice(0, 40)}`);
  return book;
}

function accountNamed(venue: Venue, name: string): string {
  if (venue.accounts.byName(name) === undefined) throw new BodyError(`no account ${name.slice(0, 40)}`);
  return name;
}

function openOrder(venue: Venue, name: string): Order {
  const order = venue.orders.any(Number(name));
  if (order === undefined || !isOpen(order)) throw new BodyError(`no open order ${name.slice(0, 40)}`);
  return order;
}

function movePrice({ venue, name, body }: AdminCall): unknown {
  const { tick, step } = bookNamed(venue, name).instrument;
  const price = body.amount('price');
  const volume = body.text('volume') === undefined ? step : body.amount('volume');
  body.done();
  if (price <= 0n || price % tick !== 0n) throw new BodyError(`price: must be a multiple of ${wireText(tick)} above 0`);
  if (volume < 0n || volume % step !== 0n) throw new BodyError(`volume: must be a multiple of ${wireText(step)}`);
  venue.movePrice(name, price, volume);
  return { symbol: name, price: wireText(price) };
}

function halt({ venue, name }: AdminCall, halted: boolean): unknown {
  const book = bookNamed(venue, name);
  book.halted = halted;
  venue.noteAction(halted ? 'halt' : 'resume', { symbol: name });
  return { symbol: name, halted };
}

function openAccount({ venue, body }: AdminCall): unknown {
  const account = {
    name: body.requiredText('name'),
    key: body.requiredText('key'),
    secret: body.requiredText('secret'),
    permissions: PERMISSIONS.filter((permission) => (body.texts('permissions') ?? USUAL_PERMISSIONS).includes(permission)),
    feeAsset: body.text('feeAsset') ?? 'received',
  };
  const balances = body.amounts('balances');
  body.done();
  checkSecret(account.secret);
  venue.openAccount(account, balances);
  return { name: account.name };
}

/** A secret, or a public key that can be read. */
function checkSecret(secret: string): void {
  if (!secret.startsWith('-----BEGIN')) return;
  try {
    createPublicKey(secret);
  } catch {
    throw new BodyError('secret: looks like a key in PEM, but is no public key');
  }
}

function moveBalance({ venue, body }: AdminCall): unknown {
  const account = body.requiredText('account');
  const asset = body.requiredText('asset');
  const amount = body.amount('amount');
  body.done();
  const { free } = venue.ledger.balance(accountNamed(venue, account), asset);
  if (free + amount < 0n) throw new BodyError(`${account} has only ${plainText(free)} ${asset} free`);
  venue.moveBalance(account, asset, amount);
  return { account, asset, free: wireText(free + amount) };
}

function placeByHand({ venue, body }: AdminCall): unknown {
  const account = body.requiredText('account');
  const params = new Params(body.wireParams('account'));
  body.done();
  const request = orderRequestOf(venue, params);
  const { symbol, clientOrderId } = request;
  const event = { type: 'action', action: 'place', details: { account, symbol, clientOrderId } } as const;
  return orderJson(venue.engine.place(accountNamed(venue, account), request, venue.now(), undefined, event));
}

function cancelByHand({ venue, name }: AdminCall): unknown {
  const order = openOrder(venue, name);
  venue.engine.cancel(order, undefined, venue.now(), { type: 'action', action: 'cancel', details: { orderId: order.orderId } });
  return orderJson(order);
}

function fillByHand({ venue, body, name }: AdminCall): unknown {
  const order = openOrder(venue, name);
  const quantity = body.text('quantity') === undefined ? leavesQuantity(order) : body.amount('quantity');
  body.done();
  const { step } = bookNamed(venue, order.symbol).instrument;
  if (quantity <= 0n || quantity > leavesQuantity(order) || quantity % step !== 0n) {
    throw new BodyError(`quantity: more than 0, at most ${plainText(leavesQuantity(order))}, a multiple of ${plainText(step)}`);
  }
  const details = { orderId: order.orderId, quantity: plainText(quantity) };
  venue.engine.fillByHand(order, quantity, venue.now(), { type: 'action', action: 'fill', details });
  return orderJson(order);
}

function shiftClock({ venue, body }: AdminCall): unknown {
  const shiftMs = body.number('shiftMs', 0, -86_400_000, 86_400_000);
  body.done();
  venue.clockShiftMs = Math.round(shiftMs);
  venue.noteAction('shiftClock', { shiftMs: venue.clockShiftMs });
  return { now: venue.now(), shiftMs: venue.clockShiftMs };
}

const WHICH = ['all', 'market', 'user'] as const;

function dropStreams({ venue, streams, body }: AdminCall): unknown {
  const which = body.oneOf('which', WHICH);
  const refuseMs = body.number('refuseMs', 0, 0, 3_600_000);
  body.done();
  const dropped = streams.drop(which, refuseMs);
  venue.noteAction('dropStreams', { which, refuseMs, dropped });
  return { dropped };
}

function silenceStreams({ venue, streams, body }: AdminCall): unknown {
  const which = body.oneOf('which', WHICH);
  const forMs = body.number('forMs', 10_000, 0, 3_600_000);
  body.done();
  streams.silence(which, forMs);
  venue.noteAction('silenceStreams', { which, forMs });
  return { which, forMs };
}
