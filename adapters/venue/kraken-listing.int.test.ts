import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../test/support/kraken-stub/server.js';
import { IN_DOLLARS, PUBLIC_ROUTES } from '../../test/support/kraken-stub/replies.js';
import { createVenue } from './create-venue.js';
import { KRAKEN } from './profiles/kraken.js';

let stub: KrakenStub;
let venue: Venue | undefined;
let warnings: string[];

const opened = async (): Promise<Venue> => {
  venue = await createVenue({
    ...{ name: 'desk', urls: stub.urls, apiKey: STUB_KEY, secret: STUB_SECRET, clock: Date.now, readLimitMs: 2_000 },
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, rateBudget: { weight: { limit: 1_000_000, windowMs: 1_000 } } },
    log: { warn: (_, message) => void warnings.push(message) },
  });
  return venue;
};

beforeEach(async () => {
  [stub, warnings, venue] = [await krakenStub(), [], undefined];
});
afterEach(async () => {
  await venue?.close();
  await stub.close();
});

const UNITS = { baseUnit: '0.0000000001', quoteUnit: '0.0001' };
const AWAY = { error: ['EService:Unavailable'] };
const assetsAsked = (): number => stub.arrived.filter(({ call }) => call === 'Assets').length;
/** The venue lists one pair, of an asset of this name, with this tick. */
const listsNext = (base: string, tickSize: string): void => {
  const reply = PUBLIC_ROUTES['AssetPairs']?.handle({ words: IN_DOLLARS } as never, new URLSearchParams());
  const [[key, pair]] = Object.entries((reply as { result: Record<string, object> }).result) as [[string, object]];
  stub.answerNext('AssetPairs', { result: { [key]: { ...pair, base, tick_size: tickSize } } });
};

describe('units of assets that are not answered', () => {
  it('do not keep filters from being read anew: those that were read last go on, and that is told once', async () => {
    const { reader } = await opened();
    for (const reply of [AWAY, { status: 502, body: '<html>' }, { result: { XXBT: 'nothing of the kind' } }]) {
      listsNext('XXBT', '0.5');
      stub.answerNext('Assets', reply);
      const asked = assetsAsked();
      expect(await reader.instruments()).toMatchObject([{ tickSize: '0.5', ...UNITS }]);
      expect(assetsAsked()).toBe(asked + 1);
    }
    expect(warnings).toHaveLength(1);
    stub.basePlaces = 9;
    expect(await reader.instruments()).toMatchObject([{ tickSize: '0.1', ...UNITS, baseUnit: '0.000000001' }]);
    stub.answerNext('Assets', AWAY);
    expect(await reader.instruments()).toMatchObject([{ baseUnit: '0.000000001' }]);
    expect(warnings).toHaveLength(2);
  });

  it('are not guessed of an asset that is new', async () => {
    const { reader } = await opened();
    listsNext('XNEW', '0.1');
    stub.answerNext('Assets', AWAY);
    await expect(reader.instruments()).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });

  it('keep a first start from being', async () => {
    stub.answerNext('Assets', AWAY);
    await expect(opened()).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });

  it('are told as what they are where we ask too often', async () => {
    const { reader } = await opened();
    stub.answerNext('Assets', { error: ['EGeneral:Too many requests'] });
    await expect(reader.instruments()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
  });
});

it.each([
  ['finer than orders are', 10, '0.00000001'],
  ['as fine as orders are', 8, '0.00000001'],
  ['coarser than orders are', 7, '0.0000001'],
  ['in whole units', 0, '1'],
])('quantities go by the coarser of orders and of what is kept: %s', async (_, places, stepSize) => {
  stub.basePlaces = places;
  const { reader } = await opened();
  expect(await reader.instruments()).toMatchObject([{ stepSize }]);
});
