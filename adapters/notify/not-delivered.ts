import type { AlertChannel } from '../../core/alerts/round.js';
import { KeelsonError } from '../../core/errors.js';

/** `detail` is ours or a status: texts of libraries may hold addresses with secrets in them. */
export function notDelivered(channel: AlertChannel, detail: string): KeelsonError {
  return new KeelsonError('ALERT_NOT_DELIVERED', { channel, detail });
}
