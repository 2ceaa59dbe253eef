import type { StoredOrder } from '../../core/order/stored-order.js';
import type { PollPlan } from '../../core/venue/poll-plan.js';
import { each } from '../each.js';
import type { Books } from '../order/evidence.js';
import { withdrawn } from '../order/resolve.js';
import type { WatchedOrder } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';

/** So many statements are under way at once, and so many questions to a venue whose budget has room for all. */
const WRITTEN_AT_ONCE = 8;
const ASKED_AT_ONCE = 4;
/** So long after a round has begun nothing more is asked: a venue that hangs takes its whole time for each. What is left is the look-ups' to cancel. */
const ROUND_MS = 15_000;

export interface WithdrawalsDependencies {
  readonly books: Books;
  readonly venue: () => Pick<Venue, 'reader'>;
  /** Takes an order one look-up further. */
  readonly resolve: (intentId: string) => Promise<unknown>;
  /** Does something, and tells when it fails. */
  readonly attempt: (what: string, work: () => Promise<void>) => Promise<boolean>;
  readonly clock: () => number;
}

/**
 * Entries that rest where none is allowed any more, also where no trading worker lives that looks after them. There may be hundreds: all wishes
 * are written before the first cancel is sent, and all cancels are sent before the first is looked up. What fails is repeated by each look-up.
 */
export class Withdrawals {
  private readonly dependencies: WithdrawalsDependencies;
  private readonly underWay = new Set<string>();

  constructor(dependencies: WithdrawalsDependencies) {
    this.dependencies = dependencies;
  }

  /** Whether it is being canceled here: nobody else need ask for it meanwhile. */
  has(intentId: string): boolean {
    return this.underWay.has(intentId);
  }

  /** One round; not for two at once. */
  async run(orders: readonly WatchedOrder[], { lookUpGapMs }: PollPlan): Promise<void> {
    const { books, venue, resolve, attempt, clock } = this.dependencies;
    for (const { intentId } of orders) this.underWay.add(intentId);
    try {
      const wished: StoredOrder[] = [];
      await each(orders, WRITTEN_AT_ONCE, ({ intentId, whyWithdrawn }) =>
        attempt(`withdrawing ${intentId}`, async () => void wished.push(await withdrawn(books, intentId, whyWithdrawn ?? ''))),
      );
      // A wish that stood already was not written again, and what is not written asks for no epoch (P31).
      if (!(await attempt('withdrawing entries', () => books.store.checkEpoch(books.epoch)))) return;
      const since = clock();
      const isAskedAtOnce = lookUpGapMs === 0;
      const ask = (what: string, work: (order: StoredOrder) => Promise<unknown>): Promise<void> =>
        each(
          wished.filter(({ isFinal }) => !isFinal),
          isAskedAtOnce ? ASKED_AT_ONCE : 1,
          async (order) => {
            if (clock() - since < ROUND_MS) await attempt(`${what} ${order.intentId}`, async () => void (await work(order)));
          },
        );
      // A cancel needs no look-up before it (P17).
      await ask('canceling', ({ instrument, clientOrderId }) => venue().reader.cancel(instrument, clientOrderId));
      // Where look-ups have to keep to a budget they come with the others, before what rests.
      if (isAskedAtOnce) await ask('looking up', ({ intentId }) => resolve(intentId));
    } finally {
      this.underWay.clear();
    }
  }
}
