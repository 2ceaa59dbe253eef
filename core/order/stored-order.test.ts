import { describe, expect, it } from 'vitest';
import { decimal } from '../money/index.js';
import { transition, type OrderEvent } from './lifecycle.js';
import { changeOf, stateOf, type StoredOrder } from './stored-order.js';

const STOP = {
  intentId: 'one',
  account: 'main',
  purpose: 'stop',
  status: 'accepted',
  side: 'sell',
  quantity: '2',
  reservedQuantity: '2',
  reservedNotional: '0',
  executedQuantity: '0',
  executedNotional: '0',
  venueOrderId: 'v',
  venueStatus: null,
  venueExecutedQuantity: null,
  triggeredTime: null,
  missingTime: null,
  failures: [],
  version: 1,
  isFinal: false,
} as unknown as StoredOrder;
const ended = (status: 'canceled' | 'expired', executed = '0', isTriggered = false): OrderEvent => ({
  kind: 'end',
  status,
  executedQuantity: decimal(executed),
  venueOrderId: 'v',
  isTriggered,
});
const sold: OrderEvent = { kind: 'fill', quantity: decimal('1'), price: decimal('100'), venueOrderId: 'v' };

/** What the last of these events leaves on the order beside its status. */
function codesAfter(order: Partial<StoredOrder>, ...events: readonly OrderEvent[]): readonly string[] {
  let [now, codes] = [{ ...STOP, ...order }, [] as readonly string[]];
  for (const event of events) {
    const moved = transition(stateOf(now), event);
    if (moved.kind === 'illegal') throw new Error(`${event.kind} is illegal in ${now.status}`);
    const change = changeOf(now, moved.state);
    codes = change.failures.map(({ code }) => code);
    now = { ...now, ...change, triggeredTime: change.isTriggered ? 1 : null, missingTime: change.isMissing ? 1 : null };
  }
  return codes;
}

describe('a stop that is canceled', () => {
  const elsewhere = ['ORDER_CANCELED_ELSEWHERE'];
  it.each<readonly [string, Partial<StoredOrder>, readonly OrderEvent[], readonly string[]]>([
    ['though nobody of us wished it, was taken away', {}, [ended('canceled')], elsewhere],
    ['before its reply was known, too', { status: 'unknown', venueOrderId: null }, [ended('canceled')], elsewhere],
    ['after it was missing, too', {}, [{ kind: 'miss' }, ended('canceled')], elsewhere],
    ['with a part sold, once its fills are booked', {}, [ended('canceled', '1')], []],
    ['… and are they', {}, [ended('canceled', '1'), sold], elsewhere],
    ['by us, was not', {}, [{ kind: 'requestCancel' }, ended('canceled')], []],
    ['after it has woken, was not', { triggeredTime: 1 }, [ended('canceled')], []],
    ['after it had woken and nobody saw it, was not', {}, [ended('canceled', '0', true)], []],
    ['and is seen once more, is that no second time', {}, [ended('canceled'), ended('canceled')], []],
  ])('%s', (_, order, events, codes) => {
    expect(codesAfter(order, ...events)).toEqual(codes);
  });

  it('is that alone: no other order, and no other end', () => {
    expect(codesAfter({ purpose: 'entry', side: 'buy' }, ended('canceled'))).toEqual([]);
    expect(codesAfter({}, ended('expired'))).toEqual([]);
    expect(codesAfter({ status: 'notPlaced', isFinal: true }, ended('canceled'))).toEqual([]);
  });
});
