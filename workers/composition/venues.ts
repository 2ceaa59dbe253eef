import { setTimeout as wait } from 'node:timers/promises';
import { KeelsonError, invariant, type Failure } from '../../core/errors.js';
import type { Venue } from '../../activities/ports/venue.js';
import { Closure, LONGEST_BLOCK_MS, WeightMeter, type WeightBudget } from '../../core/venue/weight.js';
import { isUnlisted } from '../../core/venue/unlisted.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { OrderLines } from '../../adapters/venue/order-lines.js';
import type { WireProfile } from '../../adapters/venue/profiles/wire-profile.js';
import { secrets, venueUrls, type Config } from '../../config/index.js';
import type { LocalProcess } from './process.js';

const PROFILES = { binance: BINANCE, kraken: KRAKEN } as const;
/**
 * A kill may wait for it, and has a wait of its own. What somebody has to mend is asked less: a venue locks out who knocks with a wrong key, and
 * goes on with it when the key is right by then. So that is offered after a minute at the earliest, and less often each time.
 */
const AGAIN_MS = { first: 1_000, most: 3_000, away: 60_000, unmended: 60_000, longest: LONGEST_BLOCK_MS } as const;
/** What may pass by itself. */
const PASSING: readonly string[] = ['VENUE_UNAVAILABLE', 'VENUE_RATE_LIMITED'];

export interface VenuesOptions {
  readonly accounts: readonly string[];
  /** The venue of an account, as the configuration calls it. */
  readonly nameOf: (account: string) => string;
  /** Opens the connection of an account and does what has to be done before it is used. */
  readonly open: (account: string) => Promise<Venue>;
  readonly log: { warn(data: object, message: string): void; info(data: object, message: string): void };
  /** Called once for an account whose venue has been away for a minute: people have to know. */
  readonly onAway: (account: string, error: unknown) => Promise<void>;
  /** Called once, at once, for an account that its venue refuses: somebody has to mend it. */
  readonly onRefused: (account: string, failure: Failure) => Promise<void>;
  /** Whether an account of the configuration has ever been open: else it is new, and a mistake in it is told by refusing the start. */
  readonly wasOpen: () => Promise<boolean>;
  /** Returns early, and does not throw, when it is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly againMs?: { readonly [wait in keyof typeof AGAIN_MS]: number };
}

/**
 * One venue connection for each account of the configuration; no process shares one with another. A venue that cannot be
 * reached at the start, or refuses the account (its key), is opened when it can: the other accounts do not wait for it, nor
 * do stops, exits and settling of theirs.
 */
export class Venues {
  private readonly options: VenuesOptions;
  private readonly byAccount = new Map<string, Venue>();
  private readonly opening = new Set<Promise<void>>();
  private readonly closed = new AbortController();
  private readonly awaited = new Map<string, ((venue: Venue) => void)[]>();
  /** Why an account is not open yet, in words. */
  private readonly because = new Map<string, string>();

  private constructor(options: VenuesOptions) {
    this.options = options;
  }

  /**
   * Returns when each account has been tried once. @throws what is no account's own, such as CONFIG_…; and what the venue refuses (VENUE_AUTH,
   * RISK_INSTRUMENT_UNKNOWN, …) where there is no other account, and none has ever been open.
   */
  static async open(options: VenuesOptions): Promise<Venues> {
    const venues = new Venues(options);
    const tried = await Promise.allSettled(options.accounts.map((account) => venues.tryOpen(account)));
    const failed = tried.filter((one) => one.status === 'rejected').map((one): unknown => one.reason);
    const fatal = failed.find((error) => refusalOf(error) === undefined);
    const isFirst = fatal === undefined && failed.length > 0 && failed.length === tried.length && !(await options.wasOpen());
    if (fatal !== undefined || isFirst) {
      await venues.close();
      throw fatal ?? failed[0];
    }
    for (const [index, account] of options.accounts.entries()) {
      const one = tried[index];
      if (one?.status === 'rejected') venues.again(account, one.reason);
    }
    return venues;
  }

  /** @throws KeelsonError VENUE_UNAVAILABLE as long as it could not be reached: whoever asks asks again. */
  readonly of = (account: string): Venue => {
    const venue = this.byAccount.get(account);
    if (venue !== undefined) return venue;
    invariant(this.options.accounts.includes(account), `account ${account} is configured`);
    throw new KeelsonError('VENUE_UNAVAILABLE', {
      venue: this.options.nameOf(account),
      call: 'since the start',
      detail: `the connection of ${account} is not open yet: ${this.because.get(account) ?? 'it is being opened'}`,
    });
  };

  /** The venue of an account once it is open, which may be now, later, or never. */
  opened(account: string): Promise<Venue> {
    const venue = this.byAccount.get(account);
    if (venue !== undefined) return Promise.resolve(venue);
    return new Promise((resolve) => {
      this.awaited.set(account, [...(this.awaited.get(account) ?? []), resolve]);
    });
  }

  async close(): Promise<void> {
    this.closed.abort();
    await Promise.all(this.opening);
    await Promise.all([...this.byAccount.values()].map((venue) => venue.close()));
  }

  /** Throws what waiting does not mend. */
  private async tryOpen(account: string): Promise<void> {
    try {
      this.hold(account, await this.options.open(account));
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.again(account, error);
    }
  }

  private again(account: string, error: unknown): void {
    this.tellOf(account, error);
    const again = this.keepTrying(account, error).finally(() => this.opening.delete(again));
    this.opening.add(again);
  }

  private async keepTrying(account: string, first: unknown): Promise<void> {
    const { open, log, againMs = AGAIN_MS, pause = waitUnlessEnded } = this.options;
    const { signal } = this.closed;
    const told = new Set<string>();
    let error = first;
    let waitedMs = 0;
    for (let waitMs = againMs.first; !signal.aborted; waitMs *= 2) {
      const refusal = refusalOf(error);
      if (refusal !== undefined && !told.has(refusal.code)) {
        told.add(refusal.code);
        await this.tell(account, () => this.options.onRefused(account, refusal));
      }
      waitMs = nextWaitMs(error, waitMs, againMs);
      await pause(waitMs, signal);
      if (signal.aborted) return;
      try {
        this.hold(account, await open(account));
        log.info({ account }, 'the venue is open');
        return;
      } catch (failed) {
        error = failed;
        this.tellOf(account, error);
        const isAwayNow = waitedMs < againMs.away && waitedMs + waitMs >= againMs.away;
        waitedMs += waitMs;
        if (isAwayNow && refusalOf(error) === undefined) await this.tell(account, () => this.options.onAway(account, error));
      }
    }
  }

  private tellOf(account: string, error: unknown): void {
    this.because.set(account, String(error));
    this.options.log.warn({ account, error: String(error) }, 'the venue could not be opened; it is tried again');
  }

  private async tell(account: string, people: () => Promise<void>): Promise<void> {
    await people().catch((failed: unknown) => this.options.log.warn({ account, error: String(failed) }, 'nobody could be told'));
  }

  private hold(account: string, venue: Venue): void {
    this.byAccount.set(account, venue);
    for (const resolve of this.awaited.get(account) ?? []) resolve(venue);
    this.awaited.delete(account);
  }
}

const waitUnlessEnded = (ms: number, signal: AbortSignal): Promise<void> => wait(ms, undefined, { signal }).catch(() => undefined);

function nextWaitMs(error: unknown, waitMs: number, { most, unmended, longest }: Required<VenuesOptions>['againMs']): number {
  const refusal = refusalOf(error);
  if (refusal?.code === 'VENUE_AUTH') return Math.min(longest, Math.max(unmended, waitMs));
  if (refusal !== undefined) return Math.min(unmended, waitMs);
  // Who is locked out is so for longer with each try.
  const { retryAfterMs } = error instanceof KeelsonError ? error.failure.values : {};
  return Math.max(Math.min(most, waitMs), typeof retryAfterMs === 'number' ? retryAfterMs : 0);
}

function isPassing(error: unknown): boolean {
  return error instanceof KeelsonError && PASSING.includes(error.failure.code);
}

/** What a venue says no to of one account, which is nothing to the others; undefined: it is no such thing. */
function refusalOf(error: unknown): Failure | undefined {
  if (!(error instanceof KeelsonError) || isPassing(error)) return undefined;
  return error.failure.code.startsWith('VENUE_') || isUnlisted(error) ? error.failure : undefined;
}

/** A venue counts by address, whichever account calls: one meter for all that come to the same. */
export class VenueMeters {
  private readonly byAddress = new Map<string, WeightMeter>();
  private readonly make: (address: string, budget: WeightBudget) => WeightMeter;

  constructor(make: (address: string, budget: WeightBudget) => WeightMeter = (_, budget) => new WeightMeter(budget)) {
    this.make = make;
  }

  of(rest: string, budget: WeightBudget): WeightMeter {
    const address = new URL(rest).host;
    const meter = this.byAddress.get(address) ?? this.make(address, budget);
    this.byAddress.set(address, meter);
    return meter;
  }
}

/** The connections for orders of one process: one set for all accounts that come to the same address. */
export class SharedLines {
  private readonly byAddress = new Map<string, OrderLines>();

  of(rest: string, profile: WireProfile): OrderLines {
    const key = `${profile.id} ${new URL(rest).origin}`;
    const lines = this.byAddress.get(key) ?? new OrderLines(profile);
    this.byAddress.set(key, lines);
    return lines;
  }
}

/**
 * The connection of one account, as configuration and environment tell.
 * @param closures by account: who is locked out stays so for the next opening.
 * @throws KeelsonError CONFIG_…, VENUE_…
 */
export function connectVenue(
  { config, env, clock, log }: Pick<LocalProcess, 'config' | 'env' | 'clock' | 'log'>,
  account: string,
  meters: VenueMeters,
  closures: Map<string, Closure>,
  lines: SharedLines,
): Promise<Venue> {
  const name = config.accounts[account]?.venue ?? '';
  const configured = config.venues[name];
  invariant(configured !== undefined, `account ${account} names a configured venue`);
  const { apiKey, apiSecret } = secrets(env, account);
  const profile = PROFILES[configured.profile];
  const urls = venueUrls(config, name, env);
  const meter = meters.of(urls.rest, profile.rateBudget.weight);
  const closure = closures.get(account) ?? new Closure();
  closures.set(account, closure);
  return createVenue({
    name,
    profile,
    meter,
    closure,
    lines: lines.of(urls.rest, profile),
    urls,
    apiKey,
    secret: apiSecret,
    clock,
    log,
    account,
    instruments: instrumentsOf(config, account),
    live: !configured.paper,
  });
}

export function profileOf({ accounts, venues }: Pick<Config, 'accounts' | 'venues'>, account: string): WireProfile {
  const configured = venues[accounts[account]?.venue ?? ''];
  invariant(configured !== undefined, `account ${account} names a configured venue`);
  return PROFILES[configured.profile];
}

/** The accounts that the venue counts together with this one, itself included. */
export function countedTogether({ config, env }: Pick<LocalProcess, 'config' | 'env'>, account: string): readonly string[] {
  const venueOf = (one: string): string => config.accounts[one]?.venue ?? '';
  if (profileOf(config, account).countedBy === 'account') return [account];
  const addressOf = (one: string): string => new URL(venueUrls(config, venueOf(one), env).rest).host;
  const address = addressOf(account);
  return Object.keys(config.accounts).filter((one) => addressOf(one) === address);
}

/** What the strategies of an account trade. */
export function instrumentsOf({ strategies }: Pick<Config, 'strategies'>, account: string): readonly string[] {
  return [...new Set(strategies.filter((one) => one.account === account).flatMap((one) => one.instruments))];
}
