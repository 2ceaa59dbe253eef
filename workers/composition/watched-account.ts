import type { Venue } from '../../activities/ports/venue.js';
import type { WatchedInstrument } from '../../activities/ports/watch.js';
import type { WatchedAccount } from '../../activities/watch/account-watch.js';
import { limitsOf, type Config } from '../../config/index.js';
import { invariant } from '../../core/errors.js';
import { OUTAGE, type OutageRules } from '../../core/outage/rules.js';

/** A stream tells its prices within seconds, however long the bars are. */
const STREAMED_MARK_MS = 60_000;

/** What the watch of an account needs to know, as the configuration says it. The losses at which it acts are limits, which it reads itself. */
export function watchedAccount(config: Config, account: string, venue: Venue, traded: readonly WatchedInstrument[]): WatchedAccount {
  const configured = config.accounts[account];
  invariant(configured !== undefined, `account ${account} is configured`);
  const { venueUnreachableMs, noMarketDataMs, unmarkedPrices } = configured.watch;
  // Two strategies may trade the same instrument: its shorter bars are the younger marks.
  const instruments = new Map<string, WatchedInstrument>();
  for (const one of traded) {
    const known = instruments.get(one.instrument);
    if (known === undefined || one.intervalMs < known.intervalMs) instruments.set(one.instrument, one);
  }
  const quote = traded[0]?.instrument.split('/')[1];
  const { priceMaxAgeMs } = limitsOf(config, account);
  const markMaxAgeMs = venue.profile.streams.bars ? Math.min(priceMaxAgeMs, STREAMED_MARK_MS) : priceMaxAgeMs;
  const settings = { venueUnreachableMs, noMarketDataMs, unmarkedPrices };
  return { account, venueName: configured.venue, venue, quote, instruments: [...instruments.values()], markMaxAgeMs, settings };
}

/** What is done when the venue of an account is lost, as the configuration says it. */
export function outageRulesOf(config: Config, account: string): OutageRules {
  const { clockSkewMs = OUTAGE.clockSkewMs } = limitsOf(config, account);
  return { ...OUTAGE, ...config.accounts[account]?.outage, clockSkewMs: Number(clockSkewMs) };
}
