import { createHash } from 'node:crypto';

/**
 * The client order id of an intent: the first 128 bits of SHA-256 over instance and intent, in hex. 32 characters of
 * `[0-9a-f]` fit every supported venue; the instance keeps two installations on one account apart.
 */
export function clientOrderIdOf(instanceId: string, intentId: string): string {
  return createHash('sha256').update(`${instanceId}\n${intentId}`).digest('hex').slice(0, 32);
}
