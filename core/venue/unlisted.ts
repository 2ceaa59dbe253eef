import { KeelsonError } from '../errors.js';

/** Whether a question was refused because the venue does not list the instrument, or not any more. */
export function isUnlisted(error: unknown): boolean {
  return error instanceof KeelsonError && error.failure.code === 'RISK_INSTRUMENT_UNKNOWN';
}
