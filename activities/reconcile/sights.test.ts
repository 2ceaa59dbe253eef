import { expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { VenueFill, VenueReader } from '../ports/venue.js';
import { seeVenue } from './sights.js';

/** A venue that says what it was asked for, in turn. */
function reader(fills: VenueReader['fills'], asked: string[] = []): VenueReader {
  return {
    clock: async () => (asked.push('clock'), { venueTime: 1_000, skewMs: 0, roundTripMs: 1 }),
    openOrders: async () => (asked.push('openOrders'), [{ instrument: 'ETH/USDT' }]),
    balances: async () => (asked.push('balances'), []),
    fills: async (instrument: string | undefined, from: number) => (asked.push(`fills ${instrument} ${from}`), fills(instrument, from)),
  } as unknown as VenueReader;
}
const fillOf = (instrument: string | undefined): VenueFill => ({ instrument }) as VenueFill;
const unlisted = (instrument = 'none'): never => {
  throw new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: 'paper', instrument });
};

it('is read in an order in which each fill that its balances lack is in the list or comes later', async () => {
  const asked: string[] = [];
  const { venue } = await seeVenue(
    reader(async (instrument) => [fillOf(instrument)], asked),
    (venueTime) => venueTime - 1,
    ['BTC/USDT'],
  );
  expect(asked).toEqual(['clock', 'openOrders', 'balances', 'fills BTC/USDT 999', 'fills ETH/USDT 999']);
  expect(venue).toMatchObject({ venueTime: 1_000, fillsSince: 999, fills: [{ instrument: 'BTC/USDT' }, { instrument: 'ETH/USDT' }] });
  expect(venue.listed).toEqual(new Set(['BTC/USDT', 'ETH/USDT']));
});

it('of all instruments at once asks for no single one', async () => {
  const { venue, unlisted: none } = await seeVenue(
    reader(async (instrument) => [fillOf(instrument)]),
    () => 0,
    undefined,
  );
  expect([venue.fills, venue.listed, none]).toEqual([[{ instrument: undefined }], undefined, []]);
});

it('leaves out what the venue does not list any more, and nothing else', async () => {
  const fills: VenueReader['fills'] = async (instrument) => (instrument === 'GONE/USDT' ? unlisted(instrument) : [fillOf(instrument)]);
  const seen = await seeVenue(reader(fills), () => 0, ['GONE/USDT', 'BTC/USDT']);
  expect(seen.unlisted).toEqual(['GONE/USDT']);
  expect(seen.venue.listed).toEqual(new Set(['BTC/USDT', 'ETH/USDT']));
  expect(seen.venue.fills).toHaveLength(2);
});

it('asks besides for what others may have traded, and tells nothing of what is not listed of it', async () => {
  const fills: VenueReader['fills'] = async (instrument) => (instrument === 'BTC/ETH' ? unlisted(instrument) : [fillOf(instrument)]);
  const seen = await seeVenue(reader(fills), () => 0, ['BTC/USDT'], ['BTC/ETH', 'BNB/USDT', 'BTC/USDT']);
  expect(seen.unlisted).toEqual([]);
  expect(seen.venue.listed).toEqual(new Set(['BTC/USDT', 'ETH/USDT', 'BNB/USDT']));
  expect(seen.venue.fills).toHaveLength(3);
});

it('sees nothing where the venue does not answer', async () => {
  const away = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'fills', detail: 'away' });
  await expect(
    seeVenue(
      reader(() => Promise.reject(away)),
      () => 0,
      ['BTC/USDT'],
    ),
  ).rejects.toBe(away);
});
