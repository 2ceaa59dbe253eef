import type { WorkflowHandle } from '@temporalio/client';
import { INSTRUMENT, type Ledger } from '../../support/ledger.js';
import type { OrderWorker } from '../../support/order-worker.js';
import type { PaperAccount } from '../../support/paper-account.js';
import { until } from './wait.js';

const INTERVAL_MS = 1_000;
/** So many bars after the fault has struck: what it took away must be filled by then. */
const BARS_AFTER = 4;

/** The bar stream of a lane, for the stories that spoil it. */
export class BarWatch {
  private readonly account: PaperAccount;
  private readonly ledger: Ledger;
  private readonly worker: OrderWorker;
  private handle: WorkflowHandle | undefined;
  private from = 0;
  private runs = 0;

  constructor(account: PaperAccount, ledger: Ledger, worker: OrderWorker) {
    this.account = account;
    this.ledger = ledger;
    this.worker = worker;
  }

  /** Prices play, and the stream has told its first bar. */
  async start(): Promise<void> {
    const { taskQueue, client } = this.worker;
    this.account.paper.start();
    this.runs += 1;
    const workflowId = `bars:${this.account.account}:${this.runs}:${taskQueue}`;
    this.from = Date.now();
    this.handle = await client.workflow.start('watchBars', { taskQueue, workflowId, args: [this.account.account, '1s'] });
    await until('no bar was streamed', async () => (await this.stored('stream')).length > 0);
    this.from = (await this.stored('stream'))[0] ?? this.from;
  }

  /**
   * Waits until `hasStruck` and for some bars more, stops, and says what is wrong: every bar from the first to the last is
   * stored once, as the venue shows it.
   */
  async finish(hasStruck: () => boolean): Promise<string[]> {
    if (this.handle === undefined) return [];
    await until('the fault of the bar stream does not strike', hasStruck);
    const last = Date.now() + BARS_AFTER * INTERVAL_MS;
    await until('no bars come after the fault', async () => ((await this.stored('stream')).at(-1) ?? 0) >= last);
    await until('the bars that the fault took away are not filled', async () => (await this.missing()).length === 0).catch(() => undefined);
    const missing = await this.missing();
    this.account.paper.pausePrices();
    await this.handle.cancel();
    this.handle = undefined;
    return missing;
  }

  private async stored(source?: 'stream'): Promise<number[]> {
    const { rows } = await this.ledger.database.pool.query<{ at: string }>(
      `select open_time::text as at from bars where venue = $1 and open_time >= $2 and ($3::text is null or source = $3) order by open_time`,
      [this.account.venueName, this.from, source ?? null],
    );
    return rows.map((row) => Number(row.at));
  }

  /** Bars that the venue has, up to the newest stored one, and the store has not, or has otherwise. */
  private async missing(): Promise<string[]> {
    const count = (Date.now() - this.from) / INTERVAL_MS + 2;
    const [shown, kept] = await Promise.all([
      this.account.venue.reader.bars(INSTRUMENT, INTERVAL_MS, this.from, Math.ceil(count)),
      this.ledger.bars.lastBars(this.account.venueName, INSTRUMENT, INTERVAL_MS, Math.ceil(count)),
    ]);
    const newest = kept.at(-1)?.openTime ?? 0;
    const known = new Map(kept.map((bar) => [bar.openTime, bar.close]));
    return shown
      .filter((bar) => bar.openTime <= newest && known.get(bar.openTime) !== bar.close)
      .map((bar) => `bar ${bar.openTime}: the venue closed at ${bar.close}, stored is ${known.get(bar.openTime) ?? 'nothing'}`);
  }
}
