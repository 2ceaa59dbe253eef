import { expect, it } from 'vitest';
import { plannedParts } from '../../../test/support/planned-part.js';
import type { AskedRun } from '../../ports/runbook.js';
import { planOf } from '../plan.js';
import { gracefulShutdown } from './graceful-shutdown.js';
import type { TradingReads, TradingRules, TradingWrites } from './parts.js';
import { startUp } from './start-up.js';

const RULES: TradingRules = {
  ...{ venue: 'paper', observeBars: 3, observeAtMostMs: 60_000, afterwards: 'asBefore', workingEntries: 'wait', waitAtMostMs: 300_000 },
  streams: [{ instrument: 'BTC/USDT', intervalMs: 60_000, lookbackBars: 20 }],
};
const run = (runbook: AskedRun['runbook']): AskedRun => ({ runId: 'r', runbook, account: 'main', inputs: {}, subject: 'olga' });

/** Both runbooks by rules that may be changed, as by a guardian that is restarted with another configuration. */
function opened() {
  const did: unknown[][] = [];
  let rules = RULES;
  const write = (...values: unknown[]): Promise<void> => Promise.resolve(void did.push(values));
  const reads = { rulesOf: () => rules, state: { standing: () => Promise.resolve({ mode: 'observation' }) } } as unknown as TradingReads;
  const writes = { holdMode: write, easeMode: write, releaseMode: write, undoMode: write, settleEntries: write } satisfies TradingWrites;
  const change = (to: Partial<TradingRules>): void => void (rules = { ...rules, ...to });
  return { did, change, startUp: startUp(reads, writes), gracefulShutdown: gracefulShutdown(reads, writes) };
}

it.each<Partial<TradingRules>>([
  { observeBars: 0 },
  { observeAtMostMs: 1_000 },
  { afterwards: 'observation' },
  { streams: [] },
  { workingEntries: 'cancel' },
  { waitAtMostMs: 0 },
])('a plan is of its configuration: %o is another one', async (changed) => {
  const bench = opened();
  const plans = async (): Promise<readonly object[]> =>
    Promise.all([planOf(bench.startUp, run('startUp')), planOf(bench.gracefulShutdown, run('gracefulShutdown'))]);
  const before = await plans();
  expect(await plans()).toEqual(before);
  bench.change(changed);
  for (const [index, plan] of (await plans()).entries()) expect(plan).not.toEqual(before[index]);
});

it('what was approved is what runs: entries that were to be waited for are not canceled by a configuration of later', async () => {
  const { did, change, gracefulShutdown: code } = opened();
  const part = await plannedParts(code, run('gracefulShutdown'));
  const entries = () => part('entries', 'action');
  expect(await entries()).toMatchObject({ outcome: 'done' });
  expect(did).toEqual([['main', 'r', 'wait', 300_000, expect.any(AbortSignal)]]);
  change({ workingEntries: 'cancel', waitAtMostMs: 0 });
  expect(await entries()).toMatchObject({ outcome: 'preempted', detail: expect.stringContaining('RISK_PLAN_CHANGED') as string });
  expect(did).toHaveLength(1);
});
