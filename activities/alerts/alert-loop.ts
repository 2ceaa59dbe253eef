import { KeelsonError } from '../../core/errors.js';
import { nextRound, retryAfterMs, type Recipients } from '../../core/alerts/round.js';
import type { AlertStore, ClaimedDelivery, FreeSlots, NotifyChannel } from '../ports/alerts.js';
import { sendWithin } from './send-within.js';

/** Where a notification was lost, alerts and tries that are due are found after this long. */
const LOOK_AGAIN_MS = 2_000;
const MOST_ALERTS = 50;
/** Longer than any try lasts. */
const CLAIM_MS = 30_000;
/** What one channel sends at once to one recipient, critical alerts and others: neither waits for the other. */
const AT_ONCE = 5;

export interface AlertLoopDependencies {
  readonly store: AlertStore;
  readonly channels: readonly NotifyChannel[];
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Tells people of alerts until it is closed. What is to be told stands in rows, so that a process that dies loses none: its
 * claims end, and another sends them (a message may so come twice). Each channel sends by itself, and to each recipient by itself: one that
 * hangs delays no other. What is critical goes first and has slots of its own, so that it waits behind nothing less; among alerts that are as bad
 * each account has its turn, so that the flood of one keeps no other waiting.
 */
export class AlertLoop {
  private readonly dependencies: AlertLoopDependencies;
  private readonly senders: readonly ChannelSender[];
  private readonly recipients: Recipients;
  private readonly timer: NodeJS.Timeout;
  private readonly stopListening: () => Promise<void>;
  private isDue = false;
  private isOver = false;
  private current: Promise<void> | undefined;

  constructor(dependencies: AlertLoopDependencies) {
    this.dependencies = dependencies;
    const { store, channels, log } = dependencies;
    this.senders = channels.map((channel) => new ChannelSender(store, channel, log));
    this.recipients = Object.fromEntries(channels.map(({ name, recipients }) => [name, recipients]));
    this.stopListening = store.listen(() => this.look());
    this.timer = setInterval(() => this.look(), LOOK_AGAIN_MS);
  }

  async close(): Promise<void> {
    this.isOver = true;
    clearInterval(this.timer);
    await this.stopListening();
    await this.current;
    await Promise.all(this.senders.map((sender) => sender.close()));
  }

  private look(): void {
    this.isDue = true;
    this.current ??= this.plan().finally(() => {
      this.current = undefined;
    });
  }

  private async plan(): Promise<void> {
    const { store, log } = this.dependencies;
    while (this.isDue && !this.isOver) {
      this.isDue = false;
      try {
        const due = await store.due(MOST_ALERTS);
        if (due.length === MOST_ALERTS) this.isDue = true;
        for (const alert of due) {
          await store.beginRound(alert, nextRound(alert.severity, alert.rounds, this.recipients));
          if (alert.severity === 'critical') this.send();
        }
      } catch (error) {
        log.warn({ error: String(error) }, 'alerts could not be read; they are read again');
      }
      this.send();
    }
  }

  private send(): void {
    for (const sender of this.senders) sender.look();
  }
}

/** Sends what one channel has to send. */
class ChannelSender {
  private readonly store: AlertStore;
  private readonly channel: NotifyChannel;
  private readonly log: AlertLoopDependencies['log'];
  private readonly sending = new Map<Promise<void>, ClaimedDelivery>();
  /** For each recipient the accounts of whose alerts it was told, the latest last. */
  private readonly toldLast: string[][];
  private readonly retries = new Set<NodeJS.Timeout>();
  private readonly ending = new AbortController();
  private isDue = false;
  private current: Promise<void> | undefined;

  constructor(store: AlertStore, channel: NotifyChannel, log: AlertLoopDependencies['log']) {
    this.store = store;
    this.channel = channel;
    this.log = log;
    this.toldLast = Array.from({ length: channel.recipients }, () => []);
  }

  look(): void {
    this.isDue = true;
    if (this.ending.signal.aborted) return;
    this.current ??= this.claim().finally(() => {
      this.current = undefined;
    });
  }

  /** What is being sent is given up: its claim ends, and whoever is there then sends it. */
  async close(): Promise<void> {
    this.ending.abort();
    for (const retry of this.retries) clearTimeout(retry);
    await this.current;
    await Promise.all(this.sending.keys());
  }

  private async claim(): Promise<void> {
    const { signal } = this.ending;
    while (this.isDue && !signal.aborted) {
      this.isDue = false;
      const free = this.free();
      if (free.length === 0) return;
      try {
        const claimed = await this.store.claim(this.channel.name, free, CLAIM_MS);
        // There may be more of what has free slots still: they are asked for until one answer is empty.
        if (claimed.length > 0) this.isDue = true;
        for (const delivery of claimed) this.begin(delivery);
      } catch (error) {
        this.log.warn({ channel: this.channel.name, error: String(error) }, 'deliveries could not be claimed; they are tried again');
      }
    }
  }

  /** Recipients to whom anything can be sent now. */
  private free(): readonly FreeSlots[] {
    const sending = [...this.sending.values()];
    return this.toldLast
      .map((toldLast, recipient) => {
        const to = sending.filter((one) => one.recipient === recipient);
        const critical = to.filter(({ alert }) => alert.severity === 'critical').length;
        return { recipient, critical: AT_ONCE - critical, other: AT_ONCE - (to.length - critical), toldLast };
      })
      .filter(({ critical, other }) => critical > 0 || other > 0);
  }

  private begin(delivery: ClaimedDelivery): void {
    const [{ recipient }, account] = [delivery, delivery.alert.account ?? ''];
    this.toldLast[recipient] = [...(this.toldLast[recipient] ?? []).filter((one) => one !== account), account];
    const sent = this.send(delivery).finally(() => {
      this.sending.delete(sent);
      this.look();
    });
    this.sending.set(sent, delivery);
  }

  private async send({ deliveryId, alert, round, recipient, attempts }: ClaimedDelivery): Promise<void> {
    const { name } = this.channel;
    try {
      await sendWithin(this.channel, { ...alert, round }, recipient, this.ending.signal);
      await this.store.finish(deliveryId, { delivered: true });
    } catch (error) {
      // Given up with the process: the claim ends by itself, and the try counts for nothing.
      if (this.ending.signal.aborted) return;
      const detail = error instanceof KeelsonError ? error.failure.message : 'failed for a reason of our own';
      const againInMs = retryAfterMs(attempts);
      this.log.warn({ channel: name, alertId: alert.alertId, attempts, detail }, 'an alert was not delivered');
      await this.store.finish(deliveryId, { delivered: false, detail, againInMs }).catch(() => undefined);
      if (againInMs !== undefined) this.lookIn(againInMs);
    }
  }

  private lookIn(ms: number): void {
    const retry = setTimeout(() => {
      this.retries.delete(retry);
      this.look();
    }, ms);
    this.retries.add(retry);
  }
}
