import type { AlertSeverity } from './severity.js';

/** An alert as people are told it. */
export interface AlertMessage {
  readonly alertId: string;
  readonly account: string | null;
  readonly severity: AlertSeverity;
  readonly kind: string;
  readonly summary: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Epoch ms, by the database's clock. */
  readonly raisedTime: number;
  /** Counts the times that people were told of it before. */
  readonly round: number;
}

export function subjectOf({ severity, account, kind, round }: AlertMessage): string {
  const again = round === 0 ? '' : ` (told ${round + 1} times)`;
  return `[${severity}] ${account ?? 'Keelson'}: ${kind}${again}`;
}

/** For a phone at night: what, since when, and what ends it. */
export function textOf(message: AlertMessage): string {
  const { summary, alertId, severity, raisedTime } = message;
  const answer = severity === 'info' ? '' : `\nAcknowledge: keelson alerts ack ${alertId} --reason …`;
  return `${subjectOf(message)}\n${summary}\nSince ${new Date(raisedTime).toISOString()}, alert ${alertId}.${answer}`;
}
