import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createKillActivities } from '../../activities/kill/index.js';
import type { KillDependencies } from '../../activities/kill/dependencies.js';
import type { KillPhase } from '../../activities/ports/kill.js';
import { createReconcileNow } from '../../activities/reconcile/index.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import type { Unverified } from '../../core/kill/verify.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import type { ReconcileScope } from '../../core/reconcile/rules.js';
import { clearLook } from '../support/look.js';
import { approvedRearm, seedPerson } from '../support/people.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { KEY, openBenchAccount, type BenchAccount } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });
const CAUSE = { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' } as const;
const SURPLUS: Unverified = { kind: 'surplus', asset: 'BTC', quantity: '1' as never };

describe('halts and comparisons of an account', () => {
  let bench: BenchAccount;
  let halts: HaltStore;
  beforeAll(async () => {
    bench = await openBenchAccount();
    halts = openHaltStore(bench.stack.database.url);
  });
  afterEach(async () => {
    await released();
    // Whoever still compares has died.
    await bench.stack.database.pool.query('delete from kills; update reconciliations set lease_owner = null, last_clean_at = null');
  });
  afterAll(async () => {
    await halts?.close();
    await bench?.close();
  });

  const released = () => bench.stack.database.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
  const tell = async (phase: KillPhase, unverified: readonly Unverified[] = []): Promise<void> => {
    const { pool } = bench.stack.database;
    await createKillStore(bench.stack.pool).writeKill(ACCOUNT, phase, { ...(await clearLook(pool, ACCOUNT)), unverified }, null);
  };
  const results = async (scopes: readonly ReconcileScope[] = ['minute']): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const scope of scopes) found.push((await bench.look(scope)).result);
    return found;
  };

  it('while a kill is at work only what somebody waits for asks the venue', async () => {
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, CAUSE);
    // From the latch on, also where nobody carries it out yet.
    expect(await results(['start', 'reconnect', 'minute', 'hour', 'day'])).toEqual(Array(5).fill('postponed'));
    expect(await results(['rearm', 'demand', 'deepDemand'])).toEqual(Array(3).fill('clean'));
    expect(await bench.look('minute')).toMatchObject({ calls: 0, weight: 0 });
    const { rows } = await bench.stack.pool.query(
      `select detail from reconciliation_runs where scope = 'minute' order by started_at desc limit 1`,
    );
    expect(rows).toEqual([{ detail: expect.stringContaining('a kill of the account is at work') as unknown }]);
    await tell('running');
    expect(await results()).toEqual(['postponed']);
    await tell('verified');
    expect(await results()).toEqual(['clean']);
    // What is called anew is not verified yet.
    await halts.latch({ scope: 'everything', scopeValue: '' }, CAUSE);
    expect(await results()).toEqual(['postponed']);
  });

  it('one that has found what the books do not explain, or gets no further, is helped by a comparison', async () => {
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, CAUSE);
    await tell('running', [SURPLUS]);
    expect(await results()).toEqual(['clean']);
    await tell('running');
    expect(await results()).toEqual(['postponed']);
    await bench.stack.database.pool.query(`update latches set engaged_at = engaged_at - interval '6 minutes'`);
    expect(await results()).toEqual(['postponed']);
    await bench.stack.database.pool.query(`update kills set started_at = started_at - interval '6 minutes'`);
    expect(await results()).toEqual(['clean']);
  });

  it('a halt that has ended keeps nobody waiting', async () => {
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, CAUSE);
    await tell('running');
    await released();
    expect(await results()).toEqual(['clean']);
  });

  it('the owner of what a kill has sold rests until the halt ends, and is no loose end until then', async () => {
    bench.running.add(ownerWorkflowId(KEY));
    try {
      await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, CAUSE);
      await tell('verified');
      expect(await results(['demand'])).toEqual(['clean']);
      await released();
      // It has a while to see that.
      expect(await results(['demand'])).toEqual(['clean']);
      await bench.stack.database.pool.query(`update latches set released_at = released_at - interval '4 minutes'`);
      expect(await bench.look('demand', false)).toMatchObject({ result: 'unsettled' });
      expect(await bench.found()).toMatchObject([{ class: 'orphanedWorkflow', status: 'pending' }]);
    } finally {
      bench.running.clear();
    }
  });

  describe('P30: two halts that are ended at once', () => {
    const kills = () => createKillStore(bench.stack.pool);
    it('wait for the comparison that goes on, whichever makes it, and both end', async () => {
      const { pool } = bench.stack.database;
      const keys = { rik: await seedPerson(pool, 'rik', ['risk']), olga: await seedPerson(pool, 'olga', ['risk']) };
      const ended = [];
      for (const scope of ['everything', 'account'] as const) {
        const { latchId } = await halts.latch({ scope, scopeValue: scope === 'account' ? ACCOUNT : '' }, CAUSE);
        ended.push({ latchId, requestId: '' });
      }
      for (const one of ended) one.requestId = await approvedRearm(pool, one.latchId, keys);
      await tell('verified');
      // Somebody else compares the account, until both have found that.
      const { reconciliations } = bench.dependencies;
      const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
      const begun = await reconciliations.begin(run, { owner: 'another', forMs: 60_000, epoch: bench.dependencies.books.epoch });
      let waiting = 0;
      const pause = async (): Promise<void> => {
        waiting += 1;
        if (waiting === 2) await reconciliations.end(run, begun, { result: 'differences', cursor: null, lifts: [] });
        await new Promise((resolve) => setTimeout(resolve, 20));
      };
      const reconcile = createReconcileNow({ ...bench.dependencies, pause });
      const dependencies = { ...bench.stack.dependencies, kills: kills() } as unknown as KillDependencies;
      const activities = createKillActivities(dependencies, reconcile);
      expect(await Promise.all(ended.map(({ latchId, requestId }) => activities.killRelease(latchId, requestId)))).toEqual([
        { kind: 'released' },
        { kind: 'released' },
      ]);
      expect(waiting).toBeGreaterThanOrEqual(2);
    });
  });

  it('who cannot wait any longer is told that the account could not be compared', async () => {
    const { reconciliations } = bench.dependencies;
    const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
    await reconciliations.begin(run, { owner: 'another', forMs: 60_000, epoch: bench.dependencies.books.epoch });
    expect(await createReconcileNow(bench.dependencies)(ACCOUNT)).toBe(false);
  });
});
