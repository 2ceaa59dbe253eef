import { isUnlisted } from '../../core/venue/unlisted.js';
import { tellListed } from '../not-listed.js';
import type { OrderStore } from '../ports/store.js';
import type { VenueReader } from '../ports/venue.js';

/** How often the bars of an instrument are asked for again that could not be read; of one that is not listed, seldom. */
const AGAIN_MS = 5_000;
const UNLISTED_AGAIN_MS = 30_000;

export interface WarmUpsDependencies {
  readonly account: string;
  readonly reader: Pick<VenueReader, 'instruments'>;
  readonly store: Pick<OrderStore, 'tellEpisodes'>;
  /** Fills the windows of an instrument's strategies. */
  readonly warmUp: (instrument: string) => Promise<void>;
  readonly clock: () => number;
  readonly report: (error: unknown, what: string) => void;
}

/** An instrument whose windows are not filled yet. */
interface Left {
  readonly triedTime: number;
  readonly isUnlisted: boolean;
}

/**
 * Fills the windows of a bar stream's strategies. An instrument that the venue does not list (any more), or does not tell of now, holds up no
 * other: it is tried again beside the stream, and people are told of what is not listed.
 */
export class WarmUps {
  private readonly dependencies: WarmUpsDependencies;
  private readonly left = new Map<string, Left>();
  private readonly underWay = new Set<Promise<void>>();

  constructor(dependencies: WarmUpsDependencies) {
    this.dependencies = dependencies;
  }

  /** @throws what the venue answers where that is no answer for any of them: then there is nothing to stream yet. */
  async begin(instruments: readonly string[]): Promise<void> {
    const failed = (await Promise.all(instruments.map((instrument) => this.attempt(instrument)))).filter((error) => error !== undefined);
    const isAway = failed.length === instruments.length && failed.every((error) => !isUnlisted(error));
    const [first] = failed;
    if (isAway && first !== undefined) throw first;
  }

  /** Tries on beside the stream. @returns ends that, when what is under way has ended */
  keepTrying(): () => Promise<void> {
    const timer = setInterval(() => this.tryAgain(), AGAIN_MS);
    return async () => {
      clearInterval(timer);
      await Promise.all(this.underWay);
    };
  }

  private tryAgain(): void {
    if (this.underWay.size > 0) return;
    const now = this.dependencies.clock();
    for (const [instrument, { triedTime, isUnlisted: isSeldom }] of this.left) {
      if (Math.abs(now - triedTime) < (isSeldom ? UNLISTED_AGAIN_MS : AGAIN_MS)) continue;
      const trying: Promise<void> = this.attempt(instrument).then(() => void this.underWay.delete(trying));
      this.underWay.add(trying);
    }
  }

  /** @returns why it failed */
  private async attempt(instrument: string): Promise<Error | undefined> {
    const { reader, warmUp, clock, report } = this.dependencies;
    const triedTime = clock();
    try {
      // Our own list of the venue's instruments may be as old as this process.
      if (this.left.get(instrument)?.isUnlisted) await reader.instruments([instrument]);
      await warmUp(instrument);
      this.left.delete(instrument);
      return undefined;
    } catch (error) {
      report(error, `reading the bars of ${instrument}`);
      this.left.set(instrument, { triedTime, isUnlisted: isUnlisted(error) });
      if (isUnlisted(error)) await this.tell(instrument);
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private async tell(instrument: string): Promise<void> {
    const { store, account, report } = this.dependencies;
    try {
      await tellListed(store, account, { unlisted: [instrument], listed: [], isRead: false });
    } catch (error) {
      // It is told at the next try.
      report(error, `telling that ${instrument} is not listed`);
    }
  }
}
