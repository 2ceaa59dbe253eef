import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { eventually } from '../../test/support/eventually.js';
import type { BarStreamDependencies } from './bars.js';
import { streamBars } from './bars.js';
import { StandIn } from './stand-in.js';
import { StrategyRunner } from './strategy-runner.js';

const INTERVAL_MS = 1_000;
let stack: TradingStack;

beforeAll(async () => {
  stack = await openTradingStack();
  stack.paper.start();
});
afterAll(() => stack?.close());

/** It never wants anything: the stream is there for its bars. */
const runner = (): StrategyRunner =>
  new StrategyRunner({
    account: ACCOUNT,
    strategy: {
      id: 'idle',
      version: '1',
      lookbackBars: 3,
      featureNames: [],
      step: () => ({ intent: 'none', stance: 'undecided', features: [], stopDistanceRatio: 0.02, reason: 'never' }),
    },
    instrument: INSTRUMENT,
    intervalMs: INTERVAL_MS,
    model: { hash: 'none', threshold: 1, featureNames: [], trainedFrom: '2026-01-01', trainedTo: '2026-01-01', score: async () => 0 },
    threshold: 1,
    signalValidMs: 1,
    isHalted: () => false,
    sink: { trade: async () => undefined, wouldTrade: async () => false, notTraded: async () => undefined },
    clock: Date.now,
  });

it('two streams at once do no harm: each bar is stored once, as the venue shows it', async () => {
  const { bars, market } = stack.ledger;
  /** Open times of what each stream has told and stored. */
  const told: [number[], number[]] = [[], []];
  const environments = told.map((times) => {
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const saving: BarStreamDependencies['bars'] = {
      ...bars,
      async saveBars(venue, saved, source) {
        await bars.saveBars(venue, saved, source);
        if (source === 'stream') times.push(...saved.map((one) => one.openTime));
      },
    };
    const only = runner();
    const dependencies: BarStreamDependencies = {
      venueOf: stack.dependencies.venueOf,
      venueNameOf: () => 'paper',
      bars: saving,
      store: stack.dependencies.store,
      market,
      runnersOf: () => [only],
      isActive: async () => true,
      standIn: new StandIn(),
      clock: Date.now,
      stopping: new AbortController().signal,
      log: { warn: () => undefined },
    };
    return { environment, ended: environment.run(streamBars, dependencies, ACCOUNT, INTERVAL_MS).catch(() => undefined) };
  });
  await eventually(() => {
    const both = told[0].filter((time) => told[1].includes(time));
    expect(both.length).toBeGreaterThanOrEqual(3);
  });
  for (const { environment } of environments) environment.cancel();
  await Promise.all(environments.map((one) => one.ended));

  const { rows } = await stack.pool.query<{ at: string; close: string }>(
    'select open_time::text as at, close::text from bars order by open_time',
  );
  const shown = await stack.venue.reader.bars(INSTRUMENT, INTERVAL_MS, Number(rows[0]?.at), rows.length);
  expect(rows.map(({ at, close }) => [Number(at), Number(close)])).toEqual(shown.map(({ openTime, close }) => [openTime, Number(close)]));
});
