import { beforeEach, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { KeelsonError } from '../../core/errors.js';
import { Venues, type VenuesOptions } from './venues.js';
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
beforeEach(() => void away.splice(0));

const openAll = (open: VenuesOptions['open'], accounts = ['far', 'near']): Promise<Venues> =>
  Venues.open({
    accounts,
    open,
    log,
    onAway: async (account) => void away.push(account),
    againMs: { first: 1, most: 2, away: 4 },
  });

it('P22, P23: an account does not wait for the venue of another, which is opened when it can be', async () => {
  const { venue, stillOpen } = counted();
  let isReachable = false;
  const venues = await openAll(async (account) => {
    if (account === 'far' && !isReachable) throw UNREACHABLE;
    return venue();
  });
  expect(venues.of('near')).toBeDefined();
  expect(() => venues.of('far')).toThrow('VENUE_UNAVAILABLE');
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
  ['a wrong key', new KeelsonError('VENUE_AUTH', {})],
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
