import { describe, expect, it } from 'vitest';
import { decimalTextOf, type DecimalText } from '../../core/money/index.js';
import type { KillView } from '../../core/kill/view.js';
import { KEY, LEDGER } from '../../test/support/risk-view.js';
import type { Venue } from '../ports/venue.js';
import type { KillDependencies } from './dependencies.js';
import { look } from './look.js';

const INSTRUMENTS = Array.from({ length: 10 }, (_, index) => `C${index}/USDT`);
const PRICE = decimalTextOf('100');
const MARK = decimalTextOf('90');

/** Looks at ten positions that have to go. */
async function looked(lastPrices: () => Promise<Record<string, DecimalText>>, known?: Record<string, DecimalText>) {
  const asked: (readonly string[])[] = [];
  const reader = {
    balances: async () => [],
    lastPrices: (instruments: readonly string[]) => {
      asked.push(instruments);
      return lastPrices();
    },
  };
  const venueOf = () => ({ reader, profile: { visibilityBoundMs: 2_000 } }) as unknown as Venue;
  const protection = { lastMark: async () => MARK };
  const positions = INSTRUMENTS.map((instrument) => ({ ...KEY, instrument, quantity: '1', cost: '1' }));
  const latches = [{ scope: 'account', scopeValue: LEDGER.account, policy: 'atOnce' }];
  const view = { risk: { ...LEDGER, positions }, latches, working: [] } as unknown as KillView;
  const { prices } = await look({ venueOf, protection } as unknown as KillDependencies, LEDGER.account, view, known);
  return { asked, prices };
}

const all = (price: DecimalText) => Object.fromEntries(INSTRUMENTS.map((instrument) => [instrument, price]));

describe('P19: the prices of what has to go', () => {
  it('are asked for by one request, however many positions there are', async () => {
    expect(await looked(async () => all(PRICE))).toEqual({ asked: [INSTRUMENTS], prices: all(PRICE) });
  });

  it('are the last marks where the venue tells none', async () => {
    const [first = '', ...rest] = INSTRUMENTS;
    const told = await looked(async () => ({ [first]: PRICE }));
    expect(told.prices).toEqual({ [first]: PRICE, ...Object.fromEntries(rest.map((instrument) => [instrument, MARK])) });
    expect((await looked(() => Promise.reject(new Error('away')))).prices).toEqual(all(MARK));
  });

  it('are not asked for again where all were told just now', async () => {
    const away = () => Promise.reject(new Error('away'));
    expect(await looked(away, all(PRICE))).toEqual({ asked: [], prices: all(PRICE) });
    expect((await looked(async () => all(PRICE), { 'C0/USDT': MARK })).prices).toEqual(all(PRICE));
  });
});
