import { describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { sleep } from './run.js';

const LIMIT_MS = 600_000;
const HOUR_MS = 3_600_000;
/** Longer than what a stopped worker keeps from others: tasks, polls and its connection. */
const STILL_MS = 15_000;

// It has servers of its own, where there is a Temporal program at all.
const temporal = await temporalIfAny();

/** A real hour of the real thing is `npm run soak -- asleep`. */
describe.skipIf(temporal === undefined)('a machine that sleeps for an hour', { timeout: LIMIT_MS }, () => {
  it('drops what is stale, books what happened meanwhile, and trades on without a person', async () => {
    const { broken, stale, alerts, tradingAgainMs } = await sleep({ aheadMs: HOUR_MS, stillMs: STILL_MS });
    console.info(`trading again after ${tradingAgainMs} ms; told: ${alerts.join('; ')}`);
    expect(broken).toEqual([]);
    expect(stale).toMatch(/^(denied|expired) .*RISK_SIGNAL_EXPIRED/);
  });
});
