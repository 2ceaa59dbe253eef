import { describe, expect, it } from 'vitest';
import { ZERO, decimal } from '../money/index.js';
import { TRANSITIONS, isFinal, transition, type OrderEvent, type OrderState, type OrderStatus } from './lifecycle.js';

/**
 * The lifecycle as the design draws it, each arrow with what moves an order along it. `accept`, `fill` and `end` are
 * evidence; the others are the transition table.
 */
const DIAGRAM: readonly (readonly [from: OrderStatus, by: OrderEvent['kind'], to: OrderStatus])[] = [
  ['initialized', 'deny', 'denied'],
  ['initialized', 'authorise', 'authorised'],
  ['authorised', 'submit', 'submitting'],
  ['authorised', 'expireUnsent', 'expired'],
  ['submitting', 'accept', 'accepted'],
  ['submitting', 'reject', 'rejected'],
  ['submitting', 'loseReply', 'unknown'],
  ['unknown', 'accept', 'accepted'],
  ['unknown', 'reject', 'rejected'],
  ['unknown', 'proveAbsent', 'notPlaced'],
  ['accepted', 'fill', 'partiallyFilled'],
  ['accepted', 'requestCancel', 'pendingCancel'],
  ['partiallyFilled', 'requestCancel', 'pendingCancel'],
  ['partiallyFilled', 'fill', 'filled'],
  ['partiallyFilled', 'end', 'canceled'],
  ['partiallyFilled', 'end', 'expired'],
  ['pendingCancel', 'fill', 'filled'],
  ['pendingCancel', 'end', 'canceled'],
  ['pendingCancel', 'end', 'expired'],
];

/** A reply that is lost again, a cancel that is asked for again and a look-up that does not show it leave the order where it is. */
const REPEATS: typeof DIAGRAM = [
  ['unknown', 'loseReply', 'unknown'],
  ['pendingCancel', 'requestCancel', 'pendingCancel'],
  ['accepted', 'miss', 'accepted'],
  ['partiallyFilled', 'miss', 'partiallyFilled'],
  ['pendingCancel', 'miss', 'pendingCancel'],
];

const EVIDENCE = ['accept', 'fill', 'end'];
const STATUSES = Object.keys(TRANSITIONS) as OrderStatus[];
const arrow = (from: string, by: string, to: string): string => `${from} —${by}→ ${to}`;
const arrows = (edges: typeof DIAGRAM): string[] => edges.map((edge) => arrow(...edge));

/** Everywhere the diagram leads from a status, the status itself included. */
function onwards(from: OrderStatus): ReadonlySet<OrderStatus> {
  const seen = new Set<OrderStatus>([from]);
  for (const status of seen) for (const [start, , to] of DIAGRAM) if (start === status) seen.add(to);
  return seen;
}

const START: OrderState = { status: 'initialized', quantity: decimal('2'), executedQuantity: ZERO, executedNotional: ZERO };
const EVENTS: readonly OrderEvent[] = [
  { kind: 'deny' },
  { kind: 'authorise' },
  { kind: 'submit' },
  { kind: 'expireUnsent' },
  { kind: 'reject' },
  { kind: 'loseReply' },
  { kind: 'proveAbsent' },
  { kind: 'requestCancel' },
  { kind: 'miss' },
  { kind: 'accept', venueOrderId: 'v1' },
  { kind: 'fill', quantity: decimal('1'), price: decimal('5'), venueOrderId: 'v1' },
  ...(['canceled', 'expired', 'filled', 'rejected'] as const).flatMap((status) =>
    ['0', '1', '2'].map((executed): OrderEvent => ({ kind: 'end', status, executedQuantity: decimal(executed), venueOrderId: 'v1' })),
  ),
];

interface Step {
  readonly from: OrderState;
  readonly event: OrderEvent;
  readonly to: OrderState;
  readonly surprises: readonly string[];
}

/** Every step that an order of two units can take, from every state that it can come to. */
function everyStep(): readonly Step[] {
  const keyOf = (state: OrderState): string => JSON.stringify(state);
  const states = new Map([[keyOf(START), START]]);
  const steps: Step[] = [];
  for (const from of states.values()) {
    for (const event of EVENTS) {
      // More than was ordered has no end: one unit too much is far enough.
      if (event.kind === 'fill' && from.executedQuantity.gt(from.quantity)) continue;
      const moved = transition(from, event);
      if (moved.kind === 'illegal') continue;
      steps.push({ from, event, to: moved.state, surprises: moved.surprises });
      states.set(keyOf(moved.state), moved.state);
    }
  }
  return steps;
}

describe('the lifecycle of the design', () => {
  const steps = everyStep();

  it('is the transition table, arrow for arrow', () => {
    const table = STATUSES.flatMap((from) => Object.entries(TRANSITIONS[from]).map(([by, to]) => arrow(from, by, to)));
    const drawn = DIAGRAM.filter(([, by]) => !EVIDENCE.includes(by));
    expect(table.toSorted()).toEqual([...arrows(drawn), ...arrows(REPEATS)].toSorted());
  });

  it('is taken along each of its arrows', () => {
    const taken = new Set(
      steps.filter((step) => step.surprises.length === 0).map(({ from, event, to }) => arrow(from.status, event.kind, to.status)),
    );
    expect(arrows(DIAGRAM).filter((one) => !taken.has(one))).toEqual([]);
  });

  it('ends where nothing leads on, and nowhere else', () => {
    for (const status of STATUSES) expect([status, isFinal(status)]).toEqual([status, !DIAGRAM.some(([from]) => from === status)]);
  });

  it('is never left without a surprise: evidence may skip stations, but goes neither back nor aside', () => {
    // The one way that is not drawn: a venue may accept an order, a stop that rests above all, and refuse it later.
    const refusedLater = ({ to }: Step): boolean => to.status === 'rejected' && to.venueEnd === 'rejected';
    const strays = steps
      .filter((step) => step.surprises.length === 0 && !onwards(step.from.status).has(step.to.status) && !refusedLater(step))
      .map(({ from, event, to }) => arrow(from.status, event.kind, to.status));
    expect(strays).toEqual([]);
  });

  it('takes evidence in every status, and reports what contradicts an end', () => {
    for (const status of STATUSES) {
      for (const event of EVENTS.filter(({ kind }) => EVIDENCE.includes(kind))) {
        expect(transition({ ...START, status }, event).kind).toBe('moved');
      }
    }
    const revived = steps.filter(({ from, to }) => isFinal(from.status) && from.status !== to.status);
    expect(revived.length).toBeGreaterThan(0);
    for (const { surprises } of revived) expect(surprises).toContain('evidenceAfterFinal');
  });
});
