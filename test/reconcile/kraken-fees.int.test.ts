import { expect, it, vi } from 'vitest';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import { decimal } from '../../core/money/index.js';
import { heldOf } from '../../core/venue/held.js';
import { IN_TETHER } from '../support/kraken-stub/replies.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../support/kraken-stub/server.js';
import { ACCOUNT, openTradingStack } from '../support/trading-stack.js';
import { benchOf, type BenchAccount, type Found } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 600_000 });

/** An account at the stub, which answers as the venue's documentation says. */
async function onKraken(work: (bench: BenchAccount, stub: KrakenStub) => Promise<void>): Promise<void> {
  const stub = await krakenStub(IN_TETHER);
  const venue = await createVenue({
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, rateBudget: { weight: { limit: 1_000_000, windowMs: 1_000 } } },
    ...{ urls: stub.urls, apiKey: STUB_KEY, secret: STUB_SECRET, clock: Date.now, account: ACCOUNT },
  });
  const stack = await openTradingStack({
    venueOf: (paper) => ({ ...venue, close: async () => void (await Promise.all([venue.close(), paper.close()])) }),
  });
  const bench = await benchOf(stack);
  try {
    // What was there before us is what the stub has.
    const there = JSON.stringify(heldOf(await venue.reader.balances()));
    await bench.damage('delete from inventory');
    await bench.damage('insert into inventory (account, asset, quantity) select $1, key, value::numeric from jsonb_each_text($2)', [
      ACCOUNT,
      there,
    ]);
    await bench.damage(`update audit_events set data = jsonb_set(data, '{inventory}', $1) where kind = 'account.onboarded'`, [there]);
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    await work(bench, stub);
  } finally {
    await bench.close();
    await stub.close();
  }
}

const bought = (stub: KrakenStub, oflags: string): void => {
  const terms = { side: 'buy', ordertype: 'limit', price: decimal('51000'), price2: decimal('0'), timeinforce: 'GTC' } as const;
  const placed = stub.account.place({ ...terms, volume: decimal('0.015'), oflags, clientOrderId: undefined });
  if (typeof placed === 'string') throw new Error(placed);
};
/** Compared until each difference is a person's: the venue's clock tells whole seconds, and what is younger than that may be on its way. */
const openOnes = (bench: BenchAccount): Promise<readonly Found[]> =>
  vi.waitFor(
    async () => {
      await bench.cycle();
      const standing = (await bench.found()).filter(({ status }) => status === 'open' || status === 'pending');
      expect(new Set(standing.map(({ status }) => status))).toEqual(new Set(['open']));
      return standing;
    },
    { timeout: 120_000, interval: 200 },
  );

it.each([
  ['in base', 'fcib', 'BTC'],
  ['in quote', 'fciq', 'USDT'],
])('a purchase by hand whose fee was taken %s is one difference, booked with that fee, and then no difference', async (_, oflags, asset) =>
  onKraken(async (bench, stub) => {
    const { pool } = bench.stack.database;
    bought(stub, oflags);
    const [found, ...others] = await openOnes(bench);
    expect([found?.class, others]).toEqual(['orphanOrder', []]);
    expect(await bench.decide(found?.id ?? '', 'book')).toEqual({ result: 'done' });
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    expect(await bench.cycle('day')).toMatchObject({ result: 'clean' });
    const { rows } = await pool.query('select distinct fee_asset, origin from fills');
    expect(rows).toEqual([{ fee_asset: asset, origin: 'foreign' }]);
    expect(await verifyLedger(pool, ACCOUNT)).toMatchObject({ differences: [] });
  }),
);

it('where the key may not read the ledger of the venue, balances tell of it, and to book all of them leaves them right', async () =>
  onKraken(async (bench, stub) => {
    const { reader } = bench.dependencies.venueOf(ACCOUNT);
    vi.spyOn(reader, 'paidFee').mockRejectedValue(new Error('the key may not'));
    bought(stub, 'fcib');
    const found = await openOnes(bench);
    expect(new Set(found.map((one) => one.class))).toEqual(new Set(['orphanOrder', 'balanceMovement']));
    for (const what of ['orphanOrder', 'balanceMovement', 'balanceMovement']) {
      // What is booked moves the books, and the rest is compared with that.
      const one = (await openOnes(bench)).find((other) => other.class === what);
      expect(await bench.decide(one?.id ?? '', 'book')).toEqual({ result: 'done' });
    }
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  }));
