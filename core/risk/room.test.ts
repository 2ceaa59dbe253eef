import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KEY, LEDGER, NOW, RULES } from '../../test/support/risk-view.js';
import { decimal, type DecimalText } from '../money/index.js';
import type { OrderDraft } from './draft.js';
import { roomFailures } from './room.js';
import type { PositionView, WorkingOrder } from './view.js';

const d = (value: string): DecimalText => value as DecimalText;
const DRAFT = { reference: decimal('100') } as OrderDraft;
const SIGNAL = { ...KEY, strategy: 'new', decidedTime: NOW } as unknown as Parameters<typeof roomFailures>[0];

/** What another strategy may have in the instrument, and how many stops and orders that comes to once each has its stop. */
const STATES = {
  nothing: { orders: [], quantity: '0', stops: 0, all: 0 },
  dust: { orders: [], quantity: '0.049', stops: 0, all: 0 },
  exiting: { orders: ['exit'], quantity: '0', stops: 0, all: 1 },
  entering: { orders: ['entry'], quantity: '0', stops: 1, all: 2 },
  held: { orders: [], quantity: '1', stops: 1, all: 1 },
  protected: { orders: ['stop'], quantity: '1', stops: 1, all: 1 },
  enteringMore: { orders: ['stop', 'entry'], quantity: '0.5', stops: 1, all: 2 },
  leaving: { orders: ['stop', 'escape'], quantity: '1', stops: 1, all: 2 },
} as const;

it('an entry passes where all have their stops, it too, and no more rests then than may', () => {
  const names = Object.keys(STATES) as (keyof typeof STATES)[];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...names), { maxLength: 8 }),
      fc.record({ maxStops: fc.nat(9), maxOrders: fc.nat(18) }, { requiredKeys: [] }),
      (others, most) => {
        const workingOrders = others.flatMap((state, index) =>
          STATES[state].orders.map((purpose) => ({ ...KEY, strategy: `s${index}`, purpose }) as unknown as WorkingOrder),
        );
        const positions = others.map((state, index): PositionView => ({
          ...KEY,
          strategy: `s${index}`,
          quantity: d(STATES[state].quantity),
          cost: d('0'),
        }));
        const failures = roomFailures(SIGNAL, DRAFT, { ...LEDGER, workingOrders, positions }, { ...RULES, ...most });
        const sum = (what: 'stops' | 'all'): number => others.reduce((total, state) => total + STATES[state][what], 0);
        const isOver = [sum('stops') + 1 > (most.maxStops ?? Infinity), sum('all') + 2 > (most.maxOrders ?? Infinity)];
        expect(failures.map(({ values }) => values['what'])).toEqual(['stops', 'orders'].filter((_, index) => isOver[index]));
      },
    ),
  );
});
