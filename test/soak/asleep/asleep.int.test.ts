import { expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { sleep } from './run.js';

const HOUR_MS = 3_600_000;
/** Longer than what a stopped worker keeps from others: tasks, polls and its connection. `npm run soak -- asleep` sleeps through the whole time. */
const STILL_MS = 15_000;

const temporal = await temporalIfAny();

it.skipIf(temporal === undefined)(
  'an hour asleep: what is stale is dropped, what differs is compared, and trading goes on without a person',
  async () => {
    const outcome = await sleep({ aheadMs: HOUR_MS, stillMs: STILL_MS });
    console.info(JSON.stringify(outcome));
    expect(outcome.stale).toContain('RISK_SIGNAL_EXPIRED');
    expect(outcome.broken).toEqual([]);
  },
);
