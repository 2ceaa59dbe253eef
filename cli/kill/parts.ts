import { setTimeout as wait } from 'node:timers/promises';
import { haltVenues, type KillDependencies } from '../../activities/kill/dependencies.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { createProtectionStore } from '../../adapters/store/protection-store.js';
import { evidenceFiles } from '../../adapters/storage/evidence-files.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { secrets, venueUrls, type Config } from '../../config/index.js';
import { KeelsonError } from '../../core/errors.js';

const PROFILES = { binance: BINANCE, kraken: KRAKEN } as const;
const CLOCK_MS = 10_000;

/** A connection of this process's own to the venue of an account. @throws as createVenue does, and INPUT_UNKNOWN_ACCOUNT */
export async function openVenue(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  account: string,
  clock: () => number,
): Promise<Venue> {
  const name = config.accounts[account]?.venue;
  const configured = name === undefined ? undefined : config.venues[name];
  if (name === undefined || configured === undefined) {
    throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account, known: Object.keys(config.accounts).join(', ') });
  }
  const { apiKey, apiSecret } = secrets(env, account);
  const urls = venueUrls(config, name, env);
  const profile = PROFILES[configured.profile];
  return createVenue({ name, profile, urls, apiKey, secret: apiSecret, clock, account, live: !configured.paper });
}

export interface DirectLedger {
  readonly dependencies: KillDependencies;
  /** Aborted when the database is another instance now: this ledger gives out no connection to it (P31). */
  readonly replaced: AbortController;
  close(): Promise<void>;
}

/** What the steps of a kill need of the ledger, over connections of this process's own. */
export async function ledgerOf(options: {
  readonly url: string;
  readonly account: string;
  readonly venue: Venue;
  readonly now: () => number;
  readonly newId: () => string;
  readonly folder: string;
}): Promise<DirectLedger> {
  const { url, account, venue, now, newId, folder } = options;
  const replaced = new AbortController();
  const pool = openPool(url, { applicationName: 'keelson-direct', max: 4, onReplaced: () => replaced.abort() });
  const live = new StreamedMarket(now);
  const measure = async (): Promise<void> => {
    live.seeClock(account, await venue.reader.clock());
  };
  const { instanceId, epoch } = await measure()
    .then(() => createControlStore(pool).epoch())
    .catch(async (error: unknown) => {
      await pool.end().catch(() => undefined);
      throw error;
    });
  const timer = setInterval(() => void measure().catch(() => undefined), CLOCK_MS);
  return {
    dependencies: {
      store: createOrderStore(pool),
      kills: createKillStore(pool),
      protection: createProtectionStore(pool),
      venueOf: haltVenues(() => venue),
      live,
      instanceId,
      epoch,
      files: evidenceFiles(folder),
      newId,
      clock: now,
      // What comes next after a failover waits for no next look.
      pause: (ms) => wait(ms, undefined, { signal: replaced.signal }).catch(() => undefined),
    },
    replaced,
    async close() {
      clearInterval(timer);
      await pool.end();
    },
  };
}
