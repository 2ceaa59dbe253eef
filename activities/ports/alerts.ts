import type { AlertMessage } from '../../core/alerts/message.js';
import type { AlertChannel, Round } from '../../core/alerts/round.js';

/** One way to reach people. */
export interface NotifyChannel {
  readonly name: AlertChannel;
  /** How many it reaches, in the order in which they are told. */
  readonly recipients: number;
  /**
   * Returns when the other side has taken it.
   * @throws KeelsonError ALERT_NOT_DELIVERED, whose detail holds no address and no secret.
   */
  send(message: AlertMessage, recipient: number, signal: AbortSignal): Promise<void>;
}

/** An alert of which people are to be told. */
export interface DueAlert extends Omit<AlertMessage, 'round'> {
  /** How often they were told already. */
  readonly rounds: number;
}

export interface ClaimedDelivery {
  readonly deliveryId: string;
  readonly recipient: number;
  /** Tries so far, this one included. */
  readonly attempts: number;
  readonly round: number;
  readonly alert: DueAlert;
}

/** What may be sent to one recipient of a channel now: as many of either kind. */
export interface FreeSlots {
  readonly recipient: number;
  readonly critical: number;
  readonly other: number;
  /** Accounts of whose alerts it was told, the latest last; '' is of no account. Among alerts that are as bad, theirs wait for those of others. */
  readonly toldLast: readonly string[];
}

/** The rows of alerts and their deliveries. Every method is one statement. @throws KeelsonError INFRA_DATABASE. */
export interface AlertStore {
  /** The worst first; among those that are as bad, the first of each account before anybody's second. */
  due(most: number): Promise<readonly DueAlert[]>;
  /** Writes the deliveries of the next round; false: another process has, or somebody acknowledged the alert. */
  beginRound(alert: DueAlert, round: Round): Promise<boolean>;
  /** A claim ends by itself after `forMs`: what a dead process held is tried by another. */
  claim(channel: AlertChannel, free: readonly FreeSlots[], forMs: number): Promise<readonly ClaimedDelivery[]>;
  finish(
    deliveryId: string,
    outcome: { readonly delivered: boolean; readonly detail?: string; readonly againInMs?: number | undefined },
  ): Promise<void>;
  /** Calls `onAlert` when an alert may have been raised, and after each time that it could not have heard of one. @returns stops. */
  listen(onAlert: () => void): () => Promise<void>;
}
