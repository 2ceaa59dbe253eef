import { randomUUID } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import { createRepair } from '../../activities/reconcile/repair.js';
import type { DecimalText } from '../../core/money/index.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { openBenchAccount } from './bench-account.js';
import { cancelAtVenue, foreign } from './cases.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

it('a purchase by hand, while an order of ours is looked up for long, is told as what it is once a person calls that not placed', async () => {
  const bench = await openBenchAccount();
  try {
    await bench.cycle();
    const { intentId, venueOrderId } = await bench.rest();
    cancelAtVenue(bench, venueOrderId);
    await bench.damage(`update orders set status = 'unknown', venue_order_id = null, version = version + 1 where intent_id = $1`, [
      intentId,
    ]);
    await foreign(bench, { price: '51000' as DecimalText, quantity: '0.002' as DecimalText, timeInForce: 'IOC' });
    await bench.look();
    expect(await bench.found()).toMatchObject([{ class: 'missedFill', status: 'pending' }]);

    // That was long ago: a look does not read so far back any more.
    const { venue } = bench.stack;
    const look = createLook({ ...bench.dependencies, venueOf: () => ({ ...venue, reader: { ...venue.reader, fills: async () => [] } }) });
    await bench.damage(`update reconciliation_differences set event_time = event_time - 7200000`);
    await bench.damage(
      `update orders set status = 'notPlaced', final_at = clock_timestamp(), reserved_quantity = 0, reserved_notional = 0,
         version = version + 1 where intent_id = $1`,
      [intentId],
    );
    const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
    await look(run, false);
    await look(run, true);
    const [, orphan] = await bench.found();
    expect(await bench.found()).toMatchObject([
      { seenAs: 'missedFill', status: 'settled' },
      { class: 'orphanOrder', status: 'open' },
    ]);
    expect(await bench.decide(orphan?.id ?? '', 'book')).toEqual({ result: 'done' });
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  } finally {
    await bench.close();
  }
});

it('a fill that no order of ours explains is not repaired by being told so', async () => {
  const bench = await openBenchAccount();
  try {
    await foreign(bench, { price: '51000' as DecimalText, quantity: '0.002' as DecimalText, timeInForce: 'IOC' });
    const { venue } = bench.stack;
    const [fill] = await venue.reader.fills(INSTRUMENT, 0);
    if (fill === undefined) throw new Error('nothing was bought');
    const repair = createRepair(bench.dependencies, ACCOUNT, venue, venue.reader);
    await expect(repair({ kind: 'bookFill', fill }, '0')).rejects.toThrow('no order of ours explains the fill');
  } finally {
    await bench.close();
  }
});

it('an order with a name of our form and no row, filled at once, is told as such: it is looked up by its number, once', async () => {
  const bench = await openBenchAccount();
  try {
    await bench.cycle();
    const terms = { price: '51000' as DecimalText, quantity: '0.002' as DecimalText, timeInForce: 'IOC' };
    await foreign(bench, { ...terms, clientOrderId: 'a'.repeat(32) });
    await foreign(bench, terms);
    const { venue } = bench.stack;
    let asked = 0;
    const lookUpByNumber: typeof venue.reader.lookUpByNumber = (...of) => {
      asked += 1;
      return venue.reader.lookUpByNumber(...of);
    };
    const seen = { ...venue, reader: { ...venue.reader, lookUpByNumber } };
    const look = createLook({ ...bench.dependencies, venueOf: () => seen });
    const told = async (): Promise<readonly unknown[]> => {
      const { rows } = await bench.stack.pool.query<{ told: unknown }>(
        `select evidence->'ledger'->'looksLikeOurs' as told from reconciliation_differences order by difference_id`,
      );
      return rows.map((row) => row.told);
    };
    const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
    await look(run, false);
    expect([await told(), asked]).toEqual([[true, false], 2]);
    await look(run, true);
    expect([await told(), asked]).toEqual([[true, false], 2]);
    // Where the venue cannot be asked it is not known, and not denied.
    await foreign(bench, terms);
    const away: typeof lookUpByNumber = () => Promise.reject(new Error('the venue is away'));
    const gone = { ...venue, reader: { ...venue.reader, lookUpByNumber: away } };
    await createLook({ ...bench.dependencies, venueOf: () => gone })({ ...run, runId: randomUUID() }, true);
    expect(await told()).toEqual([true, false, null]);
  } finally {
    await bench.close();
  }
});
