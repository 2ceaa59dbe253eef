import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { pollPlan, type PollPlan } from '../../core/venue/poll-plan.js';
import { isShort } from '../../core/venue/weight.js';
import { isUnlisted } from '../../core/venue/unlisted.js';
import { adopt, bookFill, type Books } from '../order/evidence.js';
import type { Progress } from '../order/resolve.js';
import type { Owners } from '../ports/owners.js';
import type { Reconciliations } from '../ports/reconcile.js';
import type { MarketStore, ProtectionStore, WatchedOrder } from '../ports/store.js';
import type { RestingOrder, StreamEvent, Venue, VenueFill } from '../ports/venue.js';
import { concerned, refreshInstruments } from './instruments.js';
import { isDue, isLookedUp, LookUps } from './look-ups.js';
import { Shortage } from './shortage.js';
import { untilStopped } from './until-stopped.js';
import { Withdrawals } from './withdrawals.js';

const RUN_FOR_MS = 3_600_000;
const TICK_MS = 500;
const UNKNOWN_ALERT_MS = 60_000;
/** How often positions are looked for whose stop is not right: their owners are woken, or started anew (P24). And how often is told what is not answered. */
const OWNERS_MS = 5_000;
/** How often the venue's filters and statuses are read anew, the first time at once. */
const INSTRUMENTS_MS = 3_600_000;
/** … and while one of them does not trade: as soon as it does, what is held there must be protected again. */
const HALTED_INSTRUMENTS_MS = 30_000;

export interface AccountStreamDependencies {
  readonly books: Books;
  readonly venueOf: (account: string) => Venue;
  readonly venueNameOf: (account: string) => string;
  readonly bars: Pick<MarketStore, 'saveInstruments'>;
  readonly resolve: (intentId: string) => Promise<Progress>;
  readonly protection: Pick<ProtectionStore, 'held' | 'unprotected' | 'endTakenStops'>;
  readonly owners: Pick<Owners, 'wake' | 'revive'>;
  readonly reconciliations: Reconciliations;
  /** What the account trades: instruments with their base, quote and shortest bar interval. */
  readonly tradedOf: (account: string) => readonly { readonly instrument: string; readonly intervalMs: number }[];
  /** How many watches of the size that this one of an account may have share what its venue allows. */
  readonly watchersOf: (account: string) => number;
  readonly clock: () => number;
  readonly stopping: AbortSignal;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Watches an account: books every fill and every end of an order that the stream shows, polls working orders, catches
 * up after gaps and takes up what no workflow owns any more (P13, P15, P16). Two at once do no harm: what is booked is not
 * booked again.
 */
export async function streamAccount(dependencies: AccountStreamDependencies, account: string): Promise<void> {
  const watch = new AccountWatch(dependencies, account);
  await untilStopped({ stopping: dependencies.stopping, runForMs: RUN_FOR_MS }, async (signal) => {
    const ticks = setInterval(() => watch.beside('tick', () => watch.tick()), TICK_MS);
    try {
      watch.enqueue('catch-up', () => watch.catchUp());
      const { streams } = dependencies.venueOf(account);
      const watchers = (): number => dependencies.watchersOf(account);
      const resting = (): readonly RestingOrder[] => watch.resting;
      await streams.watchAccount((event) => watch.enqueue(event.kind, () => watch.see(event)), signal, { watchers, resting });
    } finally {
      clearInterval(ticks);
    }
    await watch.end();
  });
}

class AccountWatch {
  private readonly dependencies: AccountStreamDependencies;
  private readonly account: string;
  private events: Promise<void> = Promise.resolve();
  /** What is under way of the kinds that are left out while one of them is. */
  private readonly alone = new Map<string, Promise<void>>();
  private readonly lookUps: LookUps;
  private readonly shortage = new Shortage();
  private readonly withdrawals: Withdrawals;
  /** At the venue, as the last tick saw it. */
  resting: readonly RestingOrder[] = [];
  private catchUps: Promise<void> = Promise.resolve();
  private isCatchingUp = false;
  /** Catch-ups that have not begun, by what they are for: they will see what a later one would. */
  private readonly waiting = new Set<string>();
  /** Fills up to this moment of the venue's are booked, but for those that the venue shows late; undefined before the first catch-up. */
  private caughtUpTo: number | undefined;
  private isCatchUpDue = true;
  private lastCatchUpTime = 0;
  private lastOwnersTime = 0;
  private nextInstrumentsTime = 0;
  /** What the fills are listed of: what is traded, and what else was held or rested at the last catch-up. */
  private instruments: ReadonlySet<string>;

  constructor(dependencies: AccountStreamDependencies, account: string) {
    this.dependencies = dependencies;
    this.account = account;
    this.instruments = new Set(this.traded);
    this.lookUps = new LookUps({
      poll: (order) => this.poll(order),
      failed: ({ intentId }, error) => this.warn(`poll of ${intentId}`, error),
      clock: dependencies.clock,
      venueNow: () => dependencies.clock() + dependencies.venueOf(account).lastClock().skewMs,
    });
    this.withdrawals = new Withdrawals({
      books: dependencies.books,
      venue: () => dependencies.venueOf(account),
      resolve: dependencies.resolve,
      attempt: (what, work) => this.attempt(what, work),
      clock: dependencies.clock,
    });
  }

  /**
   * Events one after the other, so that a venue's order of them is kept; a failed one is told, and the poll repeats it. Catch-ups have a
   * row of their own: no fill waits for lists that a venue holds back.
   */
  enqueue(what: string, work: () => Promise<void>): void {
    if (what === 'catch-up' || what === 'gap') {
      if (this.waiting.has(what)) return;
      this.waiting.add(what);
      this.catchUps = this.catchUps.then(async () => {
        this.waiting.delete(what);
        this.isCatchingUp = true;
        await this.attempt(what, work);
        this.isCatchingUp = false;
      });
    } else {
      this.events = this.events.then(async () => void (await this.attempt(what, work)));
    }
  }

  /** Beside everything else, and not while the last one of the same name is under way: what asks the venue delays nothing that does not. */
  beside(what: string, work: () => Promise<void>): void {
    if (this.alone.has(what)) return;
    const ended = this.attempt(what, work).then(() => void this.alone.delete(what));
    this.alone.set(what, ended);
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.warn(what, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  private warn(what: string, error: string): void {
    this.dependencies.log.warn({ account: this.account, error }, `${what} failed; it is tried again`);
  }

  /** Begins no look-up any more. @returns when what was under way has ended */
  async end(): Promise<void> {
    const asked = this.lookUps.end();
    // A tick that is under way may begin more.
    while (this.alone.size > 0) await Promise.all(this.alone.values());
    await Promise.all([asked, this.events, this.catchUps]);
  }

  async see(event: StreamEvent): Promise<void> {
    const { books } = this.dependencies;
    if (event.kind === 'gap') return this.afterGap();
    if (event.kind === 'fill') {
      await bookFill(books, this.account, event.fill, event.orderCreatedTime);
      return;
    }
    const { instrument, clientOrderId, venueOrderId } = event.order;
    const order = await books.store.orderByVenueIds({ account: this.account, instrument, clientOrderId, venueOrderId });
    if (order !== undefined) await adopt(books, order.intentId, event.order, []);
  }

  /** A stream that was lost may have told less than the fills: everything is compared. What is polled tells of a gap each minute. */
  private async afterGap(): Promise<void> {
    await this.catchUp();
    if (this.profile.streams.account) await this.dependencies.reconciliations.start(this.account, 'reconnect');
  }

  /** The cursor overlaps: trades can become visible late (P16). What fails is due until it is done. */
  async catchUp(): Promise<void> {
    const { books, clock, venueOf } = this.dependencies;
    this.isCatchUpDue = true;
    const now = clock();
    this.lastCatchUpTime = now;
    const { reader } = venueOf(this.account);
    // In the venue's own time, in which its fills are: a clock of ours that is ahead would ask for what is yet to come.
    const { venueTime } = await reader.clock();
    const from = Math.min(venueTime, this.caughtUpTo ?? venueTime) - PROTOCOL.fillCatchUpOverlapMs;
    let isWhole = true;
    this.instruments = await concerned(this.dependencies, this.account, this.traded);
    const of = this.instruments;
    for (const instrument of this.profile.fillLists === 'account' ? [undefined] : of) {
      // One that cannot be read holds up no other.
      const isRead = await this.attempt(`catch-up of ${instrument ?? 'the account'}`, async () => {
        const fills = await reader.fills(instrument, from).catch(noneUnlisted);
        for (const fill of fills) if (of.has(fill.instrument)) await bookFill(books, this.account, fill);
      });
      isWhole &&= isRead;
    }
    if (!isWhole) throw new Error('not every instrument could be read');
    this.caughtUpTo = venueTime;
    this.isCatchUpDue = false;
  }

  /** It asks the ledger alone. One part that fails, or one order, holds up no other. */
  async tick(): Promise<void> {
    const { books, clock } = this.dependencies;
    const now = clock();
    const areOwnersDue = isDue(now, this.lastOwnersTime, OWNERS_MS);
    if (areOwnersDue) {
      this.lastOwnersTime = now;
      this.beside('waking owners', () => this.wakeOwners());
      this.beside('looking whether stops stay', () => this.dependencies.protection.endTakenStops(this.account));
    }
    if (now >= this.nextInstrumentsTime || this.nextInstrumentsTime - now > INSTRUMENTS_MS)
      this.beside('reading the instruments', () => this.readInstruments(now));
    const watched = await books.store.watchedOrders(this.account);
    this.resting = watched.flatMap(restingOf);
    for (const order of watched) {
      if (order.status === 'unknown' && order.ageMs > UNKNOWN_ALERT_MS)
        await this.attempt(`telling of ${order.intentId}`, () => this.alert(order));
    }
    const watchers = this.dependencies.watchersOf(this.account);
    const plan = pollPlan(this.profile, watched.filter(isLookedUp).length, this.instruments.size, watchers);
    const areFillsWaiting = this.catchUpIfDue(now, plan);
    const withdrawn = watched.filter(({ whyWithdrawn }) => whyWithdrawn !== null);
    if (withdrawn.length > 0) this.beside('withdrawing entries', () => this.withdrawals.run(withdrawn, plan));
    const orders = this.lookUps.take(
      watched.filter(({ intentId }) => !this.withdrawals.has(intentId)),
      plan,
      this.isShort(this.profile.readWeights.lookUp),
    );
    this.shortage.see(now, { orders, areFillsWaiting }, this.profile.rateBudget.weight.windowMs);
    if (!areOwnersDue) return;
    await this.attempt('telling of look-ups', () => this.tellLookUps(watched));
    await this.attempt('telling of what waits', () => this.tellShortage(now, watched));
  }

  /** Whether what the venue allows is used but for the part that is a kill's. */
  private isShort(cost: number): boolean {
    return isShort(this.dependencies.venueOf(this.account).weight(), cost);
  }

  /** What rests, and cannot be asked for, may be filled or gone without anybody knowing. */
  private async tellLookUps(watched: readonly WatchedOrder[]): Promise<void> {
    const { failing, undecided } = this.lookUps.unanswered(watched);
    const seen = failing.map(({ order: { intentId, clientOrderId, instrument, purpose, status }, detail }) => ({
      subject: intentId,
      data: { intentId, clientOrderId, instrument, purpose, status, detail },
    }));
    const { store } = this.dependencies.books;
    const of = { account: this.account, kind: 'lookUpsFail', listedAs: 'orders', quietMs: 3 * OWNERS_MS };
    await store.tellEpisodes({ ...of, seen, allOverBut: undecided });
  }

  /** … and what is not asked for at all, since others at the address use what the venue allows it. */
  private async tellShortage(now: number, watched: readonly WatchedOrder[]): Promise<void> {
    const { books, venueNameOf, venueOf } = this.dependencies;
    const at = { venue: venueNameOf(this.account), address: venueOf(this.account).address };
    const told = this.shortage.told(now, new Set(watched.map(({ intentId }) => intentId)));
    const seen = told.map((waits) => ({ subject: `${at.address} ${waits.severity}`, data: { ...at, ...waits } }));
    await books.store.tellEpisodes({ account: this.account, kind: 'lookUpsWait', seen, allOverBut: [], quietMs: 3 * OWNERS_MS });
  }

  private async readInstruments(now: number): Promise<void> {
    const { venueOf, venueNameOf } = this.dependencies;
    this.nextInstrumentsTime = now + HALTED_INSTRUMENTS_MS;
    const at = { account: this.account, venueName: venueNameOf(this.account), venue: venueOf(this.account), traded: this.traded };
    if (await refreshInstruments(this.dependencies, at)) this.nextInstrumentsTime = now + INSTRUMENTS_MS;
  }

  private async wakeOwners(): Promise<void> {
    const { owners, protection } = this.dependencies;
    for (const key of await protection.unprotected(this.account)) {
      const whose = `the owner of ${key.strategy}’s ${key.instrument}`;
      await this.attempt(`waking ${whose}`, async () => {
        if (await owners.revive(key)) this.dependencies.log.warn({ account: this.account }, `${whose} was stuck; another one goes on`);
      });
    }
  }

  private get traded(): readonly string[] {
    return this.dependencies.tradedOf(this.account).map(({ instrument }) => instrument);
  }

  private get profile(): Venue['profile'] {
    return this.dependencies.venueOf(this.account).profile;
  }

  /**
   * A stream that answers and tells nothing shows no gap; a polled account is asked for so often by what polls it.
   * @returns whether it waits because what the venue allows is nearly used. The first one after a gap never does.
   */
  private catchUpIfDue(now: number, { catchUpMs, lookUpGapMs }: PollPlan): boolean {
    if (this.isCatchingUp) return false;
    const { account: isStreamed } = this.profile.streams;
    if (!this.isCatchUpDue && !isStreamed) return false;
    const afterMs = this.isCatchUpDue ? Math.max(PROTOCOL.workingOrderPollMs, lookUpGapMs) : catchUpMs;
    if (!isDue(now, this.lastCatchUpTime, afterMs)) return false;
    if (this.isShort(this.catchUpWeight)) return true;
    this.enqueue('catch-up', () => this.catchUp());
    return false;
  }

  /** What no window has room for beside what others use would else never be asked for. */
  private get catchUpWeight(): number {
    const { fillLists, readWeights, rateBudget } = this.profile;
    return Math.min(readWeights.fills * (fillLists === 'account' ? 1 : this.instruments.size), rateBudget.weight.limit / 2);
  }

  private async poll(order: StoredOrder): Promise<void> {
    const { books, resolve, venueOf } = this.dependencies;
    if (order.status !== 'notPlaced') {
      await resolve(order.intentId);
      return;
    }
    // Proven absent, and yet watched: a venue slower than its bound is adopted with an incident (P13).
    const { reader } = venueOf(this.account);
    const seen = await reader.lookUp(order.instrument, order.clientOrderId);
    if (seen.kind === 'absent') return;
    const fills = await reader.fillsOfOrder(order.instrument, seen.order.venueOrderId);
    await adopt(books, order.intentId, seen.order, fills);
  }

  private async alert({ intentId, instrument, ageMs }: WatchedOrder): Promise<void> {
    const key = `unknownOverAMinute:${intentId}`;
    const data = { intentId, instrument, ageMs };
    await this.dependencies.books.store.openIncident({ incidents: [{ key, account: this.account, kind: 'unknownOverAMinute', data }] });
  }
}

/** Not all of what became of it is known. A cancel that is under way is seen by whoever repeats it. */
function restingOf({ status, instrument, clientOrderId, venueOrderId }: WatchedOrder): readonly RestingOrder[] {
  const rests = status === 'accepted' || status === 'partiallyFilled';
  return rests && venueOrderId !== null ? [{ instrument, clientOrderId, venueOrderId }] : [];
}

/** What is listed no more trades no more: its list would be asked for again and again. What it had filled before is found by a reconciliation. */
function noneUnlisted(error: unknown): readonly VenueFill[] {
  if (isUnlisted(error)) return [];
  throw error;
}
