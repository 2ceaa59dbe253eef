import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decimal, type Decimal } from '../../../core/money/index.js';
import type { OrderOutcome } from '../../../workflows/order/status.js';
import { eventually } from '../../support/eventually.js';
import { executed, type StubOrder } from '../../support/kraken-stub/account.js';
import { KRAKEN_LIMIT_MS, openKrakenStack, type KrakenStack } from '../../support/kraken-stack.js';
import { temporalIfAny } from '../../support/temporal.js';
import { ACCOUNT } from '../../support/trading-stack.js';

const temporal = await temporalIfAny();
const RESTING = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 600_000 } as const;
const FIRST = '0.004';

/** At a venue whose every fill the test decides: an entry rests, has filled in part, and that part has its stop. */
describe.skipIf(temporal === undefined)(
  'the rest of an entry that fills when the stop of its first part has woken',
  { timeout: 4 * KRAKEN_LIMIT_MS },
  () => {
    let kraken: KrakenStack;
    /** Sales that were sent beside another one, or for more than was there. */
    let wrong: string[];

    beforeAll(async () => {
      if (temporal !== undefined) kraken = await openKrakenStack(temporal);
    });
    afterEach(() => kraken.stub.account.moveTo('50000'));
    afterAll(() => kraken?.close());

    const sideOf = (side: string): StubOrder[] => kraken.stub.account.orders.filter((order) => order.side === side);
    const sum = (orders: readonly StubOrder[]): Decimal => orders.reduce((total, order) => total.plus(executed(order)), decimal('0'));
    const there = (): Decimal => sum(sideOf('buy')).minus(sum(sideOf('sell')));
    const open = (side: string): StubOrder[] => sideOf(side).filter(({ status }) => status === 'open');
    const one = async (side: string): Promise<StubOrder> =>
      eventually(() => {
        expect(open(side)).toHaveLength(1);
        return open(side)[0] as StubOrder;
      }, KRAKEN_LIMIT_MS);

    /** Lists of all open orders; look-ups ask for one. */
    const lists = (): number => kraken.stub.arrived.filter(({ call, params }) => call === 'OpenOrders' && !params.has('cl_ord_id')).length;

    const begun = async (): Promise<{ entry: StubOrder; stop: StubOrder; outcome: Promise<OrderOutcome>; rest: string }> => {
      wrong = [];
      kraken.beforeSend = ({ side, quantity, clientOrderId }) => {
        if (side === 'buy') return;
        if (open('sell').length > 0) wrong.push(`${clientOrderId} beside another sale`);
        if (decimal(quantity).gt(there())) wrong.push(`${clientOrderId} sells ${quantity} of ${there().toFixed()}`);
      };
      kraken.stack.ledger.workEntries(ACCOUNT, { execution: RESTING });
      const outcome = kraken.run('open');
      const entry = await one('buy');
      kraken.stub.account.fillPart(entry, FIRST);
      const stop = await one('sell');
      expect(stop.volume.toFixed()).toBe(FIRST);
      return { entry, stop, outcome, rest: entry.volume.minus(FIRST).toFixed() };
    };
    /** Nothing is held, and no sale was wrong: all that was bought was sold, each part once. */
    const gone = async (outcome: Promise<OrderOutcome>, entry: StubOrder): Promise<void> => {
      expect(await outcome).toMatchObject({ status: 'filled', executedQuantity: entry.volume.toFixed() });
      await kraken.ended();
      expect(wrong).toEqual([]);
    };

    it(
      'P18, P21: beside a stop that has woken and sells nothing: no second stop; it goes, and all that is held leaves',
      async () => {
        const { entry, stop, outcome, rest } = await begun();
        stop.isTriggered = true;
        kraken.stub.account.fillPart(entry, rest);
        await gone(outcome, entry);
        expect(stop.status).toBe('canceled');
        expect(await kraken.newest('escape')).toMatchObject({ status: 'filled', quantity: entry.volume.toFixed() });
        expect(await kraken.newest('stop')).toMatchObject({ clientOrderId: stop.clientOrderId, sequence: 1 });
      },
      KRAKEN_LIMIT_MS,
    );

    it(
      'P18, P21: beside one that has sold a part: what it leaves and the rest leave together',
      async () => {
        const { entry, stop, outcome, rest } = await begun();
        stop.isTriggered = true;
        kraken.stub.account.fillPart(stop, '0.001');
        kraken.stub.account.fillPart(entry, rest);
        await gone(outcome, entry);
        expect(executed(stop).toFixed()).toBe('0.001');
        expect(await kraken.newest('escape')).toMatchObject({ status: 'filled', quantity: entry.volume.minus('0.001').toFixed() });
      },
      KRAKEN_LIMIT_MS,
    );

    it(
      'P20: in the same move in which the stop sells all of its own: the rest has a stop of its own, whose price is reached',
      async () => {
        const { entry, stop, outcome, rest } = await begun();
        kraken.stub.account.moveTo('40000');
        await gone(outcome, entry);
        expect(executed(stop).toFixed()).toBe(FIRST);
        expect(sum(sideOf('sell').filter((sale) => sale.openTime > stop.openTime)).toFixed()).toBe(rest);
      },
      KRAKEN_LIMIT_MS,
    );

    it(
      'P20, P22: after the stop has sold all of its own: the rest has a stop, and an exit sells it',
      async () => {
        const { entry, stop, outcome, rest } = await begun();
        // As the ledger has it that it rests, and before any list has shown it.
        await eventually(async () => expect(await kraken.newest('stop')).toMatchObject({ status: 'accepted' }));
        stop.isTriggered = true;
        kraken.stub.account.fillPart(stop, FIRST);
        const before = lists();
        await eventually(async () => expect(await kraken.newest('stop')).toMatchObject({ status: 'filled' }), KRAKEN_LIMIT_MS);
        // The one that was under way, or whose tick had not seen the stop yet, and the next; the entry's turn of being looked up is longer.
        expect(lists() - before).toBeLessThanOrEqual(2);
        const sold = (await kraken.newest('stop'))?.intentId;
        kraken.stub.account.fillPart(entry, rest);
        expect(await outcome).toMatchObject({ status: 'filled' });
        const second = await kraken.protectedBy(sold);
        expect(second.volume.toFixed()).toBe(rest);
        expect(await kraken.run('close')).toMatchObject({ status: 'filled', codes: [] });
        await gone(outcome, entry);
        expect(second.status).toBe('canceled');
      },
      KRAKEN_LIMIT_MS,
    );
  },
);
