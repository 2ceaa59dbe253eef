import { ApplicationFailure } from '@temporalio/activity';
import { describe, expect, it } from 'vitest';
import { KeelsonError } from '../core/errors.js';
import { mapped } from './failures.js';

const failing = (error: unknown, trying?: 'untilDone') => mapped((): Promise<never> => Promise.reject(error), trying)();
const auth = new KeelsonError('VENUE_AUTH', { venue: 'paper', account: 'main', detail: 'no such key' });
const limited = new KeelsonError('VENUE_RATE_LIMITED', { venue: 'paper', call: 'order', retryAfterMs: 700 });
const epoch = new KeelsonError('RISK_EPOCH', { epoch: 1, current: 2 });

describe('coded failures become Temporal’s', () => {
  it('the code is the type, the whole failure goes along', async () => {
    await expect(failing(auth)).rejects.toMatchObject({ type: 'VENUE_AUTH', message: auth.failure.message, details: [auth.failure] });
    await expect(failing(auth)).rejects.toBeInstanceOf(ApplicationFailure);
  });

  it('the retry class decides, and a venue’s own delay is kept', async () => {
    await expect(failing(auth)).rejects.toMatchObject({ nonRetryable: true });
    await expect(failing(limited)).rejects.toMatchObject({ nonRetryable: false, nextRetryDelay: 700 });
  });

  it('a delay of days is asked again after five minutes', async () => {
    const banned = new KeelsonError('VENUE_RATE_LIMITED', { venue: 'paper', call: 'order', retryAfterMs: 259_200_000 });
    await expect(mapped(() => Promise.reject(banned))()).rejects.toMatchObject({ nextRetryDelay: 300_000 });
  });

  it('P11: what must happen in the end is tried again whatever the code, but after a restore (P31)', async () => {
    await expect(failing(auth, 'untilDone')).rejects.toMatchObject({ nonRetryable: false });
    await expect(failing(epoch, 'untilDone')).rejects.toMatchObject({ nonRetryable: true });
  });

  it('anything else is left as it is', async () => {
    const bug = new TypeError('not ours');
    await expect(failing(bug)).rejects.toBe(bug);
    await expect(mapped(async (n: number) => n + 1)(1)).resolves.toBe(2);
  });
});
