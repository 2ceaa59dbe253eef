import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { OUTAGE } from '../../core/outage/rules.js';
import { eventually } from '../../test/support/eventually.js';
import { steadyWatch, type SteadyWatch } from '../../test/support/steady-watch.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { ACCOUNT, openTradingStack, startWorker, type StackWorker, type TradingStack } from '../../test/support/trading-stack.js';
import { createOrderActivities } from '../order/index.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 120_000;
vi.setConfig({ testTimeout: 240_000 });
/** The shortest that a configuration may set. */
const NO_MARKET_DATA_MS = 5_000;
const LONG_MS = 3_600_000;

describe.skipIf(temporal === undefined)('a market stream that falls silent, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let worker: StackWorker | undefined;
  let watch: SteadyWatch | undefined;
  let barTime = 1_000;

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    await stack.ledger.stopBeating();
    stack.paper.start();
  });
  afterAll(async () => {
    await watch?.close();
    await worker?.stop();
    await halts?.close();
    await stack?.close();
  });

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.pool.query<Row>(text, values)).rows;
  const modeNow = async (): Promise<string> => (await query<{ mode: string }>('select mode from control'))[0]?.mode ?? '';
  const silence = async (forMs: number): Promise<void> => {
    const body = JSON.stringify({ which: 'market', forMs });
    expect((await fetch(new URL('/streams/silence', stack.addresses.admin), { method: 'POST', body })).status).toBe(200);
  };
  /** What the gate says of an entry; one that it lets through is taken back. */
  const enter = async (): Promise<string> => {
    const steps = createOrderActivities(stack.dependencies);
    const signal = stack.signal('open', (barTime += 1_000));
    const verdict = await steps.authorise(signal);
    if (verdict.kind === 'denied') return verdict.failures.map(({ code }) => code).join();
    await steps.abandon(signal, 'a test');
    return verdict.kind;
  };
  const parts = async (runId: string): Promise<string[]> =>
    (
      await query<{ name: string; outcome: string | null }>(
        `select name, outcome from runbook_parts where run_id = $1 and part = 'action' order by position`,
        runId,
      )
    ).map(({ name, outcome }) => `${name} ${outcome ?? 'under way'}`);

  it('stops entries at once though the venue answers; the run waits for prices and for a clean comparison, and only then they go on', async () => {
    const outageRules = { ...OUTAGE, firstTryMs: 50, longestTryMs: 250, compareAgainMs: 1_000, repeatedWithinMs: 0 };
    if (temporal !== undefined) worker = await startWorker(stack, temporal, { outageRules, taskQueue: `quiet-${randomUUID()}` });
    watch = steadyWatch(stack, halts, { hasOwnPrices: true });
    watch.settings.noMarketDataMs = NO_MARKET_DATA_MS;
    await eventually(async () => {
      const [row] = await query<{ age: number | null }>(
        `select (details->'ages'->>'marketDataMs')::float8 as age from account_watch where equity is not null`,
      );
      expect(row?.age).toBeLessThan(NO_MARKET_DATA_MS);
      expect(await enter()).toBe('authorised');
    }, LIMIT_MS);

    await silence(LONG_MS);
    const { run_id: runId, causes } = await eventually(async () => {
      const rows = await query<{ run_id: string; causes: string[] }>('select run_id, causes from outages');
      expect(rows).toHaveLength(1);
      return rows[0] as { run_id: string; causes: string[] };
    }, LIMIT_MS);
    // In the statement that begins the run, and in no later one.
    expect(await modeNow()).toBe('paused');
    expect(await enter()).toContain('RISK_MODE');
    expect(causes).toEqual(['noMarketData']);
    const [seen] = await query<{ details: { ages: { venueMs: number; marketDataMs: number } } }>('select details from account_watch');
    expect(seen?.details.ages.marketDataMs).toBeGreaterThan(NO_MARKET_DATA_MS);
    expect(seen?.details.ages.venueMs).toBeLessThan(seen?.details.ages.marketDataMs ?? 0);
    expect(await query('select kind, severity from alerts where kind like $1', 'watch.noMarketData')).toEqual([
      { kind: 'watch.noMarketData', severity: 'error' },
    ]);
    // The venue answers, which does not end it.
    await eventually(async () => expect(await parts(runId)).toEqual(['freeze done', 'reconnect done', 'streams under way']), LIMIT_MS);
    expect(await query('select has_answered as "hasAnswered" from outage_tries order by number desc limit 1')).toEqual([
      { hasAnswered: true },
    ]);
    expect(await modeNow()).toBe('paused');

    await silence(0);
    await eventually(
      async () => expect(await query('select status from runbook_runs where run_id = $1', runId)).toEqual([{ status: 'completed' }]),
      LIMIT_MS,
    );
    expect(await parts(runId)).toEqual(
      ['freeze', 'reconnect', 'streams', 'reconciliation', 'resume', 'report'].map((name) => `${name} done`),
    );
    expect(await modeNow()).toBe('normal');
    const [order] = await query<{ isAfter: boolean }>(
      `select o.resumed_at > r.last_clean_at and r.last_clean_at > o.over_at as "isAfter" from outages o join reconciliations r using (account)`,
    );
    expect(order).toEqual({ isAfter: true });
    expect(await enter()).toBe('authorised');
    const audit = await query<{ subject: string; mode: string }>(
      `select subject, data->>'mode' as mode from audit_events where kind = 'mode.changed' and account = $1 order by event_id`,
      ACCOUNT,
    );
    expect(audit).toEqual([
      { subject: 'watch', mode: 'paused' },
      { subject: 'venueDisconnected', mode: 'normal' },
    ]);
  });
});
