import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { RELEASES } from '../support/releases.js';
import type { StartConfig } from '../support/start-config.js';
import { temporalIfAny } from '../support/temporal.js';
import { hasCommit, lacksMigrations, upgradeFrom, type OpenOrder, type Read } from '../support/upgrade-story.js';

/** The newest release from which something is to migrate; `npm run soak -- upgrade` begins from each. */
const [newest = 'none', before = 'none'] = RELEASES.map(({ commit }) => commit).toReversed();
const RELEASED = (await lacksMigrations(newest)) ? newest : before;
/** So calm that no entry of theirs is filled where it rests, while the prices of the others come to theirs within seconds. */
const PATIENT = Array.from({ length: 12 }, (_, index) => `C${String(index).padStart(2, '0')}/USDT`);
/** So long that they rest while the builds change, and are over before the books are compared. */
const REST_MS = 150_000;

// The server is found, or built, before: that takes minutes on a new machine, and is not what is tried here.
const temporal = await temporalIfAny();
const isThere = await hasCommit(RELEASED);
if (!isThere && process.env['CI'] === 'true') throw new Error(`this clone has not ${RELEASED}: fetch its whole history`);
if (!isThere) console.warn(`Skipped: this clone has not ${RELEASED}; git fetch --unshallow brings it`);

describe.skipIf(temporal === undefined || !isThere)('git pull && npm start, from the release before', () => {
  it(
    'over open orders and protected positions: copied, migrated, replayed, compared, and gone on with',
    { timeout: 1_800_000 },
    async () => {
      const upgrade = await upgradeFrom({
        from: RELEASED,
        change: patient,
        settleMs: REST_MS + 120_000,
        until: (_, read) => untilAllIsOpen(read),
      });
      const { open, ended, steps, migrations, firstEntry, ...rest } = upgrade;
      console.info(JSON.stringify({ open: countOf(open), ended: countOf(ended), steps, migrations, firstEntry, ...rest }));
      expect(steps).toEqual([
        expect.stringMatching(/^Copied as it was before \d+ migrations?: /),
        expect.stringMatching(/^\d+ open workflow runs? go(es)? on with this build$/),
        expect.stringMatching(/^Database: \d+ migrations? applied$/),
      ]);
      expect(migrations.after).toBeGreaterThan(migrations.before);
      // It had compared its account, and found it clean, before it entered anything of its own.
      expect(firstEntry?.cleanBefore).toContain('start');
      // Entries that rested, and stops of what was held: each is the same order still, or has ended as the venue says.
      expect(open.filter(({ purpose, status }) => purpose === 'entry' && status === 'accepted')).not.toEqual([]);
      expect(open.filter(({ purpose, status }) => purpose === 'stop' && status === 'accepted')).not.toEqual([]);
      expect(ended).toHaveLength(open.length);
      expect(ended.filter(({ purpose, isOver }) => purpose !== 'stop' && !isOver)).toEqual([]);
      expect(rest).toMatchObject({ modes: [], disagreements: [], incidents: [] });
      expect(rest.fillsAfter).toBeGreaterThan(0);
    },
  );
});

function patient(config: StartConfig): void {
  const [momentum] = config.strategies;
  if (momentum === undefined) throw new Error('one strategy is shipped');
  momentum.instruments = [...momentum.instruments, ...PATIENT];
  [momentum.execution, momentum.signalValidMs] = [{ kind: 'limit', offsetBps: 60, workMs: REST_MS }, 600_000];
  config.demo.simulate.push(...PATIENT.map((instrument) => ({ instrument, startPrice: '1000', barVolatilityRatio: 0.0002 })));
  config.limits.main = { ...config.limits.main, maxAccountExposure: '50000', maxOpenOrders: 50 };
}

/** Something is held under a stop at the venue, and an entry rests there. */
async function untilAllIsOpen(read: Read): Promise<void> {
  await eventually(async () => {
    const { orders } = await read<{ orders: readonly Pick<OpenOrder, 'purpose' | 'status' | 'instrument'>[] }>(
      '/v1/orders?open=true&limit=200',
    );
    const rests = orders.filter(({ status }) => status === 'accepted');
    const has = (purpose: string, isPatient: boolean): boolean =>
      rests.some((one) => one.purpose === purpose && PATIENT.includes(one.instrument) === isPatient);
    expect([has('entry', true), has('stop', false)]).toEqual([true, true]);
  }, 300_000);
}

const countOf = (orders: readonly { readonly purpose: string; readonly status: string }[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { purpose, status } of orders) counts[`${purpose} ${status}`] = (counts[`${purpose} ${status}`] ?? 0) + 1;
  return counts;
};
