import type ccxt from 'ccxt';
import type { pro } from 'ccxt';

/** The venues of the library that we have a profile for. */
export type CcxtId = 'binance' | 'kraken';
export type CcxtRest = InstanceType<(typeof ccxt)[CcxtId]>;
export type CcxtStreams = InstanceType<(typeof pro)[CcxtId]>;

/** The library's classes for one venue: its REST client and its streaming client. */
export interface CcxtClasses {
  readonly rest: new (settings: object) => CcxtRest;
  readonly streams: new (settings: object) => CcxtStreams;
}

/**
 * The library's main file loads more than a hundred venues, which takes most of the time in which a worker comes back after
 * a crash. So the files of one venue are imported alone, past the library's `exports`: its version is pinned, and a test
 * shows that they are the very classes that its main file gives.
 */
export async function ccxtClasses(id: CcxtId): Promise<CcxtClasses> {
  const [rest, streams] = await Promise.all([classIn<CcxtRest>(`src/${id}.js`), classIn<CcxtStreams>(`src/pro/${id}.js`)]);
  return { rest, streams };
}

async function classIn<Client>(path: string): Promise<new (settings: object) => Client> {
  const { default: found } = (await import(new URL(path, import.meta.resolve('ccxt')).href)) as {
    readonly default: new (settings: object) => Client;
  };
  return found;
}
