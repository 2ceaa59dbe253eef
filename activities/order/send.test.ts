import { describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { createSend } from './send.js';
import type { Submission } from './submit.js';

const LOST: Submission = { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
const ORDER = { intentId: 'x', status: 'unknown' } as StoredOrder;

describe('a send with its record', () => {
  it('tells the order as the ledger has it', async () => {
    const told: Submission[] = [];
    const send = createSend(
      async () => LOST,
      async (_intentId, submission) => {
        told.push(submission);
        return ORDER;
      },
    );
    expect(await send('x', 'main')).toEqual({ kind: 'recorded', order: ORDER });
    expect(told).toEqual([LOST]);
  });

  it('hands on what could not be written down, and sends nothing again for it', async () => {
    let sends = 0;
    const send = createSend(
      async () => {
        sends += 1;
        return LOST;
      },
      () => Promise.reject(new Error('the database is away')),
    );
    expect([await send('x', 'main'), sends]).toEqual([LOST, 1]);
  });

  it('writes nothing down for a send that did not begin', async () => {
    const send = createSend(
      () => Promise.reject(new Error('the compare-and-set did not answer')),
      () => Promise.reject(new Error('asked to record')),
    );
    await expect(send('x', 'main')).rejects.toThrow('compare-and-set');
  });
});
