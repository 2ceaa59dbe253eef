import { KeelsonError } from '../../core/errors.js';
import type { Database } from '../read/database.js';

/** @throws KeelsonError AUTH_APPROVAL_CLOSED, with why, where nothing can come of a request any more: nobody is to wait for it. */
export async function assertNotLapsed(database: Database, requestId: string): Promise<void> {
  const { rows } = await database.query<{ lapsed: string | null }>(
    `select approval_course(r)->>'lapsed' as lapsed from approval_requests r where r.request_id = $1`,
    [requestId],
  );
  const why = rows[0]?.lapsed ?? null;
  if (why !== null) throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: requestId, state: `lapsed (${why})` });
}
