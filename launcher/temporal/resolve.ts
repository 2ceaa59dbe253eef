import { join } from 'node:path';
import { chooseBinary, type ResolveProgress } from './choose.js';
import { type ExternalServer, externalServer } from './external.js';
import { build } from './sources/build.js';
import { download } from './sources/download.js';
import { keptServer, userCacheFolder } from './sources/kept.js';
import { namedBinary, onPath } from './sources/named.js';
import { versionThatWrote, type TemporalBinary } from './start.js';

export interface ResolveTemporalOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Root of the clone: its `deploy/temporal` is built where nothing else is there. */
  readonly repoDir: string;
  /** Where servers are kept for all clones; by default the user's cache. */
  readonly cacheDir?: string;
  /** The file that the server will open: never by an older one than wrote it. */
  readonly dbFile?: string;
  readonly report?: (progress: ResolveProgress) => void;
}

export type ResolvedTemporal =
  | ({ readonly kind: 'external' } & ExternalServer)
  | { readonly kind: 'binary'; readonly source: string; readonly binary: TemporalBinary };

/**
 * Settles which Temporal server is used. An address that was given is used or refused, never passed over; without one
 * the sources of a program are tried in order.
 *
 * @throws KeelsonError CONFIG_TEMPORAL for a given address that will not do, CONFIG_NO_TEMPORAL when no source has one
 */
export async function resolveTemporal(options: ResolveTemporalOptions): Promise<ResolvedTemporal> {
  const external = await externalServer(options.env);
  if (external !== undefined) return { kind: 'external', ...external };
  const cacheDir = options.cacheDir ?? userCacheFolder(options.env);
  const sourceDir = join(options.repoDir, 'deploy', 'temporal');
  const sources = [
    namedBinary(options.env),
    keptServer(cacheDir, sourceDir),
    onPath(options.env),
    download(cacheDir),
    build(cacheDir, sourceDir, options.env),
  ];
  const writtenBy = options.dbFile === undefined ? undefined : await versionThatWrote(options.dbFile);
  return { kind: 'binary', ...(await chooseBinary(sources, writtenBy, options.report ?? (() => {}))) };
}
