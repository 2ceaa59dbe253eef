import { expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { HOUR_ASLEEP, sleep } from './run.js';

const temporal = await temporalIfAny();

it.skipIf(temporal === undefined)(
  'an hour asleep: what is stale is dropped, what differs is compared, and trading goes on without a person',
  async () => {
    const outcome = await sleep(HOUR_ASLEEP);
    console.info(JSON.stringify(outcome));
    expect(outcome.stale).toContain('RISK_SIGNAL_EXPIRED');
    expect(outcome.broken).toEqual([]);
  },
);
