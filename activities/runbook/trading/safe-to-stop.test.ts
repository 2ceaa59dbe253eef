import { expect, it } from 'vitest';
import type { AskedRun } from '../../ports/runbook.js';
import type { Left, Standing, WorkingOrder } from '../../ports/trading-state.js';
import type { Look } from '../step-code.js';
import { gracefulShutdown } from './graceful-shutdown.js';
import type { TradingReads, TradingWrites } from './parts.js';

const RUN: AskedRun = { runId: 'run', runbook: 'gracefulShutdown', account: 'main', inputs: {}, subject: 'olga' };
const order = (purpose: string, status: string): WorkingOrder => ({
  ...{ intentId: `${purpose}-1`, clientOrderId: 'c1', instrument: 'BTC/USDT', purpose, status, stopPrice: null },
});
const NOTHING: Left = { working: [], positions: [], unprotected: [], uncovered: [], outbox: 0 };

/** What the last step of a shutdown says of an account where this is left. */
async function quiet(left: Partial<Left>, standing: Partial<Standing> = {}): Promise<Look | undefined> {
  const reads = {
    state: {
      left: () => Promise.resolve({ ...NOTHING, ...left }),
      standing: () => Promise.resolve({ halt: null, isAborted: false, ...standing }),
    },
    patienceMs: 0,
    clock: () => 0,
    pause: () => Promise.resolve(),
  } as unknown as TradingReads;
  const step = gracefulShutdown(reads, {} as TradingWrites).steps.find(({ spec }) => spec.name === 'quiet');
  return step?.verification?.(RUN);
}

it.each([
  ['nothing is left', {}],
  ['only stops rest', { working: [order('stop', 'accepted')], positions: [{ strategy: 's', instrument: 'BTC/USDT', quantity: '1' }] }],
] as const)('the processes may be stopped where %s', async (_, left) =>
  expect(await quiet(left)).toEqual({ isFine: true, output: { safeToStop: true } }),
);

it.each([
  ['an entry works', { working: [order('entry', 'accepted')] }, {}, 'entry entry-1 of BTC/USDT is accepted'],
  ['an exit works', { working: [order('exit', 'partiallyFilled')] }, {}, 'exit exit-1 of BTC/USDT is partiallyFilled'],
  ['the fate of a stop is not known', { working: [order('stop', 'unknown')] }, {}, 'order stop-1 is unknown'],
  ['a stop is being sent', { working: [order('stop', 'submitting')] }, {}, 'order stop-1 is submitting'],
  ['a stop is being canceled', { working: [order('stop', 'pendingCancel')] }, {}, 'order stop-1 is pendingCancel'],
  ['a message waits for a workflow', { outbox: 1 }, {}, '1 messages wait for a workflow'],
  ['a halt has ended the wait', {}, { halt: 'a halt (account main) stands over main' }, 'a halt (account main) stands over main'],
  ['a person has given it up', {}, { isAborted: true }, 'the run was given up'],
] as const)('nothing says that the processes may be stopped where %s', async (_, left, standing, found) => {
  expect(await quiet(left, standing)).toEqual({ isFine: false, found: expect.stringContaining(found) as string });
});
