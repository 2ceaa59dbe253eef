import { KeelsonError } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { PollPlan } from '../../core/venue/poll-plan.js';
import type { WatchedOrder } from '../ports/store.js';

/** The workflow of an order is quicker than this, and a send has given up by then; what is older is taken up here as well. */
const SWEEP_AFTER_MS = { authorised: PROTOCOL.authorisedForMs + 2_000, submitting: 6_000, unknown: 6_000, notPlaced: 60_000 } as const;
/** How many look-ups of an account are under way at most: one that hangs leaves the others their places. */
const MOST_AT_ONCE = 4;

/** As for an order that is unknown (P11): so long nothing may be heard of one that rests. */
const UNANSWERED_MS = 60_000;

export interface LookUpsDependencies {
  /** Takes an order one look-up further. */
  readonly poll: (order: WatchedOrder) => Promise<void>;
  readonly failed: (order: WatchedOrder, detail: string) => void;
  readonly clock: () => number;
  /** The same moment by the venue's clock. */
  readonly venueNow: () => number;
}

/** Look-ups of an order that have failed in a row: when the first and the last of them did, by our clock. */
interface Failing {
  readonly since: number;
  readonly last: number;
  readonly detail: string;
}

/**
 * Which of the watched orders of an account are looked up when, within the plan for its venue's budget (P15, P16). Beside everything else:
 * a venue that answers nothing keeps nobody waiting but those who ask it.
 */
export class LookUps {
  private readonly dependencies: LookUpsDependencies;
  /** When an order was asked for last, by our clock. */
  private readonly lastLooks = new Map<string, number>();
  private readonly underWay = new Map<string, Promise<void>>();
  /** Of those, so many ask the venue. */
  private asking = 0;
  private mostAtOnce = 1;
  /** Due, and without a place yet; chosen anew at each call. */
  private waiting: readonly WatchedOrder[] = [];
  private lastLookUpTime = 0;
  private venueTime = 0;
  /** Of the orders that are only watched, the one that waits for nothing at this moment. */
  private turn: string | undefined;
  private isEnding = false;
  private readonly failing = new Map<string, Failing>();
  /** Whose last look-up was answered. */
  private readonly answered = new Set<string>();

  constructor(dependencies: LookUpsDependencies) {
    this.dependencies = dependencies;
  }

  /**
   * Begins what is due, as far as there is room; the rest as places become free.
   * @param isShort what the venue allows is nearly used, by whomever: what is known to rest waits, the rest is for what somebody waits for, and for a kill.
   *   What was proven absent has a slow turn all the same (P13)
   * @returns what waits for that alone
   */
  take(watched: readonly WatchedOrder[], plan: PollPlan, isShort = false): readonly string[] {
    const known = new Set(watched.map((order) => order.intentId));
    for (const each of [this.lastLooks, this.failing, this.answered])
      for (const intentId of each.keys()) if (!known.has(intentId)) each.delete(intentId);
    if (this.isEnding) return [];
    this.venueTime = this.dependencies.venueNow();
    this.turn = isShort ? this.turnOf(watched) : undefined;
    this.mostAtOnce = plan.lookUpGapMs === 0 ? MOST_AT_ONCE : 1;
    const due = this.due(watched, plan);
    // What was not begun to be sent asks nobody but the ledger.
    for (const order of due) if (!isLookedUp(order)) this.begin(order);
    const asks = due.filter(isLookedUp);
    this.waiting = isShort ? asks.filter((order) => this.isUrgent(order)) : asks;
    this.fill();
    return isShort ? asks.filter((order) => !this.isUrgent(order)).map(({ intentId }) => intentId) : [];
  }

  /**
   * Of which orders nothing was heard for a minute. An order that is unknown is told of for itself (P11).
   * @returns beside them those of which this process cannot say that it is over: it has no answer yet.
   */
  unanswered(watched: readonly WatchedOrder[]): {
    readonly failing: readonly { readonly order: WatchedOrder; readonly detail: string }[];
    readonly undecided: readonly string[];
  } {
    const failing = watched.flatMap((order) => {
      const failed = this.failing.get(order.intentId);
      const isToldAlready = order.status === 'unknown' || order.status === 'submitting';
      return failed === undefined || failed.last - failed.since < UNANSWERED_MS || isToldAlready ? [] : [{ order, detail: failed.detail }];
    });
    return { failing, undecided: watched.map((order) => order.intentId).filter((intentId) => !this.answered.has(intentId)) };
  }

  /** Begins nothing more. @returns when what was under way has ended */
  async end(): Promise<void> {
    this.isEnding = true;
    this.waiting = [];
    await Promise.all(this.underWay.values());
  }

  private fill(): void {
    while (this.asking < this.mostAtOnce) {
      const [next, ...rest] = this.waiting;
      if (next === undefined) return;
      this.waiting = rest;
      this.begin(next);
    }
  }

  private begin(order: WatchedOrder): void {
    const { poll, clock } = this.dependencies;
    const { intentId } = order;
    const now = clock();
    const asks = isLookedUp(order);
    this.lastLooks.set(intentId, now);
    if (asks) {
      this.lastLookUpTime = now;
      this.asking += 1;
    }
    const ended = poll(order)
      .then(() => this.sawAnswer(intentId))
      .catch((error: unknown) => this.sawFailure(order, error))
      .finally(() => {
        this.underWay.delete(intentId);
        if (!asks) return;
        this.asking -= 1;
        this.fill();
      });
    this.underWay.set(intentId, ended);
  }

  private sawAnswer(intentId: string): void {
    this.failing.delete(intentId);
    this.answered.add(intentId);
  }

  private sawFailure(order: WatchedOrder, error: unknown): void {
    const { failed, clock } = this.dependencies;
    const detail = error instanceof Error ? error.message : String(error);
    failed(order, detail);
    // A ledger that is away says nothing of the venue.
    if (error instanceof KeelsonError && error.failure.code === 'INFRA_DATABASE') return;
    const last = clock();
    const since = Math.min(this.failing.get(order.intentId)?.since ?? last, last);
    this.failing.set(order.intentId, { since, last, detail });
    this.answered.delete(order.intentId);
  }

  /**
   * Those that wait longest first. Where the budget is short, what somebody waits for goes before them; where it allows only one look-up at a
   * time, that is all there is.
   */
  private due(watched: readonly WatchedOrder[], plan: PollPlan): readonly WatchedOrder[] {
    const now = this.dependencies.clock();
    const last = ({ intentId }: WatchedOrder): number => this.lastLooks.get(intentId) ?? 0;
    const byUrgency = (one: WatchedOrder, other: WatchedOrder): number => Number(this.isUrgent(other)) - Number(this.isUrgent(one));
    const due = watched
      .filter((order) => !this.underWay.has(order.intentId) && this.isDue(order, now, plan))
      .toSorted((one, other) => last(one) - last(other) || byUrgency(one, other));
    if (plan.lookUpGapMs === 0) return plan.lookUpMs > PROTOCOL.workingOrderPollMs ? due.toSorted(byUrgency) : due;
    const unsent = due.filter((order) => !isLookedUp(order));
    if (!isDue(now, this.lastLookUpTime, plan.lookUpGapMs)) return unsent;
    const byNeed = due.filter(isLookedUp).toSorted(byUrgency);
    return [...unsent, ...byNeed.slice(0, 1)];
  }

  /** The one that waits longest, if none had its turn for a while. */
  private turnOf(watched: readonly WatchedOrder[]): string | undefined {
    const last = ({ intentId }: WatchedOrder): number => this.lastLooks.get(intentId) ?? 0;
    const absent = watched.filter(({ status }) => status === 'notPlaced').toSorted((one, other) => last(one) - last(other));
    const latest = Math.max(0, ...absent.map(last));
    return isDue(this.dependencies.clock(), latest, SWEEP_AFTER_MS.notPlaced) ? absent[0]?.intentId : undefined;
  }

  /** Somebody waits for what becomes of it, as of a stop that has woken; what has rested for as long as it may is canceled. */
  private isUrgent(order: WatchedOrder): boolean {
    if (!isWorking(order)) return order.status !== 'notPlaced' || order.intentId === this.turn;
    return order.triggeredTime !== null || (order.workingUntil !== null && this.venueTime >= order.workingUntil);
  }

  /** How long an order has stood as it is the database says; our own clock only tells how long ago we asked for it. */
  private isDue(order: WatchedOrder, now: number, { lookUpMs, lookUpGapMs }: PollPlan): boolean {
    const last = this.lastLooks.get(order.intentId);
    const afterMs = pollAfterMs(order);
    // Of a stop that has woken its owner waits for the end (P21), and what has rested long enough is to be canceled: where all that are due are asked for at once it is not slowed with what rests.
    const isAlways = lookUpGapMs === 0 && isWorking(order) && this.isUrgent(order);
    const againMs = Math.max(afterMs, isWorking(order) && !isAlways ? lookUpMs : lookUpGapMs);
    return order.unchangedMs >= afterMs && (last === undefined || isDue(now, last, againMs));
  }
}

/** A clock that was set back makes everything due. */
export function isDue(now: number, last: number, intervalMs: number): boolean {
  return now - last >= intervalMs || now < last;
}

/** Where its poll asks the venue: what was not begun to be sent is ended by the ledger alone. */
export function isLookedUp(order: StoredOrder): boolean {
  return order.status !== 'authorised';
}

function pollAfterMs(order: StoredOrder): number {
  switch (order.status) {
    case 'authorised':
    case 'submitting':
    case 'unknown':
    case 'notPlaced':
      return SWEEP_AFTER_MS[order.status];
    default:
      return PROTOCOL.workingOrderPollMs;
  }
}

/** Known to rest at the venue. */
function isWorking({ status }: StoredOrder): boolean {
  return status === 'accepted' || status === 'partiallyFilled';
}
