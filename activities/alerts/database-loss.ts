import type { AlertMessage } from '../../core/alerts/message.js';
import { nextRound, type Recipients } from '../../core/alerts/round.js';
import type { NotifyChannel } from '../ports/alerts.js';
import { sendWithin } from './send-within.js';

const LOOK_MS = 5_000;
const ANSWER_MS = 2_500;
/** So many looks in a row without an answer: at least fifteen seconds, and no less after a machine that slept. */
const LOOKS_TO_TELL = 4;

export interface DatabaseLossDependencies {
  /** Rejects, or never ends, where the database does not answer. */
  readonly answers: () => Promise<unknown>;
  readonly channels: readonly NotifyChannel[];
  /** Whom nobody watches meanwhile. */
  readonly accounts: readonly string[];
  readonly clock: () => number;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Tells people that the database does not answer, and when it does again. Alerts stand in it, and so does what the account watch writes: without it nobody watches, and
 * no alert could say so. Each guardian tells by itself, from its memory; one that starts meanwhile begins anew.
 */
export class DatabaseLoss {
  private readonly dependencies: DatabaseLossDependencies;
  private readonly recipients: Recipients;
  private readonly timer: NodeJS.Timeout;
  private readonly ending = new AbortController();
  private isLooking = false;
  private failedLooks = 0;
  private answeredTime: number;
  private rounds = 0;
  /** After so many failed looks people are told, or told again. */
  private dueAfter = LOOKS_TO_TELL;
  private readonly told = new Map<string, Telling>();

  constructor(dependencies: DatabaseLossDependencies) {
    this.dependencies = dependencies;
    this.answeredTime = dependencies.clock();
    this.recipients = Object.fromEntries(dependencies.channels.map(({ name, recipients }) => [name, recipients]));
    this.timer = setInterval(() => void this.look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.timer);
    this.ending.abort();
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    await this.ask();
    if (this.failedLooks >= this.dueAfter) this.tellLost();
    for (const telling of this.told.values()) telling.tryAgain();
  }

  private async ask(): Promise<void> {
    this.isLooking = true;
    try {
      await Promise.race([this.dependencies.answers(), after(ANSWER_MS)]);
      if (this.rounds > 0) this.tellBack();
      [this.failedLooks, this.rounds, this.dueAfter] = [0, 0, LOOKS_TO_TELL];
      this.answeredTime = this.dependencies.clock();
    } catch {
      this.failedLooks += 1;
    } finally {
      this.isLooking = false;
    }
  }

  private tellLost(): void {
    // Like an alert that nobody has acknowledged: again after a while, and to whoever is next.
    const { deliveries, nextInMs } = nextRound('critical', this.rounds, this.recipients);
    const { accounts } = this.dependencies;
    const summary =
      `The database has not answered for ${this.lasted()} s: nobody watches ${accounts.join(', ')}, no halt can be latched, and no ` +
      'other alert comes. Stops stay at the venues. See whether Postgres runs and is reached; `keelson kill --direct` cancels and sells without it.';
    this.tell(deliveries, { ...this.message('database.lost', summary), severity: 'critical' });
    this.rounds += 1;
    this.dueAfter = this.failedLooks + (nextInMs ?? 0) / LOOK_MS;
  }

  private tellBack(): void {
    const deliveries = [...this.told.values()].map(({ channel, recipient }) => ({ channel: channel.name, recipient }));
    const summary = `The database answers again, after ${this.lasted()} s: the accounts are watched. Entries wait for a clean comparison.`;
    this.tell(deliveries, { ...this.message('database.back', summary), severity: 'info' });
  }

  private lasted(): number {
    return Math.floor(Math.abs(this.dependencies.clock() - this.answeredTime) / 1_000);
  }

  private message(kind: string, summary: string): Omit<AlertMessage, 'severity'> {
    return { alertId: '', account: null, kind, summary, data: {}, raisedTime: this.answeredTime, round: this.rounds };
  }

  /** Whoever has not been told of what was before is told of this instead. */
  private tell(deliveries: readonly { readonly channel: string; readonly recipient: number }[], message: AlertMessage): void {
    for (const { channel: name, recipient } of deliveries) {
      const channel = this.dependencies.channels.find((one) => one.name === name);
      if (channel === undefined) continue;
      this.told.get(`${name} ${recipient}`)?.giveUp();
      this.told.set(`${name} ${recipient}`, new Telling(channel, recipient, message, this.ending.signal, this.dependencies.log));
    }
  }
}

/** Telling one recipient by one channel: one that hangs delays no other. */
class Telling {
  readonly channel: NotifyChannel;
  readonly recipient: number;
  private readonly message: AlertMessage;
  private readonly log: DatabaseLossDependencies['log'];
  private readonly over = new AbortController();
  private isUnderWay = false;
  private isDone = false;

  constructor(channel: NotifyChannel, recipient: number, message: AlertMessage, ending: AbortSignal, log: DatabaseLossDependencies['log']) {
    [this.channel, this.recipient, this.message, this.log] = [channel, recipient, message, log];
    ending.addEventListener('abort', () => this.giveUp(), { once: true });
  }

  giveUp(): void {
    this.over.abort();
  }

  tryAgain(): void {
    if (this.isUnderWay || this.isDone || this.over.signal.aborted) return;
    this.isUnderWay = true;
    void sendWithin(this.channel, this.message, this.recipient, this.over.signal)
      .then(() => (this.isDone = true))
      .catch(() => this.log.warn({ channel: this.channel.name, kind: this.message.kind }, 'an alert was not delivered; it is tried again'))
      .finally(() => (this.isUnderWay = false));
  }
}

function after(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms).unref();
  });
}
