import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import { PROTOCOL } from '../../core/risk/limits.js';
import { createKillStore } from './kill-store.js';

const LOST = ['KE001', 'KE002', '40P01', '40001'];
const FINDING = { unverified: [], dust: [], kept: [] };

/** A database in which every statement loses so often against another one, and then does what it says. */
function losing(times: number, code: string, answer: unknown): { readonly pool: Pool; readonly asked: () => number } {
  let asked = 0;
  const query = async (): Promise<{ rows: unknown[] }> => {
    asked += 1;
    if (asked <= times) throw Object.assign(new Error('it lost'), { code });
    return { rows: [{ answer }] };
  };
  return { pool: { query } as unknown as Pool, asked: () => asked };
}

const STATEMENTS: readonly (readonly [string, unknown, (pool: Pool) => Promise<unknown>])[] = [
  ['the lease', { isMine: true, owner: 'me', remainingMs: 1 }, (pool) => createKillStore(pool).takeLease('main', 'me', 1)],
  ['its end', null, (pool) => createKillStore(pool).dropLease('main', 'me')],
  ['how far it is', null, (pool) => createKillStore(pool).writeKill('main', 'running', FINDING, null)],
  ['that it is at it', null, (pool) => createKillStore(pool).touchKill('main')],
  ['what was seen', null, (pool) => createKillStore(pool).observe('main', 'looked', {})],
  ['the end of the halt', { result: 'released' }, (pool) => createKillStore(pool).release('l', 'r')],
  [
    'what the kill sends',
    { result: 'submitting', order: {} },
    (pool) => createKillStore(pool).ordersAs('me').beginSubmit({ intentId: 'i', epoch: 1, signedTimestamp: 1, receiveWindowMs: 1 }),
  ],
];

describe.each(STATEMENTS)('a kill writes %s', (_, answer, write) => {
  it.each(LOST)('also where it has lost against another statement (%s)', async (code) => {
    const { pool, asked } = losing(2, code, answer);
    await expect(write(pool)).resolves.not.toThrow();
    expect(asked()).toBe(3);
  });

  it('not for ever, and not again after another failure', async () => {
    const always = losing(1_000, 'KE002', answer);
    await expect(write(always.pool)).rejects.toMatchObject({ failure: { code: 'INFRA_DATABASE' } });
    expect(always.asked()).toBe(PROTOCOL.compareAndSetAttempts);
    const other = losing(1, '57014', answer);
    await expect(write(other.pool)).rejects.toMatchObject({ failure: { code: 'INFRA_DATABASE' } });
    expect(other.asked()).toBe(1);
  });
});
