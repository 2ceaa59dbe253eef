import { setTimeout as wait } from 'node:timers/promises';
import { Client, type Pool } from 'pg';
import type { RiskKey, RiskSource } from '../../activities/ports/risk.js';
import type { OrderStore } from '../../activities/ports/store.js';
import type { RiskView } from '../../core/risk/view.js';
import { readAccountRisk, viewOf, type AccountRisk } from './account-risk.js';

const CHANNEL = 'keelson_risk';
const CONNECT_AGAIN_MS = 500;
/** A connection that is silently gone tells of no change: it is asked so often. */
const ALIVE_EVERY_MS = 5_000;
const ANSWER_LIMIT_MS = 3_000;

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

interface Held {
  readonly risk: AccountRisk;
  readonly readAt: number;
  readonly readTime: number;
}

/**
 * Holds the risk state of accounts in memory, so that authorising needs no read (P4). The database tells of each change;
 * what is held is then read anew, and while nobody could tell, nothing is held.
 *
 * A view that is some milliseconds old lets no order through that a fresh one would deny, for each input has its guard:
 * mode, limits, active version: the control row's version, compared by authorise and again by submit;
 * positions, working orders, balances, blocked instruments, venue filters: the risk state's version, compared by authorise;
 * latches: asked for by submit itself, under the lock of the control row;
 * the time: moved on by what has passed, so that what ages goes on ageing.
 */
export class HeldRisk implements RiskSource {
  private readonly options: HeldRiskOptions;
  private readonly held = new Map<string, Held>();
  private readonly reads = new Map<string, Promise<void>>();
  private readonly changedMeanwhile = new Set<string>();
  private readonly closing = new AbortController();
  /** Of the connection that listens now; what was begun under another is not kept. */
  private listening: object | undefined;
  private running: Promise<void> = Promise.resolve();

  private constructor(options: HeldRiskOptions) {
    this.options = options;
  }

  /** Returns when everything is held, or when that failed for the first time: it is tried again until `close`. */
  static async open(options: HeldRiskOptions): Promise<HeldRisk> {
    const source = new HeldRisk(options);
    await new Promise<void>((resolve) => {
      source.running = source.keepListening(resolve);
    });
    return source;
  }

  async read(key: RiskKey, { fresh = false }: { readonly fresh?: boolean } = {}): Promise<RiskView> {
    // What is being read anew has changed: a verdict on the old would be refused.
    if (!fresh) await this.reads.get(key.account);
    const held = fresh ? undefined : this.held.get(key.account);
    if (held === undefined) return this.options.store.readRisk(key);
    // Either clock may stand still or be set back while the other goes on.
    const elapsedMs = Math.max(0, performance.now() - held.readAt, Date.now() - held.readTime);
    return viewOf(held.risk, key, elapsedMs);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
    await Promise.all(this.reads.values());
  }

  private async keepListening(tried: () => void): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.listen(tried);
      } catch (error) {
        if (!signal.aborted) this.warn(error, 'changes of the risk state are not told: it is read from the database each time');
      }
      this.forget();
      tried();
      await wait(CONNECT_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the connection is lost, which throws, or until `close`. */
  private async listen(caughtUp: () => void): Promise<void> {
    const { url, applicationName, accounts } = this.options;
    const client = new Client({
      connectionString: url,
      application_name: `${applicationName}-risk`,
      connectionTimeoutMillis: ANSWER_LIMIT_MS,
      query_timeout: ANSWER_LIMIT_MS,
      keepAlive: true,
    });
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('the connection ended')));
      this.closing.signal.addEventListener('abort', () => resolve(), { once: true });
      timer = setInterval(() => void client.query('select 1').catch(reject), ALIVE_EVERY_MS);
    });
    over.catch(() => undefined);
    try {
      await client.connect();
      client.on('notification', ({ payload }) => {
        for (const account of payload === '' || payload === undefined ? accounts : [payload]) this.refresh(account);
      });
      await client.query(`listen ${CHANNEL}`);
      // Only now: what changes after these reads is told.
      this.listening = client;
      for (const account of accounts) this.refresh(account);
      await Promise.all(this.reads.values());
      caughtUp();
      await over;
    } finally {
      clearInterval(timer);
      this.forget();
      // Not waited for: the other side of a connection that was lost may never answer.
      client.end().catch(() => undefined);
    }
  }

  private forget(): void {
    this.listening = undefined;
    this.held.clear();
  }

  /** Reads an account anew; what changes while that goes on is read once more after it. */
  private refresh(account: string): void {
    if (!this.options.accounts.includes(account)) return;
    if (this.reads.has(account)) {
      this.changedMeanwhile.add(account);
      return;
    }
    const reading = this.hold(account, this.listening).finally(() => {
      this.reads.delete(account);
      if (this.changedMeanwhile.delete(account)) this.refresh(account);
    });
    this.reads.set(account, reading);
  }

  private async hold(account: string, listening: object | undefined): Promise<void> {
    const readAt = performance.now();
    const readTime = Date.now();
    try {
      const risk = await readAccountRisk(this.options.pool, account);
      if (listening !== undefined && this.listening === listening) this.held.set(account, { risk, readAt, readTime });
    } catch (error) {
      this.held.delete(account);
      if (!this.closing.signal.aborted) this.warn(error, `the risk state of ${account} could not be read; the next change reads it`);
    }
  }

  private warn(error: unknown, message: string): void {
    this.options.log.warn({ error: error instanceof Error ? error.message : String(error) }, message);
  }
}
