import { msToNumber } from '@temporalio/common/lib/time.js';
import { expect, it } from 'vitest';
import * as options from './activity-options.js';

/** What the protocol allows from a crash to the next stop (P23), less the start of another worker and what is done then. */
const TAKEN_UP_MS = 10_000;

// Local activities die with their workflow task, whose time-out of 5 s those who start the workflows set.
const { told: _told, AUTHORISE: _authorise, SUBMIT: _submit, ENTER: _enter, LOOK: _look, ...named } = options;

it.each(Object.entries(named))('P23: what dies with its worker in %s is soon begun again', (_name, one) => {
  const heartbeat = 'heartbeatTimeout' in one ? one.heartbeatTimeout : undefined;
  const limit = heartbeat ?? one.startToCloseTimeout;
  expect(limit).toBeDefined();
  expect(msToNumber(limit ?? '0s')).toBeLessThanOrEqual(TAKEN_UP_MS);
});
