import { Places } from '../../support/places.js';
import { Crew } from './cycle.js';
import { openRuns } from './open-runs.js';
import type { Chosen } from './points.js';
import type { CrashServers } from './servers.js';
import { World, type WorldOptions } from './world.js';

const RESTING_MS = 600;
/** So long an entry rests that is filled by hand, part by part. */
const IN_PARTS_MS = 600_000;
/** What entries of such a world do. */
export const IN_PARTS: WorldOptions = { restingMs: IN_PARTS_MS };

type WithBooks<Result> = Result & {
  /** Everything in which ledger and venue disagreed when the case was over, and what was wrong at the venue on the way. */
  readonly disagreements: readonly string[];
};

/** Worlds of one configuration, so many at the same time, each with its crew; one takes one case after the other. */
export class Worlds {
  private readonly places: Places<Crew>;

  constructor(servers: CrashServers, most: number, options: WorldOptions = {}) {
    this.places = new Places({
      most,
      async open() {
        const world = await World.open(servers, options);
        try {
          return await told(world, () => Crew.start(world));
        } catch (error) {
          await world.close();
          throw error;
        }
      },
      close: ({ world }) => world.close(),
    });
  }

  /** Does a case in the next world that is free. @throws what the case throws, with what there is to see where it went wrong */
  run<Result extends object>(work: (crew: Crew) => Promise<Result>): Promise<WithBooks<Result>> {
    return this.places.run((crew) =>
      told(crew.world, async () => ({
        ...(await work(crew)),
        disagreements: [...(await crew.world.disagreements()), ...crew.world.broken()],
      })),
    );
  }
}

/** What there is to see where work went wrong is added to its error, before its world is closed. */
async function told<T>(world: World, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) {
      error.message += `\nruns that are open:\n${await openRuns(world.client).catch(String)}\nprograms:\n${world.describePrograms()}`;
    }
    throw error;
  }
}

/** Entries that rest, for a moment or until they have filled, are of other configurations than those that fill at once, and so of worlds of their own. */
export function crashWorlds(servers: CrashServers, most: number): (crash: Chosen) => Worlds {
  const resting = new Worlds(servers, 1, { restingMs: RESTING_MS });
  const inParts = new Worlds(servers, 1, IN_PARTS);
  const others = new Worlds(servers, most);
  return (crash) => (crash.resting ? resting : crash.phase === 'more' ? inParts : others);
}
