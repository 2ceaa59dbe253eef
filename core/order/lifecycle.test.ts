import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZERO, decimal, maximum } from '../money/index.js';
import {
  TRANSITIONS,
  averagePrice,
  isFinal,
  leavesQuantity,
  transition,
  type OrderEvent,
  type OrderState,
  type OrderStatus,
} from './lifecycle.js';

const START: OrderState = { status: 'initialized', quantity: decimal('10'), executedQuantity: ZERO, executedNotional: ZERO };

function apply(state: OrderState, ...events: OrderEvent[]): OrderState {
  return events.reduce((now, event) => {
    const moved = transition(now, event);
    return moved.kind === 'moved' ? moved.state : now;
  }, state);
}

const fill = (quantity: string, price = '5'): OrderEvent => ({
  kind: 'fill',
  quantity: decimal(quantity),
  price: decimal(price),
  venueOrderId: 'v1',
});
const end = (status: 'filled' | 'canceled' | 'expired', executed: string): OrderEvent => ({
  kind: 'end',
  status,
  executedQuantity: decimal(executed),
  venueOrderId: 'v1',
});
const ACCEPT: OrderEvent = { kind: 'accept', venueOrderId: 'v1' };
const sent = apply(START, { kind: 'authorise' }, { kind: 'submit' });

describe('the life of an order', () => {
  it('evidence of an order that we have not begun to send is legal, and a surprise', () => {
    const authorised = apply(START, { kind: 'authorise' });
    expect(transition(authorised, ACCEPT)).toMatchObject({
      kind: 'moved',
      state: { status: 'accepted' },
      surprises: ['evidenceBeforeSend'],
    });
    expect(transition(sent, ACCEPT)).toMatchObject({ surprises: [] });
  });

  it('is final only when the fills explain what the venue executed (P15)', () => {
    const waiting = apply(sent, ACCEPT, fill('3'), end('canceled', '4'));
    expect(waiting.status).toBe('partiallyFilled');
    expect(leavesQuantity(waiting).toFixed()).toBe('7');
    const settled = apply(waiting, fill('1'));
    expect(settled.status).toBe('canceled');
    expect(leavesQuantity(settled).toFixed()).toBe('0');
  });

  it('learns nothing from an older answer of the venue that arrives late', () => {
    const waiting = apply(sent, ACCEPT, fill('3'), end('canceled', '4'), end('canceled', '3'));
    expect(waiting.status).toBe('partiallyFilled');
    expect(apply(waiting, fill('1')).status).toBe('canceled');
  });

  it('takes the fills before the acknowledgement as well as after it', () => {
    expect(apply(sent, fill('10'), ACCEPT).status).toBe('filled');
    expect(apply(sent, ACCEPT, fill('4'), fill('6')).status).toBe('filled');
  });

  it('keeps the whole remainder reserved while it is unknown', () => {
    const unknown = apply(sent, { kind: 'loseReply' });
    expect(unknown.status).toBe('unknown');
    expect(leavesQuantity(unknown).toFixed()).toBe('10');
  });

  it.each(['notPlaced', 'canceled', 'expired', 'rejected', 'denied', 'filled'] as OrderStatus[])(
    'P13: a fill is evidence even after %s, and a surprise',
    (status) => {
      const moved = transition({ ...START, status }, fill('1'));
      expect(moved).toMatchObject({ kind: 'moved', surprises: ['evidenceAfterFinal'] });
      if (moved.kind === 'moved') expect(moved.state.executedQuantity.toFixed()).toBe('1');
    },
  );

  it('tells of a second venue order id and of more than was ordered', () => {
    const accepted = apply(sent, ACCEPT);
    const other = transition(accepted, { kind: 'accept', venueOrderId: 'v2' });
    expect(other).toMatchObject({ surprises: ['otherVenueOrderId'], state: { venueOrderId: 'v1' } });
    expect(transition(accepted, fill('11'))).toMatchObject({ surprises: ['overfilled'] });
  });

  it('never concludes from what is not proof: unknown becomes notPlaced only by proof of absence', () => {
    expect(transition(sent, { kind: 'proveAbsent' }).kind).toBe('illegal');
    expect(apply(sent, { kind: 'loseReply' }, { kind: 'proveAbsent' }).status).toBe('notPlaced');
  });

  it('stays what it was while its venue does not show it, until something shows it again', () => {
    const accepted = apply(sent, ACCEPT);
    const missing = apply(accepted, { kind: 'miss' });
    expect(missing).toEqual({ ...accepted, isMissing: true });
    expect(apply(missing, { kind: 'requestCancel' })).toMatchObject({ status: 'pendingCancel', isMissing: true });
    for (const shown of [ACCEPT, fill('3'), end('canceled', '0')]) expect(apply(missing, shown)).toMatchObject({ isMissing: false });
    // What was never there, or has ended, cannot go missing.
    for (const state of [sent, apply(sent, { kind: 'loseReply' }), apply(accepted, end('canceled', '0'))])
      expect(transition(state, { kind: 'miss' }).kind).toBe('illegal');
  });

  it('never leaves the table, whatever comes in whatever order', () => {
    const events = fc.oneof(
      fc.constantFrom<OrderEvent>(
        { kind: 'deny' },
        { kind: 'authorise' },
        { kind: 'submit' },
        { kind: 'expireUnsent' },
        { kind: 'reject' },
        { kind: 'loseReply' },
        { kind: 'proveAbsent' },
        { kind: 'requestCancel' },
        { kind: 'miss' },
        ACCEPT,
      ),
      fc.integer({ min: 1, max: 4 }).map((quantity) => fill(String(quantity))),
      fc
        .tuple(fc.constantFrom('filled', 'canceled', 'expired'), fc.integer({ min: 0, max: 10 }))
        .map(([status, executed]) => end(status, String(executed))),
    );
    fc.assert(
      fc.property(fc.array(events, { maxLength: 30 }), (story) => {
        let state = START;
        let filled = ZERO;
        for (const event of story) {
          const moved = transition(state, event);
          if (moved.kind === 'illegal') continue;
          const isEvidence = event.kind === 'fill' || event.kind === 'accept' || event.kind === 'end';
          if (!isEvidence) expect(TRANSITIONS[state.status][event.kind]).toBe(moved.state.status);
          if (event.kind === 'fill') filled = filled.plus(event.quantity);
          expect(moved.state.executedQuantity.eq(filled)).toBe(true);
          expect(leavesQuantity(moved.state).eq(isFinal(moved.state.status) ? ZERO : maximum(ZERO, decimal('10').minus(filled)))).toBe(
            true,
          );
          if (isFinal(moved.state.status) && moved.state.venueExecutedQuantity !== undefined && isEvidence) {
            expect(filled.gte(moved.state.venueExecutedQuantity) || filled.gte('10')).toBe(true);
          }
          state = moved.state;
        }
      }),
    );
  });

  it('gives the average price exactly, and none before the first fill', () => {
    expect(averagePrice(sent)).toBeUndefined();
    expect(averagePrice(apply(sent, fill('1', '10'), fill('3', '20')))?.toFixed()).toBe('17.5');
  });
});
