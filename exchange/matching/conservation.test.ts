import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unitsOf } from '../amount/units.js';
import type { InstrumentBook } from '../book/instrument-book.js';
import { testVenue } from '../testing/open-venue.js';
import type { Venue } from '../venue.js';
import type { ForcedOutcome } from './engine.js';
import { executesAtMarket, isConditional, isOpen, leavesQuantity, ORDER_TYPES, TIMES_IN_FORCE, type OrderRequest } from './order.js';
import { VenueError } from './venue-error.js';

const ACCOUNTS = ['test', 'other'] as const;
const EVERYONE = [...ACCOUNTS, '$market', '$fees'];
const ASSETS = ['BTC', 'USDT', 'BNB'];

const amount = (low: number, high: number, decimals: number): fc.Arbitrary<bigint> =>
  fc.integer({ min: low, max: high }).map((value) => unitsOf((value / 10 ** decimals).toFixed(decimals)));

const request: fc.Arbitrary<OrderRequest> = fc
  .record({
    side: fc.constantFrom('BUY' as const, 'SELL' as const),
    type: fc.constantFrom(...ORDER_TYPES),
    timeInForce: fc.constantFrom(...TIMES_IN_FORCE),
    clientOrderId: fc.constantFrom('', 'one', 'two', 'three'),
    price: amount(4_950_000, 5_050_000, 2),
    stopPrice: amount(4_950_000, 5_050_000, 2),
    quantity: fc.oneof(amount(1, 3000, 3), amount(1, 100_000, 6)),
    quoteQuantity: fc.oneof(fc.constant(0n), amount(1, 500_000, 1)),
  })
  .map((order) => {
    const isByQuote = order.type === 'MARKET' && order.quoteQuantity > 0n;
    const hasLimit = !executesAtMarket(order.type);
    return {
      ...order,
      symbol: 'BTCUSDT',
      timeInForce: hasLimit && order.type !== 'LIMIT_MAKER' ? order.timeInForce : 'GTC',
      price: hasLimit ? order.price : 0n,
      stopPrice: isConditional(order.type) ? order.stopPrice : 0n,
      quoteQuantity: isByQuote ? order.quoteQuantity : 0n,
      quantity: isByQuote ? 0n : order.quantity,
    };
  });

type Step =
  | { readonly place: OrderRequest; readonly account: string; readonly forced?: ForcedOutcome }
  | { readonly limit: OrderRequest; readonly conditional: OrderRequest; readonly account: string }
  | { readonly fill: number; readonly percent: number; readonly account: string }
  | { readonly cancel: number; readonly account: string }
  | { readonly print: number; readonly volume: bigint };

const FORCED: readonly ForcedOutcome[] = [
  { status: 'EXPIRED_IN_MATCH' },
  { status: 'CANCELED', percent: 30 },
  { status: 'CANCELED', percent: 100 },
];

const pair = fc
  .record({ order: request, limit: amount(4_950_000, 5_050_000, 2), stop: amount(4_950_000, 5_050_000, 2), atMarket: fc.boolean() })
  .map(({ order, limit, stop, atMarket }) => {
    const both = {
      ...order,
      clientOrderId: '',
      quoteQuantity: 0n,
      quantity: order.quantity || unitsOf('0.01'),
      timeInForce: 'GTC' as const,
    };
    const conditional = { ...both, type: atMarket ? ('STOP_LOSS' as const) : ('STOP_LOSS_LIMIT' as const), stopPrice: stop };
    return {
      limit: { ...both, type: 'LIMIT_MAKER' as const, price: limit, stopPrice: 0n },
      conditional: { ...conditional, price: atMarket ? 0n : stop },
    };
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(pair, fc.constantFrom(...ACCOUNTS)).map(([both, account]) => ({ ...both, account })) },
  { weight: 6, arbitrary: fc.record({ place: request, account: fc.constantFrom(...ACCOUNTS) }) },
  {
    weight: 1,
    arbitrary: fc.record({ place: request, account: fc.constantFrom(...ACCOUNTS), forced: fc.constantFrom(...FORCED) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fill: fc.nat(20), percent: fc.integer({ min: 1, max: 100 }), account: fc.constantFrom(...ACCOUNTS) }),
  },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat(20), account: fc.constantFrom(...ACCOUNTS) }) },
  { weight: 2, arbitrary: fc.record({ print: fc.integer({ min: 4_940_000, max: 5_060_000 }), volume: amount(1, 5000, 3) }) },
);

function take(venue: Venue, { account, symbol }: { account: string; symbol: string }, done: Step, time: number): void {
  const book = venue.books.get(symbol) as InstrumentBook;
  try {
    if ('place' in done) venue.engine.place(account, done.place, time, done.forced);
    else if ('limit' in done) venue.engine.placePair(account, { ...done, listClientOrderId: '' }, time);
    else if ('fill' in done) {
      const open = venue.orders.open(account, symbol);
      const chosen = open[done.fill % Math.max(1, open.length)];
      const share = chosen === undefined ? 0n : (leavesQuantity(chosen) * BigInt(done.percent)) / 100n;
      const quantity = share - (share % book.instrument.step);
      if (chosen !== undefined && quantity > 0n) venue.engine.fillByHand(chosen, quantity, time);
    } else if ('cancel' in done) {
      const open = venue.orders.open(account, symbol);
      const chosen = open[done.cancel % Math.max(1, open.length)];
      if (chosen !== undefined) venue.engine.cancel(chosen, undefined, time);
    } else {
      book.depth.follow(done.print, Math.floor(time / 10));
      venue.engine.print(book, BigInt(done.print) * book.instrument.tick, done.volume, time, false);
    }
  } catch (error) {
    if (!(error instanceof VenueError)) throw error;
  }
}

function check(venue: Venue): void {
  for (const asset of ASSETS) {
    const sum = EVERYONE.reduce((total, name) => {
      const { free, locked } = venue.ledger.balance(name, asset);
      return total + free + locked;
    }, 0n);
    expect(sum).toBe(0n);
  }
  for (const account of ACCOUNTS) {
    const open = venue.orders.open(account, 'BTCUSDT');
    expect(open.every(isOpen)).toBe(true);
    for (const [asset, side] of [
      ['USDT', 'BUY'],
      ['BTC', 'SELL'],
    ] as const) {
      const { free, locked } = venue.ledger.balance(account, asset);
      expect(free >= 0n).toBe(true);
      expect(locked).toBe(open.filter((order) => order.side === side).reduce((total, order) => total + order.locked, 0n));
    }
    for (const order of venue.orders.history(account, 'BTCUSDT')) {
      const fills = venue.orders.fills(account, 'BTCUSDT', { orderId: order.orderId });
      expect(fills.reduce((total, fill) => total + fill.quantity, 0n)).toBe(order.executed);
      expect(fills.reduce((total, fill) => total + fill.quote, 0n)).toBe(order.executedQuote);
      // An order by quote amount that ends early has as its quantity what it traded.
      const isWhole = order.quantity > 0n && order.executed === order.quantity;
      if (order.quoteQuantity === 0n) expect(order.status === 'FILLED').toBe(isWhole);
      else if (order.status === 'FILLED') expect(isWhole).toBe(true);
      if (!isOpen(order)) expect(order.locked).toBe(0n);
      for (const fill of fills) {
        if (order.price === 0n) continue;
        expect(order.side === 'BUY' ? fill.price <= order.price : fill.price >= order.price).toBe(true);
      }
    }
  }
  const { resting } = venue.books.get('BTCUSDT') as InstrumentBook;
  const [bid, ask] = [resting.best('BUY'), resting.best('SELL')];
  if (bid !== undefined && ask !== undefined) expect(bid < ask).toBe(true);
}

/** All that a restart has to bring back. */
function picture(venue: Venue): unknown {
  return EVERYONE.map((account) => [
    ASSETS.map((asset) => ({ ...venue.ledger.balance(account, asset) })),
    venue.orders.history(account, 'BTCUSDT').map((order) => ({ ...order, ahead: 0n })),
    venue.orders.fills(account, 'BTCUSDT'),
    venue.lists.ofAccount(account).map((list) => list.orders.map((order) => order.orderId)),
  ]);
}

test('a restart after any orders brings back the same books', () => {
  const folder = mkdtempSync(join(tmpdir(), 'paper-conservation-'));
  let run = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      run += 1;
      const options = { now: () => 1_800_000_000_000, journalFile: join(folder, `${run}.jsonl`) };
      const before = testVenue(options);
      for (const [index, done] of steps.entries()) {
        take(before, { account: 'account' in done ? done.account : '', symbol: 'BTCUSDT' }, done, 1_800_000_000_000 + index);
      }
      before.stop();
      const after = testVenue({ ...options, recentOrders: 4 });
      expect(picture(after)).toEqual(picture(before));
      check(after);
      after.stop();
    }),
    { numRuns: 20 },
  );
  rmSync(folder, { recursive: true });
});

test.each(['received', 'quote', 'BNB'])('nothing is created or lost, whatever is ordered (commission in: %s)', (feeAsset) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const venue = testVenue({ now: () => 1_800_000_000_000 });
      for (const account of venue.accounts.all()) venue.accounts.set({ ...account, feeAsset });
      for (const [index, done] of steps.entries()) {
        take(venue, { account: 'account' in done ? done.account : '', symbol: 'BTCUSDT' }, done, 1_800_000_000_000 + index);
        check(venue);
      }
    }),
    { numRuns: 60 },
  );
});
