import type { Pool } from 'pg';
import { expect } from 'vitest';
import type { WatchLimitKey } from '../../core/risk/limit-table.js';
import { ACCOUNT } from './trading-stack.js';

/** Sets what the watch of the stack's account acts at, as the API writes what it has found to be no looser, or two people have agreed on. */
export async function setWatchLimit(pool: Pool, key: WatchLimitKey, value: string | null): Promise<void> {
  const { rows } = await pool.query<{ answer: object }>(
    `select tighten_limit($1::jsonb || jsonb_build_object('version',
       (select coalesce(max(version), 0) from limits where scope = 'account' and account = $2 and limit_key = $3))) as answer`,
    [{ scope: 'account', scopeValue: ACCOUNT, account: ACCOUNT, key, value, subject: 'rik', reason: 'a test' }, ACCOUNT, key],
  );
  expect(rows).toEqual([{ answer: { result: 'done', ended: [] } }]);
}
