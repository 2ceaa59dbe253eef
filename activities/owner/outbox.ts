import type { PositionKey } from '../../core/protection/position-key.js';
import { nameOfKey } from '../../core/signal/signal.js';
import type { OutboxRow, OutboxStore } from '../ports/outbox.js';
import type { Owners } from '../ports/owners.js';

const KINDS = ['positionChanged'] as const;
const MOST_ROWS = 200;
const CLAIM_MS = 5_000;
/** Where a notification was lost the rows are found after this long. */
const LOOK_AGAIN_MS = 1_000;

export interface OutboxDependencies {
  readonly outbox: OutboxStore;
  readonly owners: Pick<Owners, 'wake'>;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Drains the outbox until stopped: wakes the owner of each position whose books have changed. A row is done when its owner
 * was woken; one that fails is claimed again when its claim has ended, by whoever is there then.
 */
export class OutboxLoop {
  private readonly dependencies: OutboxDependencies;
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

  async close(): Promise<void> {
    this.isOver = true;
    clearInterval(this.timer);
    await this.stopListening();
    await this.current;
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
        await Promise.all([...byPosition(rows).values()].map((group) => this.wake(group)));
      } catch (error) {
        this.report(error, 'the outbox could not be read; it is read again');
      }
    }
  }

  private async wake({ key, ids }: Group): Promise<void> {
    try {
      await this.dependencies.owners.wake(key);
      await this.dependencies.outbox.finish(ids);
    } catch (error) {
      this.report(error, 'the owner of a position could not be woken; it is tried again');
    }
  }

  private report(error: unknown, message: string): void {
    this.dependencies.log.warn({ error: error instanceof Error ? error.message : String(error) }, message);
  }
}

interface Group {
  readonly key: PositionKey;
  readonly ids: string[];
}

/** Several changes of one position are one reason to look. */
function byPosition(rows: readonly OutboxRow[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { id, data } of rows) {
    const { account, strategy, instrument } = data as PositionKey;
    const name = nameOfKey([account, strategy, instrument]);
    const group = groups.get(name) ?? { key: { account, strategy, instrument }, ids: [] };
    group.ids.push(id);
    groups.set(name, group);
  }
  return groups;
}
