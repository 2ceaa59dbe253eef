import { describe, expect, expectTypeOf, it } from 'vitest';
import type { ApprovedOrder, GateVerdict } from '../../core/risk/approved-order.js';
import type { OrderDraft } from '../../core/risk/draft.js';
import type { decideOrder } from '../../core/risk/gate.js';
import type { AuthoriseInput, OrderStore } from '../ports/store.js';

/** What may be written as authorised. The compiler is asked (`npm run check`): a line that it takes and should not is an error there. */
type Approved = Extract<AuthoriseInput['verdict'], { kind: 'approved' }>;
declare const approved: ApprovedOrder;
declare const draft: OrderDraft;
declare const denied: Extract<GateVerdict, { kind: 'denied' }>;
/** Never called: what is declared above is not there. */
const refusedByTheCompiler = (store: OrderStore): unknown => [
  // @ts-expect-error all that an approved order says, and no gate has said it
  { kind: 'approved', order: { ...approved } } satisfies Approved,
  // @ts-expect-error a copy of an approved one that buys more
  { kind: 'approved', order: { ...approved, quantity: approved.price } } satisfies Approved,
  // @ts-expect-error what the gate was asked about
  { kind: 'approved', order: draft } satisfies Approved,
  // @ts-expect-error what the gate has refused
  denied satisfies Approved,
  // @ts-expect-error a refusal that calls itself something else
  { ...denied, kind: 'approved' } satisfies Approved,
  // @ts-expect-error an order, where the row that was authorised is named
  store.beginSubmit(approved),
];

describe('authorise takes what the gate has approved, and nothing else', () => {
  it('is what the types say', () => {
    expect(refusedByTheCompiler).toBeTypeOf('function');
    expectTypeOf<Approved['order']>().toEqualTypeOf<ApprovedOrder>();
    expectTypeOf<ReturnType<typeof decideOrder>>().toEqualTypeOf<GateVerdict>();
    expectTypeOf<OrderDraft>().not.toExtend<ApprovedOrder>();
    expectTypeOf<Omit<ApprovedOrder, never>>().not.toExtend<ApprovedOrder>();
    expectTypeOf<ApprovedOrder>().toExtend<Omit<ApprovedOrder, never>>();
    expectTypeOf<Parameters<OrderStore['beginSubmit']>[0]['intentId']>().toEqualTypeOf<string>();
  });
});
