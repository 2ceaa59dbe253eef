import type { Client } from '@temporalio/client';
import { KeelsonError } from '../../core/errors.js';

/** One that takes the connection and never answers is waited for no longer. */
export const CALL_MS = 5_000;

/** Has Temporal told something. @throws KeelsonError INFRA_TEMPORAL, whatever it says against it */
export async function told<T>(client: Client, clock: () => number, work: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(clock() + CALL_MS, work);
  } catch (error) {
    throw new KeelsonError('INFRA_TEMPORAL', { detail: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
}
