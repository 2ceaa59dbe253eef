import { KeelsonError } from '../errors.js';

/** The whole of a calendar is not understood. */
export function unreadable(detail: string): KeelsonError {
  return new KeelsonError('DATA_CALENDAR', { detail });
}
