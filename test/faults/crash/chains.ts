import { Crew } from './cycle.js';
import { openRuns } from './open-runs.js';
import type { CrashServers } from './servers.js';
import type { Chosen } from './points.js';
import { World, type WorldOptions } from './world.js';

const RESTING_MS = 600;

/** Cases that run one after the other in a world of these options. */
export interface Part<Case> {
  readonly options: WorldOptions;
  readonly cases: readonly Case[];
}

export type WithBooks<Result> = Result & {
  /** Everything in which ledger and venue disagreed when the case was over. */
  readonly disagreements: readonly string[];
};

export interface Running<Case, Result> {
  readonly outcomes: ReadonlyMap<Case, Promise<WithBooks<Result>>>;
  /** When every world is closed. */
  readonly closed: Promise<unknown>;
}

/**
 * Runs each part in worlds of its own, all parts at once; a world in which a case went wrong is left for a new one.
 */
export function runParts<Case, Result extends object>(
  servers: CrashServers,
  parts: readonly Part<Case>[],
  run: (crew: Crew, one: Case) => Promise<Result>,
): Running<Case, Result> {
  const outcomes = new Map<Case, Promise<WithBooks<Result>>>();
  const closing: Promise<void>[] = [];
  for (const { options, cases } of parts) {
    const chain = new Chain(servers, options);
    let before: Promise<unknown> = Promise.resolve();
    for (const one of cases) {
      const outcome = before.then(() => chain.run((crew) => run(crew, one)));
      before = outcome.catch(() => undefined);
      outcomes.set(one, outcome);
    }
    closing.push(before.then(() => chain.close()));
  }
  return { outcomes, closed: Promise.allSettled(closing) };
}

/** One case after another in one world after another. */
class Chain {
  private world: World | undefined;
  private crew: Crew | undefined;
  private readonly servers: CrashServers;
  private readonly options: WorldOptions;

  constructor(servers: CrashServers, options: WorldOptions) {
    this.servers = servers;
    this.options = options;
  }

  async run<Result extends object>(work: (crew: Crew) => Promise<Result>): Promise<WithBooks<Result>> {
    try {
      this.world ??= await World.open(this.servers, this.options);
      this.crew ??= await Crew.start(this.world);
      const result = await work(this.crew);
      return { ...result, disagreements: await this.world.disagreements() };
    } catch (error) {
      if (error instanceof Error && this.world !== undefined) error.message += `\n${await report(this.world)}`;
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { world } = this;
    this.crew = undefined;
    this.world = undefined;
    await world?.close();
  }
}

/** What there is to see where a case went wrong, before its world is closed. */
async function report(world: World): Promise<string> {
  return `runs that are open:\n${await openRuns(world.client).catch(String)}\nprograms:\n${world.describePrograms()}`;
}

/** Deals cases out to so many worlds. */
export function dealt<Case>(cases: readonly Case[], worlds: number, options: WorldOptions = {}): Part<Case>[] {
  return Array.from({ length: worlds }, (_, world) => ({ options, cases: cases.filter((_case, index) => index % worlds === world) }));
}

/** Entries that rest are of another configuration than those that fill at once, and so of another world. */
export function partsOf(crashes: readonly Chosen[], worlds: number): readonly Part<Chosen>[] {
  const resting = { options: { restingMs: RESTING_MS }, cases: crashes.filter((crash) => crash.resting) };
  const others = crashes.filter((crash) => !crash.resting);
  return [resting, ...dealt(others, worlds)];
}
