import { chmodSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Everything that a running Keelson keeps on disk, below KEELSON_HOME. */
export interface HomePaths {
  readonly home: string;
  readonly lock: string;
  /** Addresses and pids of what runs, while it runs. */
  readonly runFile: string;
  /** The processes started, for whoever comes after a killed supervisor. */
  readonly children: string;
  readonly ownerKey: string;
  /** Keys of further people, a file each. */
  readonly keys: string;
  readonly postgres: string;
  readonly temporal: string;
  /** What a restore has put something else in the place of, by the time of it. */
  readonly replaced: string;
  readonly venue: string;
  readonly venueJournal: string;
  readonly venueKeys: string;
  /** The paper venue's accounts with their secrets, as it is started with them. */
  readonly venueAccounts: string;
  readonly logs: string;
  /** Which build the open workflow runs were replayed on last. */
  readonly replayedBuild: string;
  /** What flags changed for this start, for the workers to read. */
  readonly effectiveConfig: string;
}

export function homePaths(home: string): HomePaths {
  const root = resolve(home);
  return {
    home: root,
    lock: join(root, 'lock'),
    runFile: join(root, 'run.json'),
    children: join(root, 'children.json'),
    ownerKey: join(root, 'owner-key'),
    keys: join(root, 'keys'),
    postgres: join(root, 'postgres'),
    temporal: join(root, 'temporal'),
    replaced: join(root, 'replaced'),
    venue: join(root, 'venue'),
    venueJournal: join(root, 'venue', 'journal.ndjson'),
    venueKeys: join(root, 'venue', 'keys.json'),
    venueAccounts: join(root, 'venue', 'accounts.json'),
    logs: join(root, 'logs'),
    replayedBuild: join(root, 'temporal', 'replayed-build'),
    effectiveConfig: join(root, 'effective.config.json'),
  };
}

/** Where the key of a person is kept, if it is kept here. The name has to be one that people can have. */
export function personKeyPath(paths: Pick<HomePaths, 'ownerKey' | 'keys'>, person: string): string {
  return person === 'owner' ? paths.ownerKey : join(paths.keys, person);
}

/**
 * Makes the folders that are missing. The home is for its owner alone: it holds keys. Root's may be passed
 * through, not listed (711): the account that runs Postgres for root has to reach the data in it.
 */
export function prepareHome(paths: HomePaths): void {
  for (const folder of [paths.home, paths.keys, paths.temporal, paths.venue, paths.logs]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  chmodSync(paths.home, process.getuid?.() === 0 ? 0o711 : 0o700);
}
