import { invariant } from '../../core/errors.js';
import type { Venue } from '../../activities/ports/venue.js';
import { WeightMeter } from '../../core/venue/weight.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { secrets, venueUrls } from '../../config/index.js';
import type { WorkerProcess } from './process.js';

const PROFILES = { binance: BINANCE, kraken: KRAKEN } as const;

/** One venue connection for each account of the configuration; no process shares one with another. */
export class Venues {
  private readonly byAccount = new Map<string, Venue>();

  static async open({ config, env, clock }: WorkerProcess, wrap: (venue: Venue) => Venue = (venue) => venue): Promise<Venues> {
    const venues = new Venues();
    // A venue counts by address, whichever account calls.
    const meters = new Map<string, WeightMeter>();
    try {
      for (const [account, { venue: name }] of Object.entries(config.accounts)) {
        const configured = config.venues[name];
        invariant(configured !== undefined, `account ${account} names a configured venue`);
        const { apiKey, apiSecret } = secrets(env, account);
        const instruments = [...new Set(config.strategies.filter((one) => one.account === account).flatMap((one) => one.instruments))];
        const profile = PROFILES[configured.profile];
        const meter = meters.get(name) ?? new WeightMeter(profile.rateBudget.weight);
        meters.set(name, meter);
        const venue = await createVenue({
          profile,
          meter,
          urls: venueUrls(config, name, env),
          apiKey,
          secret: apiSecret,
          clock,
          account,
          instruments,
          live: !configured.paper,
        });
        venues.byAccount.set(account, wrap(venue));
      }
    } catch (error) {
      await venues.close();
      throw error;
    }
    return venues;
  }

  readonly of = (account: string): Venue => {
    const venue = this.byAccount.get(account);
    invariant(venue !== undefined, `account ${account} is configured`);
    return venue;
  };

  async close(): Promise<void> {
    await Promise.all([...this.byAccount.values()].map((venue) => venue.close()));
  }
}
