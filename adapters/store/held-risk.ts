import type { Pool } from 'pg';
import type { RiskKey, RiskSource } from '../../activities/ports/risk.js';
import type { OrderStore } from '../../activities/ports/store.js';
import { effectiveMode } from '../../core/control/mode.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { ApprovedOrder } from '../../core/risk/approved-order.js';
import type { RiskView, WatchHeartbeat } from '../../core/risk/view.js';
import { CLOCK_AHEAD_MS } from '../../core/risk/watch-heartbeat.js';
import { isCurrent, readAccountRisk, viewOf, watchedAt, withEntry, type AccountRisk } from './account-risk.js';
import { listen } from './listener.js';

const CHANNEL = 'keelson_risk';
/** Changes come in bursts, the steps of one order: one reading serves them all, and does not compete with the next step. */
const TOGETHER_MS = 25;
/** What only frees makes a held view stricter than it need be, and a denial is never made on it: it is read anew when there is time. */
const FREED_MS = 1_000;
/** Before what the account watch has sampled. */
const WATCH_PREFIX = 'watch ';
/** Before the name of an account whose orders hold less than they did; every other payload is the name of an account, or empty for all of them. */
const FREED_PREFIX = 'freed ';

type Heartbeat = WatchHeartbeat & { readonly account: string };

export interface HeldRiskOptions {
  readonly pool: Pool;
  /** Of the same database, for the connection that listens. */
  readonly url: string;
  readonly applicationName: string;
  readonly store: Pick<OrderStore, 'readRisk'>;
  /** Whose risk state is held; of another account every read goes to the database. */
  readonly accounts: readonly string[];
  readonly log: { warn(data: object, message: string): void };
}

interface Read {
  readonly risk: AccountRisk;
  readonly readAt: number;
  readonly readTime: number;
}

interface Held extends Read {
  /** Whether entries of ours were added to what was read: a notification then seldom tells of anything else. */
  readonly isFollowed: boolean;
}

/**
 * Holds the risk state of accounts in memory, so that authorising needs no read (P4). The database tells of each change;
 * what is held is then read anew, and while nobody could tell, nothing is held.
 *
 * A view that is some milliseconds old lets no order through that a fresh one would deny, for each input has its guard:
 * mode, limits, active version: the control row's version, compared by authorise and again by submit;
 * positions, working orders, balances, blocked instruments, venue filters, the economic calendar: the risk state's version, compared by authorise;
 * what an order held and has freed moves no version: until it is read anew the view is stricter than it need be;
 * latches: asked for by submit itself, under the lock of the control row;
 * the account watch: its samples are told with their times, and one that is not told goes on ageing until entries are denied;
 * the time: moved on by what has passed, so that what ages goes on ageing.
 */
export class HeldRisk implements RiskSource {
  private readonly options: HeldRiskOptions;
  private readonly held = new Map<string, Held>();
  /** With when they were heard, by this process's own clock. */
  private readonly heartbeats = new Map<string, { readonly heartbeat: WatchHeartbeat; readonly heardAt: number }>();
  private readonly reads = new Map<string, Promise<void>>();
  private readonly changedMeanwhile = new Set<string>();
  /** Accounts that have changed and are read in a moment, or at once by whoever asks first. */
  private readonly changed = new Map<string, NodeJS.Timeout>();
  /** Accounts whose orders have freed something. */
  private readonly freed = new Map<string, NodeJS.Timeout>();
  /** Accounts that are read anew whatever their versions are. */
  private readonly inDoubt = new Set<string>();
  /** Accounts whose version was not the held one when it was looked at: an entry of ours may have been on its way. */
  private readonly moved = new Set<string>();
  private isClosing = false;
  /** Of the connection that listens now; what was begun under another is not kept. */
  private listening: object | undefined;
  private stopListening: () => Promise<void> = async () => undefined;

  private constructor(options: HeldRiskOptions) {
    this.options = options;
  }

  /** Returns when everything is held, or when that failed for the first time: it is tried again until `close`. */
  static async open(options: HeldRiskOptions): Promise<HeldRisk> {
    const source = new HeldRisk(options);
    await new Promise<void>((resolve) => source.listen(resolve));
    return source;
  }

  async read(key: RiskKey, { fresh = false }: { readonly fresh?: boolean } = {}): Promise<RiskView> {
    const { account } = key;
    const isFollowed = this.held.get(account)?.isFollowed === true;
    // What is held led to a conflict or to a denial; its versions alone do not tell why.
    if (fresh && isFollowed) this.readSoon(account);
    // A verdict on what has changed meanwhile would be refused. Where entries of ours were added, it is they that are told of.
    if (!fresh && !isFollowed) {
      if (this.changed.has(account)) this.refresh(account);
      await this.reads.get(account);
    }
    const held = fresh ? undefined : this.held.get(account);
    return held === undefined ? this.options.store.readRisk(key) : viewNow(held, key);
  }

  /** What `read` would give without asking anybody, or waiting. */
  heldView(key: RiskKey): RiskView | undefined {
    const { account } = key;
    const held = this.held.get(account);
    if (held === undefined || (!held.isFollowed && (this.changed.has(account) || this.reads.has(account)))) return undefined;
    return viewNow(held, key);
  }

  /**
   * The active version of a strategy on an instrument as it is held, without waiting for anything: the control row's version
   * guards it when the verdict is written. Absent when nothing is held, `null` when no version is active.
   */
  heldVersion({ account, strategy, instrument }: RiskKey): string | null | undefined {
    const held = this.held.get(account);
    if (held === undefined) return undefined;
    return held.risk.activeVersions.find((one) => one[0] === strategy && one[1] === instrument)?.[2] ?? null;
  }

  /** Whether a halt over a strategy on an instrument is held, without waiting for anything. It spares work, and guards nothing: submit asks for latches itself. */
  isHalted(key: RiskKey): boolean {
    const held = this.held.get(key.account);
    if (held === undefined) return false;
    const { mode, latches, venue } = viewOf(held.risk, key, 0);
    return effectiveMode(mode, latches, { ...key, venue }) === 'killed';
  }

  async close(): Promise<void> {
    this.isClosing = true;
    await this.stopListening();
    this.forget();
    await Promise.all(this.reads.values());
  }

  private listen(tried: () => void): void {
    const { url, applicationName, accounts } = this.options;
    this.stopListening = listen({
      url,
      applicationName: `${applicationName}-risk`,
      channel: CHANNEL,
      onNotification: (payload) => {
        if (payload.startsWith(FREED_PREFIX)) return this.refreshLater(payload.slice(FREED_PREFIX.length));
        if (payload.startsWith(WATCH_PREFIX)) return this.hear(JSON.parse(payload.slice(WATCH_PREFIX.length)) as Heartbeat);
        if (payload !== '') return this.refreshSoon(payload);
        for (const account of accounts) this.readSoon(account);
      },
      onListening: () => {
        // Only now: what changes after these reads is told.
        this.listening = {};
        for (const account of accounts) this.refresh(account);
        void Promise.all(this.reads.values()).then(tried);
      },
      onLost: (error) => {
        this.forget();
        this.warn(error, 'changes of the risk state are not told: it is read from the database each time');
        tried();
      },
    });
  }

  authorised(order: StoredOrder, approved: Pick<ApprovedOrder, 'riskVersion' | 'overrides'>): void {
    const { account } = order;
    const held = this.held.get(account);
    const risk = held === undefined ? undefined : withEntry(held.risk, order, approved);
    if (held !== undefined && risk !== undefined) this.held.set(account, { ...held, risk, isFollowed: true });
    // The next verdict may be asked for before the notification has come, and what is being read now may be of before.
    if (risk === undefined || this.reads.has(account)) this.refreshSoon(account);
  }

  /** The heartbeat of the account watch comes each second with its times: it is taken as it is, and nothing is read for it. */
  private hear({ account, ...heartbeat }: Heartbeat): void {
    this.heartbeats.set(account, { heartbeat, heardAt: performance.now() });
    const held = this.held.get(account);
    if (held === undefined) return;
    // The database's clock was set: by the one of the view this would be silent, or would be fresh in a time to come.
    if (isOfClockOf(held, heartbeat)) this.held.set(account, { ...held, risk: watchedAt(held.risk, heartbeat) });
    else this.readSoon(account);
  }

  private forget(): void {
    this.listening = undefined;
    this.held.clear();
    for (const timer of [...this.changed.values(), ...this.freed.values()]) clearTimeout(timer);
    this.changed.clear();
    this.freed.clear();
    this.heartbeats.clear();
  }

  private refreshSoon(account: string): void {
    if (!this.options.accounts.includes(account)) return;
    if (this.reads.has(account)) this.changedMeanwhile.add(account);
    else if (!this.changed.has(account))
      this.changed.set(
        account,
        setTimeout(() => this.refresh(account), TOGETHER_MS),
      );
  }

  /** The same, though its versions may be the ledger's. */
  private readSoon(account: string): void {
    this.inDoubt.add(account);
    this.refreshSoon(account);
  }

  private refreshLater(account: string): void {
    if (!this.options.accounts.includes(account) || this.freed.has(account)) return;
    this.freed.set(
      account,
      setTimeout(() => {
        this.freed.delete(account);
        this.inDoubt.add(account);
        this.refresh(account);
      }, FREED_MS),
    );
  }

  /** Reads an account anew if it has changed; what changes while that goes on is read once more after it. */
  private refresh(account: string): void {
    clearTimeout(this.changed.get(account));
    this.changed.delete(account);
    if (this.reads.has(account)) {
      this.changedMeanwhile.add(account);
      return;
    }
    const reading = this.hold(account, this.listening).finally(() => {
      this.reads.delete(account);
      if (this.changedMeanwhile.delete(account)) this.refreshSoon(account);
    });
    this.reads.set(account, reading);
  }

  private async hold(account: string, listening: object | undefined): Promise<void> {
    const readAt = performance.now();
    const readTime = Date.now();
    const { pool } = this.options;
    const before = this.held.get(account);
    const isAnew = this.inDoubt.delete(account) || before?.isFollowed !== true;
    try {
      if (!isAnew) {
        if (await isCurrent(pool, before.risk)) return void this.moved.delete(account);
        // Once more, in a moment: its reply has come by then.
        if (!this.moved.has(account)) {
          this.moved.add(account);
          return void this.changedMeanwhile.add(account);
        }
      }
      this.moved.delete(account);
      clearTimeout(this.freed.get(account));
      this.freed.delete(account);
      const risk = await readAccountRisk(pool, account);
      // A sample that was told while this was read may not be in it.
      const heard = this.heartbeats.get(account);
      const isTaken = heard !== undefined && heard.heardAt >= readAt && isOfClockOf({ risk, readAt, readTime }, heard.heartbeat);
      const watched = isTaken ? watchedAt(risk, heard.heartbeat) : risk;
      if (listening === undefined || this.listening !== listening) return;
      const held = this.held.get(account);
      // An entry of ours was written meanwhile: the next reading has it as well.
      if (held?.isFollowed === true && BigInt(held.risk.account.riskVersion) > BigInt(risk.account.riskVersion)) this.readSoon(account);
      else this.held.set(account, { risk: watched, readAt, readTime, isFollowed: false });
    } catch (error) {
      this.held.delete(account);
      if (!this.isClosing) this.warn(error, `the risk state of ${account} could not be read; the next change reads it`);
    }
  }

  private warn(error: unknown, message: string): void {
    this.options.log.warn({ error: error instanceof Error ? error.message : String(error) }, message);
  }
}

function viewNow(held: Held, key: RiskKey): RiskView {
  return viewOf(held.risk, key, elapsedMs(held));
}

/** Either clock may stand still or be set back while the other goes on. */
function elapsedMs({ readAt, readTime }: Read): number {
  return Math.max(0, performance.now() - readAt, Date.now() - readTime);
}

/** Whether it was just sampled by the clock that the view has. */
function isOfClockOf(read: Read, { sampledTime }: WatchHeartbeat): boolean {
  return Math.abs(sampledTime - (read.risk.account.databaseTime + elapsedMs(read))) <= CLOCK_AHEAD_MS;
}
