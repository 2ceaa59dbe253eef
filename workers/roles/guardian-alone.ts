import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { AlertLoop } from '../../activities/alerts/alert-loop.js';
import { DatabaseLoss } from '../../activities/alerts/database-loss.js';
import { ChatHalts } from '../../activities/chat/chat-halts.js';
import { haltVenues } from '../../activities/kill/dependencies.js';
import { killHere, saidOnce } from '../../activities/kill/here.js';
import type { MissingKill } from '../../activities/ports/watch.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { AccountWatch } from '../../activities/watch/account-watch.js';
import { Watchers } from '../../activities/watch/watchers.js';
import { WatchSilence } from '../../activities/watch/silence.js';
import { evidenceFiles } from '../../adapters/storage/evidence-files.js';
import { createAlertStore } from '../../adapters/store/alert-store.js';
import { createChatHaltStore } from '../../adapters/store/chat-halt-store.js';
import { createChatReadingStore } from '../../adapters/store/chat-reading-store.js';
import { openHaltStore } from '../../adapters/store/halt-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { createProtectionStore } from '../../adapters/store/protection-store.js';
import { createWatcherStore, createWatchSilenceStore, createWatchStore } from '../../adapters/store/watch-store.js';
import { evidenceFolder, INTERVALS } from '../../config/index.js';
import { alertChannels, haltingChat } from '../composition/alert-channels.js';
import { measureClock } from '../composition/clock-skew.js';
import { applyConfiguration, openVenues } from '../composition/configuration.js';
import { openMetrics } from '../composition/metrics-server.js';
import type { PortWraps } from '../composition/ports.js';
import type { LocalProcess } from '../composition/process.js';
import { countedTogether } from '../composition/venues.js';
import { watchedAccount } from '../composition/watched-account.js';

const BOOKS_READ_MS = 15_000;

export type GuardianAlone = Awaited<ReturnType<typeof guardAlone>>;

/**
 * What a guardian does with database and venues alone, from its first moment on and for as long as it lives: the account watch with a direct
 * path for its halts (P26), alerts, halts from a chat, and telling people of what nobody watches or answers.
 */
export async function guardAlone(process: LocalProcess, wraps: PortWraps) {
  const { config, log, clock, env, epoch, instanceId, pool, databaseUrl } = process;
  const bars = wraps.market(process.market);
  const orders = wraps.store(process.orders);
  const channels = alertChannels(config, env, log);
  const metrics = await openMetrics('guardian', env['KEELSON_METRICS_PORT']);
  const calendar = await applyConfiguration(process, false);
  const venues = await openVenues({ ...process, market: bars }, wraps.venue);

  // No stream of prices: an exit asks the venue, but the venue's clock is kept, in which signals expire.
  const live = new StreamedMarket(clock);
  const accounts = Object.keys(config.accounts);
  const stopMeasuring = accounts.map((account) => measureClock(account, (name) => venues.opened(name), live, log));
  const watchers = new Watchers({
    store: createWatcherStore(pool),
    accounts,
    together: (account) => countedTogether(process, account),
    watcher: randomUUID(),
    clock,
    log,
  });
  await watchers.start();
  // What reads the books locks nothing, and may take longer than what does.
  const readPool = openPool(databaseUrl, { applicationName: 'keelson-reconcile', max: 2, statementTimeoutMs: BOOKS_READ_MS });
  const protection = createProtectionStore(pool);
  const books = { store: orders, epoch };
  const tradedOf = (account: string) =>
    config.strategies
      .filter((one) => one.account === account)
      .flatMap((one) => one.instruments.map((instrument) => ({ instrument, intervalMs: INTERVALS[one.interval] })));
  const killParts = {
    ...books,
    venueOf: venues.of,
    live,
    instanceId,
    kills: createKillStore(pool, wraps.store, readPool),
    protection,
    files: evidenceFiles(evidenceFolder(env)),
    newId: randomUUID,
    clock,
  };
  const sayOf = new Map(accounts.map((account) => [account, saidOnce((line) => log.warn({ account }, line))]));
  const kill = async (account: string, missing: MissingKill, stopping: AbortSignal): Promise<void> => {
    const say = sayOf.get(account)?.(missing.of) ?? ((line: string) => log.warn({ account }, line));
    const dependencies = { ...killParts, venueOf: haltVenues(venues.of), pause: (ms: number) => wait(ms) };
    await killHere(dependencies, account, missing, { say, stopping });
  };
  const halts = openHaltStore(databaseUrl);
  const watches: AccountWatch[] = [];
  for (const account of accounts) {
    // An account whose venue was never reached has no heartbeat, which denies entries.
    void venues.opened(account).then((venue) => {
      const store = createWatchStore(pool);
      const watched = watchedAccount(config, account, venue, tradedOf(account));
      const { of: watchersOf, tellNeed } = watchers;
      watches.push(new AccountWatch({ store, halt: halts, kill, bars, live, watchersOf, tellNeed, clock, log }, watched));
    });
  }
  const silence = new WatchSilence({ store: createWatchSilenceStore(pool), accounts, log });
  const databaseLoss = new DatabaseLoss({ answers: () => pool.query('select'), channels, accounts, clock, log });
  const alerts = new AlertLoop({ store: createAlertStore(pool, databaseUrl), channels, log });
  const halting = haltingChat(config, env);
  const reading = createChatReadingStore(pool);
  if (halting === undefined) {
    void reading
      .forget()
      .catch((error: unknown) => log.warn({ error: String(error) }, 'that no chat is read any more was not written down'));
  }
  const chatHalts =
    halting === undefined
      ? undefined
      : new ChatHalts({
          ...halting,
          store: createChatHaltStore(pool),
          reading,
          reader: randomUUID(),
          halt: halts,
          newCode: () => randomUUID().slice(0, 8),
          pause: (ms, signal) => wait(ms, undefined, { signal }).catch(() => undefined),
          log,
        });

  return {
    ...{ bars, orders, metrics, calendar, venues, live, accounts, watchers, readPool, protection, books, tradedOf, killParts },
    async close() {
      databaseLoss.close();
      await chatHalts?.close();
      await Promise.all([silence.close(), ...watches.map((watch) => watch.close())]);
      await watchers.close();
      // Last of those that raise and tell: what they have raised is told by whoever is there next.
      await alerts.close();
      await halts.close();
      for (const stop of stopMeasuring) stop();
      await venues.close();
      await readPool.end();
      await metrics.close();
    },
  };
}
