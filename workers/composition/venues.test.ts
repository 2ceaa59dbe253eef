import { beforeEach, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { KeelsonError } from '../../core/errors.js';
import { countedTogether, VenueMeters, Venues, type VenuesOptions } from './venues.js';
import { eventually } from '../../test/support/eventually.js';

const UNREACHABLE = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'clock', detail: 'refused' });
const log = { warn: () => undefined, info: () => undefined };

/** Venues that tell when they are closed. */
function counted() {
  let open = 0;
  const venue = (): Venue => {
    open += 1;
    return { close: async () => void (open -= 1) } as unknown as Venue;
  };
  return { venue, stillOpen: () => open };
}

const away: string[] = [];
/** Accounts that their venue refuses, each with the code. */
const refused: string[] = [];
let wasOpen = false;
beforeEach(() => {
  away.splice(0);
  refused.splice(0);
  wasOpen = false;
});

const openAll = (
  open: VenuesOptions['open'],
  accounts = ['far', 'near'],
  again: Pick<VenuesOptions, 'againMs' | 'pause'> = { againMs: { first: 1, most: 2, away: 4, unmended: 3, longest: 6 } },
): Promise<Venues> =>
  Venues.open({
    accounts,
    nameOf: (account) => `venue-${account}`,
    open,
    log,
    onAway: async (account) => void away.push(account),
    onRefused: async (account, { code }) => void refused.push(`${account} ${code}`),
    wasOpen: () => Promise.resolve(wasOpen),
    ...again,
  });

const MISTYPED = new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: 'paper', instrument: 'BTC/USTD' });
const REVOKED = new KeelsonError('VENUE_AUTH', { venue: 'paper', account: 'far', detail: 'no such key' });
const LOCKED_OUT = new KeelsonError('VENUE_RATE_LIMITED', { venue: 'paper', account: 'far', call: 'balances', retryAfterMs: 60_000 });

it.each([
  ['an instrument that its venue does not list any more', MISTYPED],
  ['a key that was revoked', REVOKED],
])(
  '%s keeps no other account from being open: people are told once with the code, and it is tried until it is mended',
  async (_, error) => {
    const { venue, stillOpen } = counted();
    let failing: Error | undefined = error;
    let tries = 0;
    const venues = await openAll(async (account) => {
      if (account === 'near') return venue();
      tries += 1;
      if (failing !== undefined) throw failing;
      return venue();
    });
    expect(venues.of('near')).toBeDefined();
    expect(() => venues.of('far')).toThrow(error.message);
    await eventually(() => expect(tries).toBeGreaterThan(3));
    // It may be away as well, and still is what it was.
    failing = UNREACHABLE;
    await eventually(() => expect(() => venues.of('far')).toThrow('refused'));
    failing = error;
    const before = tries;
    await eventually(() => expect(tries).toBeGreaterThan(before + 2));
    failing = undefined;
    expect(await venues.opened('far')).toBe(venues.of('far'));
    expect(refused).toEqual([`far ${error.failure.code}`]);
    await venues.close();
    expect(stillOpen()).toBe(0);
  },
);

it('a first configuration of which every account is refused is refused itself; one that was open before comes up', async () => {
  const open = (account: string) => Promise.reject(account === 'far' ? MISTYPED : REVOKED);
  await expect(openAll(open)).rejects.toBe(MISTYPED);
  expect(refused).toEqual([]);
  wasOpen = true;
  const venues = await openAll(open);
  await eventually(() => expect(refused.sort()).toEqual(['far RISK_INSTRUMENT_UNKNOWN', 'near VENUE_AUTH']));
  await venues.close();
});

it('P22, P23: an account does not wait for the venue of another, which is opened when it can be', async () => {
  const { venue, stillOpen } = counted();
  let isReachable = false;
  const venues = await openAll(async (account) => {
    if (account === 'far' && !isReachable) throw UNREACHABLE;
    return venue();
  });
  expect(venues.of('near')).toBeDefined();
  const notOpen = 'venue-far did not answer since the start: the connection of far is not open yet: KeelsonError: VENUE_UNAVAILABLE';
  expect(() => venues.of('far')).toThrow(notOpen);
  await eventually(() => expect(away).toEqual(['far']));
  const opened = venues.opened('far');
  isReachable = true;
  expect(await opened).toBe(venues.of('far'));
  expect(await venues.opened('near')).toBe(venues.of('near'));
  expect(away).toEqual(['far']);
  await venues.close();
  expect(stillOpen()).toBe(0);
});

it.each([
  ['a wrong address', new KeelsonError('CONFIG_VENUE_ADDRESS', {})],
  ['a ledger that is away', new KeelsonError('INFRA_DATABASE', {})],
  ['an error of ours', new TypeError('odd')],
])('%s ends the start, and leaves nothing open', async (_what, error) => {
  const { venue, stillOpen } = counted();
  const open: VenuesOptions['open'] = async (account) => {
    if (account === 'far') throw error;
    return venue();
  };
  await expect(openAll(open)).rejects.toBe(error);
  expect(stillOpen()).toBe(0);
});

it.each([
  [
    'a key that is refused is offered after a minute, and less and less often, so that it is not locked out',
    REVOKED,
    [60, 120, 240, 300, 300],
  ],
  ['who is locked out asks when that is over', LOCKED_OUT, [60, 60, 60]],
  ['who is only away is asked every few seconds', UNREACHABLE, [1, 2, 3, 3]],
])('%s', async (_, error, seconds) => {
  wasOpen = true;
  const waited: number[] = [];
  const again: Pick<VenuesOptions, 'againMs' | 'pause'> = {
    againMs: { first: 1_000, most: 3_000, away: 60_000, unmended: 60_000, longest: 300_000 },
    pause: (ms, signal) =>
      waited.push(ms / 1_000) < seconds.length
        ? Promise.resolve()
        : new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  };
  const venues = await openAll(() => Promise.reject(error), ['far'], again);
  await eventually(() => expect(waited).toEqual(seconds));
  await venues.close();
});

it('what is closed while it still tries tries no more, and closes what comes late', async () => {
  const { venue, stillOpen } = counted();
  let tries = 0;
  let come: (venue: Venue) => void = () => undefined;
  const venues = await openAll(async () => {
    tries += 1;
    if (tries === 1) throw UNREACHABLE;
    return new Promise<Venue>((resolve) => {
      come = resolve;
    });
  }, ['far']);
  await eventually(() => expect(tries).toBe(2));
  const closing = venues.close();
  come(venue());
  await closing;
  expect(stillOpen()).toBe(0);
});

it('venues of the configuration that are at the same address are counted as one', () => {
  const meters = new VenueMeters();
  const budget = { limit: 6_000, windowMs: 60_000 };
  const [one, other] = ['https://venue.example/api', 'https://venue.example'].map((rest) => meters.of(rest, budget));
  expect(one).toBe(other);
  expect(meters.of('https://elsewhere.example', budget)).not.toBe(one);
});

it('accounts whose requests a venue counts by their address share what it allows; by their key they do not', () => {
  const at = (profile: string, port: number) => ({ profile, paper: true, urls: { rest: `http://127.0.0.1:${port}/api` } });
  const venues = { home: at('binance', 1), besides: at('binance', 1), there: at('binance', 2), kraken: at('kraken', 3) };
  const accounts = {
    ...{ one: { venue: 'home' }, two: { venue: 'besides' }, three: { venue: 'there' } },
    ...{ four: { venue: 'kraken' }, five: { venue: 'kraken' } },
  };
  const config = { venues, accounts } as unknown as Parameters<typeof countedTogether>[0]['config'];
  expect(Object.keys(accounts).map((account) => countedTogether({ config, env: {} }, account))).toEqual([
    ['one', 'two'],
    ['one', 'two'],
    ['three'],
    ['four'],
    ['five'],
  ]);
});
