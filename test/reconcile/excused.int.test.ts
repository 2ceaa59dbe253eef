import { expect, it, vi } from 'vitest';
import { unitsOf } from '../../exchange/amount/units.js';
import { VENUE_ACCOUNT } from '../support/paper-account.js';
import { openBenchAccount } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

it('while nobody knows what became of an order, no more is excused than it can have moved', async () => {
  const bench = await openBenchAccount();
  try {
    await bench.cycle();
    const { intentId } = await bench.rest();
    await bench.damage(`update orders set status = 'unknown', venue_order_id = null, version = version + 1 where intent_id = $1`, [
      intentId,
    ]);
    const told = async (): Promise<readonly string[]> => {
      await bench.cycle();
      return (await bench.found()).map(({ subject, status }) => `${subject} ${status}`);
    };
    expect(await told()).toEqual([]);
    // As where it has filled a part that is in no list yet.
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf('-100'));
    expect(await told()).toEqual(['balance:USDT pending']);
    expect(await bench.mode()).toBe('normal');
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', unitsOf('-50000'));
    expect(await told()).toEqual(['balance:USDT open']);
    expect(await bench.mode()).toBe('paused');
  } finally {
    await bench.close();
  }
});
