import type { AlertSeverity } from './severity.js';

export const ALERT_CHANNELS = ['log', 'webhook', 'telegram', 'email', 'sms'] as const;
export type AlertChannel = (typeof ALERT_CHANNELS)[number];

/** How many people each channel reaches, in the order in which they are told; a channel that is not set up reaches none. */
export type Recipients = Readonly<Partial<Record<AlertChannel, number>>>;

const FROM: Readonly<Record<AlertChannel, AlertSeverity>> = {
  log: 'info',
  webhook: 'warning',
  telegram: 'warning',
  email: 'error',
  sms: 'critical',
};
const RANK: Readonly<Record<AlertSeverity, number>> = { info: 0, warning: 1, error: 2, critical: 3 };

const CRITICAL_REPEAT_MS = 15 * 60_000;
const REPEAT_MS = 4 * 3_600_000;

/** Telling people of an alert once. */
export interface Round {
  /** How far up it goes: the first of each list of recipients at level 0, one more at each further level. */
  readonly level: number;
  readonly deliveries: readonly { readonly channel: AlertChannel; readonly recipient: number }[];
  /** When people are told again unless one of them has acknowledged it; null: not again. */
  readonly nextInMs: number | null;
}

/** The next round of an alert of which people were told `rounds` times already. Pure. */
export function nextRound(severity: AlertSeverity, rounds: number, recipients: Recipients): Round {
  // What an information says needs nobody's answer; a critical alert without one goes to whoever is next.
  const level = severity === 'critical' ? rounds : 0;
  const channels = ALERT_CHANNELS.filter((channel) => RANK[severity] >= RANK[FROM[channel]]);
  return {
    level,
    deliveries: channels.flatMap((channel) =>
      Array.from({ length: Math.min(level + 1, recipients[channel] ?? 0) }, (_, recipient) => ({ channel, recipient })),
    ),
    nextInMs: severity === 'info' ? null : severity === 'critical' ? CRITICAL_REPEAT_MS : REPEAT_MS,
  };
}

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 300_000;
const TRIES = 12;

/** How long after a failed try the next one comes; undefined: that was the last, and the next round tells it again. */
export function retryAfterMs(attempts: number): number | undefined {
  return attempts >= TRIES ? undefined : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
}
