import { tellListed } from '../../activities/not-listed.js';
import { saveListed } from '../../activities/streams/instruments.js';
import type { CalendarSettings } from '../../activities/ports/calendar.js';
import { createCalendarStore } from '../../adapters/store/calendar-store.js';
import { configPath, limitsOf, packageVersion, type Config } from '../../config/index.js';
import { failure, KeelsonError, type Failure } from '../../core/errors.js';
import type { Venue } from '../../activities/ports/venue.js';
import type { OrderDependencies } from '../../activities/order/dependencies.js';
import { heldOf } from '../../core/venue/held.js';
import { findStrategy } from '../../core/strategy/registry.js';
import type { Closure } from '../../core/venue/weight.js';
import { orderStart } from '../../db/start-order.js';
import type { LocalProcess } from './process.js';
import { announceStart } from './start-ups.js';
import { configuredCalendar, type ConfiguredCalendar } from './calendar.js';
import { connectVenue, instrumentsOf, SharedLines, VenueMeters, Venues } from './venues.js';

/**
 * Retires the accounts that have left the configuration; brings the limits of the configuration into the ledger, and, for the role that computes strategies, their versions. Every
 * worker does it before it takes work; the second finds nothing to change. One that is left of an older start retires and activates nothing, begins no start-up, and brings no calendar.
 * @returns the economic calendar, where one is configured; it is known to the gate from now on, where no newer start has another.
 */
export async function applyConfiguration(
  { config, control, log, env, pool }: LocalProcess,
  computes: boolean,
): Promise<ConfiguredCalendar | undefined> {
  const by = { start: env['KEELSON_START'], build: packageVersion() };
  const isOlder = (await orderStart(pool, by)) === 'older';
  if (isOlder) {
    const { code, message } = failure('CONFIG_START_OLDER', { start: by.start ?? '' });
    log.error({ code }, message);
  }
  const activation = computes && !isOlder ? { start: env['KEELSON_START'] } : 'none';
  if ((await control.checkIdentity()) === 'changed')
    log.error('the database is another than before: every account is halted (keelson halts)');
  const calendar = configuredCalendar(config, configPath(env, process.cwd()));
  const settings = calendar === undefined ? null : settingsOf(calendar);
  await createCalendarStore(pool).configure(settings, by);
  for (const account of isOlder ? [] : await control.retireOthers(Object.keys(config.accounts)))
    log.warn({ account }, 'the account has left the configuration: no halt is over it any more, and nothing is opened there');
  for (const [account, { venue }] of Object.entries(config.accounts)) {
    const strategies = config.strategies
      .filter((one) => one.account === account)
      .flatMap((one) =>
        one.instruments.map((instrument) => ({
          strategy: one.id,
          instrument,
          version: findStrategy(one.id)?.version ?? 'unknown',
          modelHash: one.model.sha256,
        })),
      );
    const limits = limitsOf(config, account);
    const applied = await control.applyConfiguration({ account, venue, limits, strategies, activation, subject: 'configuration' });
    // Before anything is opened, by whichever process of a new start is the first.
    if (!isOlder) await announceStart(pool, env['KEELSON_START'], account);
    for (const { key, configured, holds } of applied.kept) {
      log.warn(
        { account, limit: key, configured, holds },
        'the configuration would loosen a limit: that takes two people (keelson limits set)',
      );
    }
    for (const one of applied.withoutLimits)
      log.error({ account, ...one }, 'a strategy without limits does not start (keelson limits list)');
  }
  return calendar;
}

function settingsOf({ sourceSha256, beforeMs, afterMs, maxAgeMs }: ConfiguredCalendar): CalendarSettings {
  return { sourceSha256, beforeMs, afterMs, maxAgeMs };
}

/**
 * Opens the venues of all accounts. What an account needs before its first order is done with the opening: the venue's filters
 * are stored, and what the account held before us is written down once.
 */
export function openVenues(process: LocalProcess, wrap: (venue: Venue) => Venue, meters = new VenueMeters()): Promise<Venues> {
  const { config, control, log, orders, clock } = process;
  const closures = new Map<string, Closure>();
  const lines = new SharedLines();
  const open = async (account: string): Promise<Venue> => {
    const venue = await connectVenue(process, account, meters, closures, lines);
    try {
      const { venue: name = account, inventory } = config.accounts[account] ?? {};
      await saveTraded(process, { account, venueName: name, wanted: instrumentsOf(config, account), venue });
      // Read at every start, also where it was onboarded long since or its inventory is configured: no other call of an opening is signed, so
      // by this one the venue takes the account's key, or people are told that it does not.
      const held = heldOf(await venue.reader.balances());
      await control.onboard(account, inventory ?? held);
    } catch (error) {
      await venue.close();
      throw error;
    }
    return wrap(venue);
  };
  const onAway = (account: string, error: unknown): Promise<void> => {
    const key = `venueAway:${account}:${new Date(clock()).toISOString().slice(0, 10)}`;
    return orders.openIncident({ incidents: [{ key, account, kind: 'venueAway', data: { detail: String(error) } }] });
  };
  const onRefused = (account: string, { code, message }: Failure): Promise<void> => {
    log.error({ account, code }, `${message} The account is not open: nothing is entered there, and nobody looks after what it holds.`);
    const key = `accountRefused:${account}:${code}:${new Date(clock()).toISOString().slice(0, 10)}`;
    return orders.openIncident({ incidents: [{ key, account, kind: 'accountRefused', data: { code, detail: message } }] });
  };
  const accounts = Object.keys(config.accounts);
  const wasOpen = async (): Promise<boolean> => (await control.onboarded()).some((account) => accounts.includes(account));
  const nameOf = (account: string): string => config.accounts[account]?.venue ?? '';
  return Venues.open({ accounts, nameOf, open, onAway, onRefused, wasOpen, log });
}

/**
 * Stores the filters of what an account trades. What its venue does not list (any more) is told to people, and no entry is made in it until it is
 * listed again; the rest of the account does not wait for that.
 * @throws KeelsonError RISK_INSTRUMENT_UNKNOWN where none of them is listed and the account is new: that is a mistake in its configuration
 */
async function saveTraded(
  { control, market, orders, log }: Pick<LocalProcess, 'control' | 'market' | 'orders' | 'log'>,
  of: { readonly account: string; readonly venueName: string; readonly wanted: readonly string[]; readonly venue: Venue },
): Promise<void> {
  const { account, venueName, wanted, venue } = of;
  const rules = await venue.reader.instruments();
  const [first] = wanted;
  if (first !== undefined && rules.length === 0 && !(await control.onboarded()).includes(account))
    throw new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: venueName, instrument: first });
  const { listed, unlisted } = await saveListed({ store: orders, bars: market }, { account, venueName, wanted, rules });
  if (unlisted.length > 0) log.error({ account, unlisted }, 'the venue does not list what is configured: nothing is entered there');
  await tellListed(orders, account, { unlisted, listed, isRead: true });
}

/** How the configured strategies size and work their entries: each instrument as the part of the file says that names it. */
export function entriesOf({ strategies }: Pick<Config, 'strategies'>): OrderDependencies['entriesOf'] {
  return (account, strategy, instrument) => {
    const configured = strategies.find((one) => one.account === account && one.id === strategy && one.instruments.includes(instrument));
    return configured === undefined ? undefined : { sizing: configured.sizing, execution: configured.execution };
  };
}
