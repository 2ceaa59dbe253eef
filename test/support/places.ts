interface PlacesOptions<T> {
  /** How many there are. */
  readonly most: number;
  open(): Promise<T>;
  close(present: T): Promise<void>;
}

/**
 * So many places for work at the same time, and in each what the work needs: opened by the first that comes, handed on for as long
 * as anybody waits, and closed after the last. What work has failed in is closed at once, and the next has a new one. They are opened
 * one after the other: what starts programs takes all that the machine has.
 */
export class Places<T> {
  private readonly options: PlacesOptions<T>;
  private readonly waiting: ((left: T | undefined) => void)[] = [];
  private free: number;
  private opening: Promise<unknown> = Promise.resolve();

  constructor(options: PlacesOptions<T>) {
    this.options = options;
    this.free = options.most;
  }

  /** With nothing in them. */
  static empty(most: number): Places<undefined> {
    return new Places<undefined>({ most, open: async () => undefined, close: async () => undefined });
  }

  /** Works in the next place that is free. @throws what the work throws, or what keeps it from being opened */
  async run<Result>(work: (present: T) => Promise<Result>): Promise<Result> {
    let left = await this.next();
    try {
      const present = (left ??= await this.open());
      return await work(present);
    } catch (error) {
      const broken = left;
      left = undefined;
      if (broken !== undefined) await this.options.close(broken);
      throw error;
    } finally {
      await this.leave(left);
    }
  }

  private open(): Promise<T> {
    const mine = this.opening.then(() => this.options.open());
    this.opening = mine.catch(() => undefined);
    return mine;
  }

  /** @returns what was left there, if anything */
  private async next(): Promise<T | undefined> {
    if (this.free === 0) return new Promise((resolve) => this.waiting.push(resolve));
    this.free -= 1;
    return undefined;
  }

  private async leave(left: T | undefined): Promise<void> {
    const next = this.waiting.shift();
    if (next !== undefined) return next(left);
    this.free += 1;
    if (left !== undefined) await this.options.close(left);
  }
}
