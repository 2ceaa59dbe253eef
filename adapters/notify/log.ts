import type { NotifyChannel } from '../../activities/ports/alerts.js';
import type { AlertSeverity } from '../../core/alerts/severity.js';

export interface AlertLog {
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
  fatal(data: object, message: string): void;
}

const LEVEL = { info: 'info', warning: 'warn', error: 'error', critical: 'fatal' } as const satisfies Record<AlertSeverity, keyof AlertLog>;

/** The process's own log: always there, so that every alert is written down once more than in the database. */
export function logChannel(log: AlertLog): NotifyChannel {
  return {
    name: 'log',
    recipients: 1,
    send({ summary, severity, ...alert }) {
      log[LEVEL[severity]]({ alert: { ...alert, severity } }, summary);
      return Promise.resolve();
    },
  };
}
