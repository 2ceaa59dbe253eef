import { applyEvent, bookFill } from '../../activities/order/evidence.js';
import type { VenueFill } from '../../activities/ports/venue.js';
import { createOrderActivities, createOwnerActivities } from '../../activities/order/index.js';
import { MARKET } from '../../core/execution/policy.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { VENUE_ACCOUNT } from '../support/paper-account.js';
import { KEY, type BenchAccount } from './bench-account.js';

/** A discrepancy that is made, and what has to come of it. */
export interface Case {
  readonly class: string;
  readonly make: (bench: BenchAccount, random: () => number) => Promise<void>;
  /** `repaired`: by the run itself. Else what a person decides; `leave` is made undone by what caused it. */
  readonly ends: 'repaired' | 'settled' | 'cancel' | 'reject' | 'adopt' | 'book' | 'rebuild';
  readonly decideWith?: object;
  /** The stops rest on as they were, whatever the row of their position says. */
  readonly keepsStops?: true;
  /** The books agree with the venue's own journal in the end, fill by fill, and with themselves. */
  readonly isExact?: true;
  /** What follows from the repair before anybody else has looked. */
  readonly followedBy?: readonly string[];
}

const d = (text: string): DecimalText => text as DecimalText;
const amount = (random: () => number): string => (1 + Math.floor(random() * 900)).toString();

/** An order by another hand. */
export async function foreign(bench: BenchAccount, more: object = {}): Promise<void> {
  const order = {
    clientOrderId: `by-hand-${bench.nextBar()}`,
    instrument: INSTRUMENT,
    side: 'buy',
    type: 'limit',
    postOnly: false,
    timeInForce: 'GTC',
  } as const;
  const terms = { quantity: d('0.01'), price: d('40000'), signedTimestamp: Date.now(), receiveWindowMs: 10_000 };
  const verdict = await bench.stack.venue.sender.submit({ ...order, ...terms, ...more }, 10_000);
  if (verdict.kind !== 'accepted') throw new Error(`the order by hand is ${verdict.kind}`);
}

/** Bought at the venue; what of it the ledger knows is only that the venue has the order. */
async function untold(bench: BenchAccount): Promise<StoredOrder> {
  bench.running.clear();
  const { stack } = bench;
  stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
  const steps = createOrderActivities(stack.dependencies);
  const signal = stack.signal('open', bench.nextBar());
  const asked = await steps.authorise(signal);
  if (asked.kind !== 'authorised') throw new Error(`not authorised: ${JSON.stringify(asked)}`);
  const sent = await steps.submit(intentIdOf(signal), ACCOUNT);
  if (sent.kind !== 'accepted') throw new Error(`the entry is ${sent.kind}`);
  return applyEvent(stack.dependencies, intentIdOf(signal), { kind: 'accept', venueOrderId: sent.order.venueOrderId });
}

/** The fills of an order as the venue has them, told by whoever tells them otherwise. */
async function tell({ stack }: BenchAccount, order: StoredOrder, otherwise: (fill: VenueFill) => Partial<VenueFill>): Promise<void> {
  const fills = await stack.venue.reader.fillsOfOrder(INSTRUMENT, order.venueOrderId ?? '');
  for (const fill of fills) {
    const told = { ...fill, ...otherwise(fill), clientOrderId: order.clientOrderId };
    const worth = text(decimal(told.price).mul(decimal(told.quantity)));
    await bookFill(stack.dependencies, ACCOUNT, { ...told, amount: worth });
  }
}

/** Bought, and one of its fills told a second time under another number. */
async function boughtTwice(bench: BenchAccount): Promise<void> {
  await tell(bench, await bench.buy(), ({ venueTradeId }) => ({ venueTradeId: `${venueTradeId}0` }));
  await bench.protect();
}

/** Of all fills the last one. */
const NEWEST = `(length(venue_trade_id), venue_trade_id) = (select length(venue_trade_id), venue_trade_id from fills order by 1 desc, 2 desc limit 1)`;

export function cancelAtVenue({ stack: { paper } }: BenchAccount, venueOrderId: string | null): void {
  const order = [...paper.orders.allOpen()].find(({ orderId }) => String(orderId) === venueOrderId);
  if (order === undefined) throw new Error(`order ${venueOrderId} does not rest`);
  paper.engine.cancel(order, undefined, paper.now());
}

interface StopTerms {
  readonly intent_id: string;
  readonly stop_price: DecimalText;
  readonly price: DecimalText;
}

/** Takes the stop away, as an owner does before a sale. */
export async function withdrawStop(bench: BenchAccount): Promise<StopTerms> {
  const { rows } = await bench.stack.pool.query<StopTerms>(
    `select intent_id, stop_price, price from orders where purpose = 'stop' and final_at is null`,
  );
  const [stop] = rows;
  if (stop === undefined) throw new Error('there is no stop');
  const owner = createOwnerActivities(bench.stack.dependencies, bench.stack.protection);
  for (let count = 0; !(await owner.withdraw(stop.intent_id, 'a test')).order.isFinal; count += 1) {
    if (count > 20) throw new Error('the stop is not canceled');
  }
  return stop;
}

/** Bought, and its fill booked a second time under a name that the venue knows nothing of. */
async function bookAgain(bench: BenchAccount): Promise<void> {
  await bench.buy();
  await bench.damage(
    `insert into fills select account, instrument, venue_trade_id || '0', venue_order_id, intent_id, side, price, quantity, fee, fee_asset,
       liquidity_side, event_time from fills where ${NEWEST}`,
  );
  // The newest by trade id is the twin by now.
  await bench.damage(
    `insert into ledger_entries (account, asset, delta, kind, intent_id, venue_trade_id, ledger_account)
       select account, asset, delta, kind, intent_id, venue_trade_id || '0', ledger_account from ledger_entries
       where venue_trade_id || '0' = (select venue_trade_id from fills where ${NEWEST})`,
  );
  await bench.damage(
    `update ledger_balances b set quantity = b.quantity + m.amount from (
       select 'USDT' as asset, -price * quantity as amount from fills where ${NEWEST}
       union all select 'BTC', quantity - fee from fills where ${NEWEST}) m where b.asset = m.asset`,
  );
}

export const CASES: Readonly<Record<string, Case>> = {
  'a fill that nobody booked': {
    class: 'missedFill',
    ends: 'repaired',
    followedBy: ['positionWithoutStop', 'positionWithoutOwner'],
    make: async (bench) => void (await untold(bench)),
  },
  'an entry that somebody canceled at the venue': {
    class: 'missingOrder',
    ends: 'repaired',
    async make(bench) {
      const { venueOrderId } = await bench.rest();
      cancelAtVenue(bench, venueOrderId);
    },
  },
  'an entry that the venue does not show any more': {
    class: 'missingOrder',
    ends: 'reject',
    async make(bench) {
      const { intentId, venueOrderId } = await bench.rest();
      await bench.damage(`update orders set client_order_id = md5(client_order_id), venue_order_id = '1' where intent_id = $1`, [intentId]);
      // What is left of it at the venue is gone, too.
      cancelAtVenue(bench, venueOrderId);
    },
  },
  'an order by another hand': { class: 'orphanOrder', ends: 'cancel', make: (bench) => foreign(bench) },
  'an order by another hand that is taken over': {
    class: 'orphanOrder',
    ends: 'adopt',
    decideWith: { strategy: 'momentum' },
    make: (bench) => foreign(bench),
  },
  'a purchase by another hand': {
    class: 'orphanOrder',
    ends: 'reject',
    make: (bench) => foreign(bench, { price: d('51000'), quantity: d('0.002'), timeInForce: 'IOC' }),
  },
  'a purchase by another hand that is booked': {
    class: 'orphanOrder',
    ends: 'book',
    make: (bench) => foreign(bench, { price: d('51000'), quantity: d('0.002'), timeInForce: 'IOC' }),
  },
  'an order of ours that lives on': {
    class: 'orphanOrder',
    ends: 'repaired',
    async make(bench) {
      const { intentId } = await bench.rest();
      await bench.damage(
        `update orders set status = 'notPlaced', final_at = clock_timestamp(), reserved_quantity = 0, reserved_notional = 0,
           version = version + 1 where intent_id = $1`,
        [intentId],
      );
    },
  },
  'a workflow for which nothing is left to do': {
    class: 'orphanedWorkflow',
    ends: 'cancel',
    make: async (bench) => void bench.running.add(`protect:${ACCOUNT}:momentum:ETH-USDT`),
  },
  'a fill that is booked twice': { class: 'duplicate', ends: 'reject', make: bookAgain },
  'a fill that is booked twice, and taken back': { class: 'duplicate', ends: 'book', isExact: true, make: boughtTwice },
  'a fill that the venue has annulled': {
    class: 'unknown',
    ends: 'book',
    isExact: true,
    async make(bench) {
      const price = d('49000');
      await tell(bench, await bench.buy(), ({ venueTradeId }) => ({ venueTradeId: `${venueTradeId}0`, price }));
      await bench.protect();
    },
  },
  'a fill that the venue does not list': {
    class: 'unknown',
    ends: 'reject',
    async make(bench) {
      const price = d('49000');
      await tell(bench, await bench.buy(), ({ venueTradeId }) => ({ venueTradeId: `${venueTradeId}0`, price }));
      await bench.protect();
    },
  },
  'a fee in base that was told otherwise, and is entered': {
    class: 'feeDifference',
    ends: 'book',
    isExact: true,
    async make(bench) {
      await tell(bench, await untold(bench), ({ fee }) => ({ fee: d((Number(fee) * 50).toFixed(8)) }));
      await bench.protect();
    },
  },
  'a fill that was told for another price, and is entered': {
    class: 'unknown',
    ends: 'book',
    isExact: true,
    async make(bench) {
      await tell(bench, await untold(bench), () => ({ price: d('49000') }));
      await bench.protect();
    },
  },
  'a second order under the name of one of ours': {
    class: 'duplicate',
    ends: 'cancel',
    async make(bench) {
      const { clientOrderId } = await bench.buy();
      await foreign(bench, { clientOrderId });
    },
  },
  'a fee that the venue tells otherwise': {
    class: 'feeDifference',
    ends: 'reject',
    async make(bench) {
      await bench.buy();
      await bench.damage(`update fills set fee = fee + 0.000001 where ${NEWEST}`);
      await bench.damage(
        `insert into ledger_entries (account, asset, delta, kind, intent_id, venue_trade_id, ledger_account)
           select account, 'BTC', delta, 'fee', intent_id, venue_trade_id, ledger_account from fills,
             (values ('venue', -0.000001), ('fees', 0.000001)) half (ledger_account, delta) where ${NEWEST}`,
      );
      await bench.damage(`update ledger_balances set quantity = quantity - 0.000001 where account = $1 and asset = 'BTC'`, [ACCOUNT]);
    },
  },
  'a deposit': {
    class: 'balanceMovement',
    ends: 'reject',
    make: async (bench, random) => bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf(amount(random))),
  },
  'units that are gone': {
    class: 'balanceMovement',
    ends: 'book',
    make: async (bench, random) => bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', -unitsOf(amount(random))),
  },
  'what the venue has rounded of a fill': {
    class: 'rounding',
    ends: 'repaired',
    async make(bench) {
      await bench.buy();
      bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf('-0.00000001'));
    },
  },
  'a position that nobody owns': {
    class: 'positionWithoutOwner',
    ends: 'repaired',
    async make(bench) {
      await bench.buy();
      bench.running.clear();
    },
  },
  'a position without its stop': {
    class: 'positionWithoutStop',
    ends: 'repaired',
    async make(bench) {
      await bench.buy();
      await withdrawStop(bench);
    },
  },
  'a stop for too little': {
    class: 'wrongStopQuantity',
    ends: 'repaired',
    make: (bench) => stops(bench, [0.5]),
  },
  'two stops': { class: 'twoStops', ends: 'repaired', make: (bench) => stops(bench, [0.4, 0.6]) },
  'a stop for nothing': {
    class: 'stopWithoutPosition',
    ends: 'repaired',
    async make(bench) {
      await bench.buy();
      // As after a sale of all of it that left the stop behind: the row is what the fills add up to.
      await bench.damage('update positions set quantity = 0, cost = 0');
      await bench.damage('update position_sums set quantity = 0');
    },
  },
  'a position that is damaged to nothing': {
    class: 'unknown',
    ends: 'reject',
    keepsStops: true,
    async make(bench) {
      await bench.buy();
      await bench.damage('update positions set quantity = 0, cost = 0');
    },
  },
  'a position that is damaged to nothing and rebuilt': {
    class: 'unknown',
    ends: 'rebuild',
    keepsStops: true,
    async make(bench) {
      await bench.buy();
      await bench.damage('update positions set quantity = 0, cost = 0');
    },
  },
  'a position whose sum is damaged': {
    class: 'unknown',
    ends: 'rebuild',
    keepsStops: true,
    async make(bench) {
      await bench.buy();
      await bench.damage('update position_sums set quantity = quantity / 3');
    },
  },
  'a position that is damaged to more': {
    class: 'unknown',
    ends: 'reject',
    keepsStops: true,
    async make(bench) {
      await bench.buy();
      await bench.damage('update positions set quantity = quantity * 2');
    },
  },
  'an order that is not what we ordered': {
    class: 'unknown',
    ends: 'reject',
    async make(bench) {
      const { intentId } = await bench.rest();
      await bench.damage(`update orders set quantity = quantity * 2 where intent_id = $1`, [intentId]);
    },
  },
  'a stop that somebody has moved': {
    class: 'unknown',
    ends: 'cancel',
    keepsStops: true,
    async make(bench) {
      await bench.buy();
      await bench.damage(`update orders set stop_price = stop_price + 15 where purpose = 'stop' and final_at is null`);
    },
  },
  'a limit that somebody has moved': {
    class: 'unknown',
    ends: 'reject',
    async make(bench) {
      const { intentId } = await bench.rest();
      await bench.damage(`update orders set price = price - 15 where intent_id = $1`, [intentId]);
    },
  },
  'books that contradict themselves': {
    class: 'unknown',
    ends: 'rebuild',
    async make(bench) {
      const { intentId } = await bench.buy();
      await bench.damage(`update orders set executed_quantity = executed_quantity + 1 where intent_id = $1`, [intentId]);
    },
  },
};

/** Bought, and protected in these parts instead of at once. */
async function stops(bench: BenchAccount, parts: readonly number[]): Promise<void> {
  const order = await bench.buy('1000');
  const owner = createOwnerActivities(bench.stack.dependencies, bench.stack.protection);
  const stop = await withdrawStop(bench);
  let { stops: sequence } = await bench.stack.protection.readProtection(KEY);
  for (const part of parts) {
    sequence += 1;
    const quantity = d((Math.floor(Number(order.quantity) * part * 10_000) / 10_000).toFixed(4));
    const asked = await owner.authoriseStop(KEY, '1', { sequence, quantity, stopPrice: stop.stop_price, limitPrice: stop.price });
    if (asked.kind !== 'authorised') throw new Error(`the stop was not authorised: ${JSON.stringify(asked)}`);
    await owner.submit(asked.order.intentId, ACCOUNT);
  }
}
