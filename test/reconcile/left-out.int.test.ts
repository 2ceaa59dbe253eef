import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import type { VenueFill, VenueReader } from '../../activities/ports/venue.js';
import type { DecimalText } from '../../core/money/index.js';
import { RECONCILE } from '../../core/reconcile/rules.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';

const HOUR_MS = 3_600_000;
const ORPHANS = 2 * RECONCILE.mostBegun + 30;
const MISSED = RECONCILE.mostRepairs + 10;
const d = (text: string): DecimalText => text as DecimalText;

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe('after hours without a comparison', () => {
  let bench: BenchAccount;
  const away = Date.now() - 6 * HOUR_MS;
  beforeAll(async () => {
    bench = await openBenchAccount();
    await bench.damage(`update accounts set onboarded_at = now() - interval '2 days' where account = $1`, [ACCOUNT]);
    await bench.damage('insert into reconciliations (account, cursor_time, last_compared_at) values ($1, $2, now())', [ACCOUNT, away]);
  });
  afterAll(() => bench?.close());

  const fill = (n: number, more: Partial<VenueFill>): VenueFill => ({
    ...{ venueTradeId: `away-${n}`, venueOrderId: `away-${n}`, instrument: INSTRUMENT, side: 'buy', price: d('40000') },
    ...{ quantity: d('0.0001'), fee: d('0'), feeAsset: 'USDT', liquiditySide: 'maker', eventTime: away + HOUR_MS + n },
    ...more,
  });
  const count = async (what: string): Promise<number> =>
    Number((await bench.stack.pool.query<{ count: string }>(`select count(*) from ${what}`)).rows[0]?.count);
  const cursor = async (): Promise<number> =>
    Number((await bench.stack.pool.query<{ cursor_time: string }>('select cursor_time from reconciliations')).rows[0]?.cursor_time);

  it('everything that one look leaves out is found by those that follow, and what it does not repair is repaired', async () => {
    const { clientOrderId, venueOrderId, price } = await bench.rest();
    const ours = { clientOrderId, venueOrderId: venueOrderId ?? '', price };
    const all = [
      ...Array.from({ length: ORPHANS }, (_, n) => fill(n, {})),
      ...Array.from({ length: MISSED }, (_, n) => fill(ORPHANS + n, ours)),
    ];
    const asked: number[] = [];
    const venue = bench.dependencies.venueOf(ACCOUNT);
    const reader: VenueReader = {
      ...venue.reader,
      fills: async (_, from) => (asked.push(from), all.filter(({ eventTime }) => eventTime >= from)),
    };
    const look = createLook({ ...bench.dependencies, venueOf: () => ({ ...venue, reader }) });
    for (let looks = 0; looks < 8; looks += 1) {
      await look({ runId: randomUUID(), account: ACCOUNT, scope: 'minute' }, true);
      // As long as something was left out the same is read again.
      if (looks === 0) expect(await cursor()).toBe(away);
    }
    expect(asked.slice(0, 2)).toEqual([away - RECONCILE.overlapMs, away - RECONCILE.overlapMs]);
    expect(await count(`reconciliation_differences where class = 'orphanOrder' and status = 'open'`)).toBe(ORPHANS);
    expect(await count(`fills where venue_trade_id like 'away-%'`)).toBe(MISSED);
    // And then only what is new.
    expect(asked.at(-1)).toBeGreaterThan(away + 5 * HOUR_MS);
    expect(await count(`reconciliation_differences where class = 'missedFill' and status in ('pending', 'open')`)).toBe(0);
  });
});
