import type { AlertSeverity } from './severity.js';

/** An alert as people are told it. */
export interface AlertMessage {
  /** Empty: it stands in no database, and nobody can acknowledge it. */
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

/**
 * For a phone at night: what, since when, and what ends it.
 * @param most so many characters the channel takes: of what is longer the middle is left out, never what the alert is nor how it is ended.
 */
export function textOf(message: AlertMessage, most = Infinity): string {
  const { summary, alertId, severity, raisedTime } = message;
  const answer = severity === 'info' ? '' : `\nAcknowledge: keelson alerts ack ${alertId} --reason …`;
  const name = alertId === '' ? '.' : `, alert ${alertId}.${answer}`;
  const [head, tail] = [`${subjectOf(message)}\n`, `\nSince ${new Date(raisedTime).toISOString()}${name}`];
  return head + cut(summary, most - head.length - tail.length) + tail;
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // A character of two halves stays whole, or goes.
  return `${text.slice(0, Math.max(0, most - 1)).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
