import type { PositionKey } from '../../core/protection/position-key.js';
import { nameOfKey } from '../../core/signal/signal.js';
import type { OwnerCause } from '../order/audit.js';
import type { OutboxRow, OutboxStore } from '../ports/outbox.js';
import type { Kills } from '../ports/kill.js';
import type { Owners } from '../ports/owners.js';
import type { RunbookRuns, RunToWake } from '../ports/runbook.js';

const KINDS = ['positionChanged', 'haltChanged', 'runbookAsked', 'runbookEnded'] as const;
const MOST_ROWS = 200;
/** Longer than any row is kept waiting below. */
const CLAIM_MS = 5_000;
/** Where a notification was lost the rows are found after this long. */
const LOOK_AGAIN_MS = 1_000;
/** The fills of one entry come together: one stop is to cover them all, and each look of the owner costs a task. */
const TOGETHER_MS = 30;
/** Most changes of a stop are the owner's own doing, and over by then. */
const STOP_CHANGED_MS = 500;

export interface OutboxDependencies {
  readonly outbox: OutboxStore;
  readonly owners: Pick<Owners, 'wake' | 'tell'>;
  readonly kills: Kills;
  readonly runbooks: RunbookRuns;
  readonly log: { warn(data: object, message: string): void };
}

/** Rows of one position that wait for a moment, to be one reason to look. */
interface Group {
  readonly key: PositionKey;
  readonly ids: string[];
  /** Something was bought, or lives on: the owner is started where none runs. */
  isUrgent: boolean;
  timer: NodeJS.Timeout;
}

/**
 * Drains the outbox until stopped: tells the owner of each position whose books have changed, starts the kill of each account that
 * was halted, starts or wakes the runs of runbooks for which a cause was found, and ends those that another has superseded. A row is
 * done when that is; one that fails is claimed again when its claim has ended, by whoever is there then.
 */
export class OutboxLoop {
  private readonly dependencies: OutboxDependencies;
  private readonly groups = new Map<string, Group>();
  private readonly telling = new Set<Promise<void>>();
  private isRunning = false;
  private isDue = false;
  private isOver = false;
  private readonly timer: NodeJS.Timeout;
  private readonly stopListening: () => Promise<void>;
  private current: Promise<void> = Promise.resolve();

  constructor(dependencies: OutboxDependencies) {
    this.dependencies = dependencies;
    this.stopListening = dependencies.outbox.listen(() => this.due());
    this.timer = setInterval(() => this.due(), LOOK_AGAIN_MS);
  }

  /** Owners that wait to be told are told at once. */
  async close(): Promise<void> {
    this.isOver = true;
    clearInterval(this.timer);
    await this.stopListening();
    await this.current;
    for (const name of this.groups.keys()) this.tell(name);
    await Promise.all(this.telling);
  }

  private due(): void {
    this.isDue = true;
    if (this.isRunning || this.isOver) return;
    this.isRunning = true;
    this.current = this.drain().finally(() => {
      this.isRunning = false;
    });
  }

  private async drain(): Promise<void> {
    while (this.isDue && !this.isOver) {
      this.isDue = false;
      try {
        const rows = await this.dependencies.outbox.claim(KINDS, MOST_ROWS, CLAIM_MS);
        if (rows.length === MOST_ROWS) this.isDue = true;
        for (const row of rows) {
          if (row.kind === 'haltChanged') this.follow(this.startKill(row));
          else if (row.kind === 'runbookAsked' || row.kind === 'runbookEnded') this.follow(this.tellRun(row));
          else this.gather(row);
        }
      } catch (error) {
        this.report(error, 'the outbox could not be read; it is read again');
      }
    }
  }

  private gather({ id, data }: OutboxRow): void {
    // A row of an earlier release has no cause: it counts as the urgent one.
    const { account, strategy, instrument, because = 'bought' } = data as PositionKey & { readonly because?: OwnerCause };
    const name = nameOfKey([account, strategy, instrument]);
    const isUrgent = because !== 'stopChanged';
    const wait = (): NodeJS.Timeout => setTimeout(() => this.tell(name), isUrgent ? TOGETHER_MS : STOP_CHANGED_MS);
    const group = this.groups.get(name);
    if (group === undefined) {
      this.groups.set(name, { key: { account, strategy, instrument }, ids: [id], isUrgent, timer: wait() });
      return;
    }
    group.ids.push(id);
    if (!isUrgent || group.isUrgent) return;
    group.isUrgent = true;
    clearTimeout(group.timer);
    group.timer = wait();
  }

  private tell(name: string): void {
    const group = this.groups.get(name);
    if (group === undefined) return;
    clearTimeout(group.timer);
    this.groups.delete(name);
    this.follow(this.finish(group));
  }

  private follow(work: Promise<void>): void {
    const told = work.finally(() => this.telling.delete(told));
    this.telling.add(told);
  }

  private async startKill({ id, data }: OutboxRow): Promise<void> {
    const { kills, outbox } = this.dependencies;
    try {
      await kills.wake((data as { readonly account: string }).account);
      await outbox.finish([id]);
    } catch (error) {
      this.report(error, 'the kill of an account could not be started; it is tried again');
    }
  }

  private async tellRun({ id, kind, data }: OutboxRow): Promise<void> {
    const { runbooks, outbox } = this.dependencies;
    try {
      const run = data as RunToWake;
      await (kind === 'runbookEnded' ? runbooks.end(run) : runbooks.wake(run));
      await outbox.finish([id]);
    } catch (error) {
      this.report(error, 'a run of a runbook could not be started, told, or ended; it is tried again');
    }
  }

  private async finish({ key, ids, isUrgent }: Group): Promise<void> {
    const { owners, outbox } = this.dependencies;
    try {
      await (isUrgent ? owners.wake(key) : owners.tell(key));
      await outbox.finish(ids);
    } catch (error) {
      this.report(error, 'the owner of a position could not be told; it is tried again');
    }
  }

  private report(error: unknown, message: string): void {
    this.dependencies.log.warn({ error: error instanceof Error ? error.message : String(error) }, message);
  }
}
