import {
  ApplicationFailure,
  condition,
  deprecatePatch,
  log,
  patched,
  proxyActivities,
  proxyLocalActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { OwnerActivities } from '../../activities/order/index.js';
import type { ExitOutcome } from '../../activities/ports/owners.js';
import type { Failure } from '../../core/errors.js';
import { failedInARow, pauseBeforeNextOfferMs, rowOfFailedBegan } from '../../core/protection/history.js';
import { decimal, text } from '../../core/money/index.js';
import {
  EXIT_FORM,
  heldOf,
  isUncovered,
  planProtection,
  VIEW_FORM,
  type ProtectionStep,
  type ProtectionView,
} from '../../core/protection/plan.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { isAdoptedSale, type StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { AUTHORISE, LOOK, RECORD, RESOLVE, told } from '../activity-options.js';
import { atOnceOr, isStepFailure } from '../order/at-once.js';
import { send } from '../order/send.js';
import { HISTORY_LIMIT } from '../order/settle.js';
import { deniedOutcome, outcomeOf } from '../order/status.js';

const quick = proxyLocalActivities<OwnerActivities>(told(LOOK, 'what is held, and what protects it'));
const { look } = proxyActivities<OwnerActivities>(told(RECORD, 'what is held, and what protects it'));
const { authoriseStop } = proxyLocalActivities<OwnerActivities>(told(AUTHORISE, 'authorises a stop'));
const { authoriseEscape } = proxyLocalActivities<OwnerActivities>(told(AUTHORISE, 'authorises the sale of what the stop did not sell'));
const { authoriseExit } = proxyLocalActivities<OwnerActivities>(told(AUTHORISE, 'authorises the exit, or names the stops in its way'));
const { page } = proxyActivities<OwnerActivities>(told(RECORD, 'tells people'));
const { abandon } = proxyActivities<OwnerActivities>(told(RECORD, 'proves the order unsent'));
const { withdraw } = proxyActivities<OwnerActivities>(told(RESOLVE, 'cancels the order, and asks what became of it'));
const { resolve } = proxyActivities<OwnerActivities>(told(RESOLVE, 'asks the venue what became of the order'));

/** An exit that was proven not to have been sent is made anew, as another intent, this often (P14). */
const EXIT_ATTEMPTS = 3;
/** What the gate's word has to be of (`EXIT_FORM`) for what runs of 0.5 did not do. */
const FORM_AFTER_0_5 = 2;
/** And for what runs of 0.6 to 0.8 did not do. */
const FORM_AFTER_0_8 = 3;
/** Before a step that failed for good is tried once more. */
const AFTER_FAILURE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A venue that has sent us away may take us back before it said. */
const LONGEST_CLOSED_MS = 2_000;
const WAITS_TO_PAGE = 2;
/** An exit whose stop still rests waits about a minute before people are told: what is held is protected. */
const GUARDED_WAITS_TO_PAGE = 30;
const WAITING_FOR_VENUE = 'waiting: the venue has sent our address away, and takes nothing yet';
const WAITING_FOR_CLOCK = 'waiting: the venue refuses the exit for its time alone, and is offered it again';
/** So many stops that never came to rest, one after the other, are told to people. */
const REFUSALS_TO_PAGE = 3;

interface Sold {
  readonly order?: StoredOrder;
  /** It was not over before. */
  readonly isAnew?: boolean;
  /** The venue takes no more in one order. */
  readonly isLargest?: boolean;
  /** How what follows on it is decided (`EXIT_FORM`). */
  readonly form?: number | undefined;
  readonly codes?: readonly string[];
}

/** What the owner of one position can do. Each thing is one step of the plan, or one exit. */
export class Owner {
  private readonly key: PositionKey;
  private readonly isWanted: () => boolean;
  private readonly tell: (doing: string) => void;
  /** By the gate, one after the other. */
  private denials = 0;
  /** Of escapes by the venue, one after the other. */
  private refusals = 0;
  /** For a venue that has sent us away. */
  private waits = 0;
  /** Since which entry people know that no stop can be for all that is held. */
  private toldOf: number | null | undefined;
  /** Of which adopted sales people know. */
  private toldOfSales = '';
  /** Of which row that is not what its fills add up to people know. */
  private toldOfRow = '';
  /** Patches of builds up to 0.4 that have their mark. */
  private readonly marked = new Set<string>();

  /**
   * @param isWanted whether something else is to be seen to before a pause is over
   * @param tell shows what is waited for
   */
  constructor(key: PositionKey, isWanted: () => boolean, tell: (doing: string) => void) {
    this.key = key;
    this.isWanted = isWanted;
    this.tell = tell;
  }

  /** What is to be done next, with what it was decided on. */
  async plan(): Promise<{ readonly view: ProtectionView; readonly step: ProtectionStep }> {
    const { key } = this;
    const view = await atOnceOr(
      () => quick.look(key, VIEW_FORM),
      () => look(key, VIEW_FORM),
    );
    return { view, step: planProtection(key, view) };
  }

  /** Takes a step that is not a rest. What fails is told, and decided anew after a moment. */
  async take(step: Exclude<ProtectionStep, { kind: 'rest' | 'done' }>, view: ProtectionView): Promise<void> {
    try {
      await this.attempt(step, view);
    } catch (error) {
      if (!isStepFailure(error)) throw error;
      log.warn('a step of the owner failed; it looks again', { step: step.kind, error: error.message });
      await sleep(AFTER_FAILURE_MS, { summary: 'before it is tried again' });
    }
  }

  /** Tells people, once for each entry, where no stop can be for all that is held. What can be protected is, before. */
  async tellUncovered(step: ProtectionStep, view: ProtectionView): Promise<void> {
    const entered = view.basis?.createdTime ?? null;
    if (!isUncovered(step, this.key, view) || this.toldOf === entered) return;
    if (view.form === undefined && !patched('uncovered')) return;
    this.toldOf = entered;
    await page(this.key, 'positionUncovered', { entered });
  }

  /** Tells people, once for each, which adopted sales rest: neither a stop nor an exit is for what they sell. */
  async tellAdopted({ kind }: ProtectionStep, { adopted = [], form }: ProtectionView): Promise<void> {
    const sales = adopted.join();
    if (kind !== 'rest' || sales === '' || this.toldOfSales === sales || form === undefined) return;
    this.toldOfSales = sales;
    await page(this.key, 'adoptedSaleRests', { intentIds: adopted });
  }

  /** Tells people, once for each, of a row that is not what its fills add up to: stop and exits go by neither until somebody has mended it. */
  async tellContradicted(step: ProtectionStep, view: ProtectionView): Promise<void> {
    if (step.kind !== 'rest' || step.because !== 'contradicted') return;
    const [kept, reckoned] = [heldOf(this.key, view.risk), decimal(view.filled ?? '0')].map(text);
    const row = `${kept} ${reckoned}`;
    if (this.toldOfRow === row) return;
    this.toldOfRow = row;
    await page(this.key, 'positionContradicted', { kept, reckoned, ...moment(view) });
  }

  private async attempt(step: Exclude<ProtectionStep, { kind: 'rest' | 'done' }>, view: ProtectionView): Promise<void> {
    const version = view.basis?.strategyVersion ?? 'unknown';
    switch (step.kind) {
      case 'settle':
        // Only a build of before plans to settle an adopted sale; the wait that it began ends here, and what is held is looked at anew.
        await this.settle(step.intentId, (order) => hasSettled(order) || (isAdoptedSale(order) && patched('adoptedWorks')));
        return;
      case 'cancel':
        if (step.because === 'secondStop') await page(this.key, 'twoStops', { intentId: step.intentId });
        await this.cancel(step.intentId, step.because);
        return;
      case 'placeStop': {
        const { sequence, quantity, stopPrice, limitPrice } = step.wish;
        if (failedInARow(view.recent) >= REFUSALS_TO_PAGE) {
          await page(this.key, 'stopRefused', { since: rowOfFailedBegan(view.recent), entered: view.basis?.createdTime ?? null });
        }
        const request = { sequence, quantity: text(quantity), stopPrice: text(stopPrice), limitPrice: text(limitPrice) };
        const asked = await authoriseStop(this.key, version, request);
        if (asked.kind === 'denied') return this.denied(view, asked.failures);
        if (asked.kind === 'venueClosed') return this.venueClosed(view, asked.forMs);
        [this.denials, this.waits] = [0, 0];
        await send(asked.order);
        return;
      }
      case 'escape': {
        const { sequence, collarBps, stuck } = step;
        if (stuck) await page(this.key, 'escapeStuck', { since: view.recent.find((order) => order.purpose === 'stop')?.intentId });
        const asked = await authoriseEscape(this.key, version, { sequence, collarBps });
        if (asked.kind === 'denied') return this.denied(view, asked.failures);
        if (asked.kind === 'venueClosed') return this.venueClosed(view, asked.forMs);
        [this.denials, this.waits] = [0, 0];
        const escape = await this.settle((await send(asked.order)).intentId, (order) => order.isFinal);
        // A venue that refuses is not asked again as fast as it answers.
        this.refusals = escape.status === 'rejected' ? this.refusals + 1 : 0;
        if (this.refusals > 0 && patched('escapesRefused')) await condition(this.isWanted, pauseBeforeNextOfferMs(this.refusals));
      }
    }
  }

  /** The gate does not let a stop or an escape through: it is asked again, each time later, and people are told. */
  private async denied(view: ProtectionView, failures: readonly Failure[]): Promise<void> {
    this.denials += 1;
    const codes = failures.map((one) => one.code);
    if (this.denials === REFUSALS_TO_PAGE) await page(this.key, 'protectionDenied', { codes, ...moment(view) });
    const waitMs = Math.min(AFTER_FAILURE_MS * 2 ** (this.denials - 1), LONGEST_PAUSE_MS);
    // An exit that is asked for meanwhile does not wait: it has a price of its own.
    await condition(this.isWanted, waitMs);
  }

  /** The venue takes nothing from us for a while: what is held has no stop until then. Where that lasts, people are told. */
  private async venueClosed(view: ProtectionView, forMs: number): Promise<void> {
    this.waits += 1;
    if (this.waits === WAITS_TO_PAGE) await page(this.key, 'protectionDenied', { codes: ['RISK_VENUE_CLOSED'], ...moment(view) });
    this.tell(WAITING_FOR_VENUE);
    await condition(this.isWanted, Math.min(forMs, LONGEST_CLOSED_MS));
  }

  /**
   * Whether what was recorded says that a run of this build decides. It leaves a mark for builds up to 0.4, which go by patches, for where they take
   * the run over; a mark that a replay does not come by is no violation. Once: a replay that came by here before it knew of the mark would make it
   * at the second time, where there is none.
   */
  private isByForm(form: number | undefined, patch: string): boolean {
    if (form === undefined) return false;
    if (!this.marked.has(patch)) deprecatePatch(patch);
    this.marked.add(patch);
    return true;
  }

  /** An exit: the stop goes first, then what is held is sold, in parts where it must; what remains is protected again by the next step (P20). */
  async exit(signal: TradeSignal): Promise<ExitOutcome> {
    const orders: StoredOrder[] = [];
    for (let attempt = 1, unsent = 0, away = 0, late = 0; unsent < EXIT_ATTEMPTS; attempt += 1) {
      const { order, isAnew = false, isLargest = false, form, codes = [] } = await this.sell(signal, attempt);
      if (order === undefined) return orders.length > 0 ? outcomeOf(orders) : deniedOutcome(intentIdOf(signal, attempt), codes);
      orders.push(order);
      if (isLargest && order.status === 'filled' && (this.isByForm(form, 'exitsInParts') || patched('exitsInParts'))) {
        assertRoom();
        continue;
      }
      const retryAfterMs = sentAwayMs(order);
      if (retryAfterMs !== undefined && (this.isByForm(form, 'exitsSentAway') || patched('exitsSentAway'))) {
        // As often as it takes while the gate lets it; then a stop is placed again.
        away += 1;
        if (away === WAITS_TO_PAGE) await page(this.key, 'protectionDenied', { codes: ['VENUE_RATE_LIMITED'], exit: order.intentId });
        // A new run comes by the refusals of the one before, which were waited for.
        if (isAnew) await this.untilOpen(Math.max(retryAfterMs, AFTER_FAILURE_MS * 2 ** (away - 1)));
        continue;
      }
      const isTooLate = (form ?? 0) >= FORM_AFTER_0_5 && wasTooLate(order);
      if (isTooLate && (form ?? 0) >= FORM_AFTER_0_8) {
        // Our clock was set: for as long as that is not known here every request is refused. The gate ends it when its signal is too old.
        late += 1;
        if (late === REFUSALS_TO_PAGE)
          await this.pageBare(
            signal,
            attempt,
            order.failures.map(({ code }) => code),
          );
        if (isAnew) await this.beforeNextOffer(pauseBeforeNextOfferMs(late), WAITING_FOR_CLOCK);
        continue;
      }
      if (!isTooLate && !isProvenUnsent(order)) break;
      unsent += 1;
      // As above: by those of a run before this one it comes without a pause.
      if (isTooLate && isAnew && unsent < EXIT_ATTEMPTS) {
        await sleep(pauseBeforeNextOfferMs(unsent), { summary: 'before the exit is offered again' });
      }
    }
    return outcomeOf(orders);
  }

  /** The n-th order of an exit, or the codes of why there is none. */
  private async sell(signal: TradeSignal, attempt: number): Promise<Sold> {
    // Its stop was taken away for it: what is held is without one until it is sold.
    let isBare = attempt > 1;
    for (let [waits, guarded] = [0, 0]; ;) {
      const asked = await authoriseExit(signal, attempt, EXIT_FORM, isBare).catch(async (error: unknown) => {
        if (!isStepFailure(error)) throw error;
        return { kind: 'abandoned' as const, order: await abandon(signal, error.cause?.message ?? error.message, attempt) };
      });
      switch (asked.kind) {
        case 'denied': {
          const codes = asked.failures.map((one) => one.code);
          if (isBare && (asked.form ?? 0) >= FORM_AFTER_0_5 && codes.includes('RISK_SIGNAL_EXPIRED'))
            await this.pageBare(signal, attempt, codes);
          return { codes };
        }
        case 'venueClosed':
          if (isBare && (waits += 1) === WAITS_TO_PAGE) await this.pageBare(signal, attempt, ['RISK_VENUE_CLOSED']);
          if (!isBare) guarded += 1;
          if (
            !isBare &&
            guarded === GUARDED_WAITS_TO_PAGE &&
            (this.isByForm(asked.form, 'guardedExitsPage') || patched('guardedExitsPage'))
          ) {
            await page(this.key, 'exitWaits', { codes: ['RISK_VENUE_CLOSED'], exit: intentIdOf(signal, attempt) });
          }
          await this.untilOpen(asked.forMs);
          continue;
        case 'stopsFirst':
          isBare = true;
          for (const intentId of asked.intentIds) await this.cancel(intentId, 'exit');
          continue;
        case 'abandoned':
          return asked.order === null ? { codes: ['INFRA_DATABASE'] } : { order: asked.order };
        case 'authorised': {
          const sent = await send(asked.order);
          const order = sent.isFinal ? sent : await this.settle(sent.intentId, (one) => one.isFinal);
          return { order, isAnew: !asked.order.isFinal, isLargest: asked.isLargest === true, form: asked.form };
        }
      }
    }
  }

  private async pageBare(signal: TradeSignal, attempt: number, codes: readonly string[]): Promise<void> {
    await page(this.key, 'protectionDenied', { codes, exit: intentIdOf(signal, attempt) });
  }

  /** Before an exit is offered to the venue again: what it is sold for then is decided then. A closed one is asked nothing by that. */
  private untilOpen(waitMs: number): Promise<void> {
    return this.beforeNextOffer(Math.min(waitMs, LONGEST_CLOSED_MS), WAITING_FOR_VENUE);
  }

  private async beforeNextOffer(waitMs: number, because: string): Promise<void> {
    assertRoom();
    this.tell(because);
    await sleep(waitMs, { summary: 'before the exit is offered again' });
  }

  /**
   * Cancels an order and waits until that is final: only then are its units free. What is not known yet is resolved first.
   * An activity of its own: a venue that is slow must not use up the time of the owner's task, which would begin anew.
   */
  private async cancel(intentId: string, because: string): Promise<void> {
    let seen = await withdraw(intentId, because);
    while (!seen.order.isFinal) {
      assertRoom();
      await sleep(seen.waitMs, { summary: 'before the venue is asked again' });
      seen = await withdraw(intentId, because);
    }
  }

  /** Asks the venue of an order until `isDone` holds; nothing is concluded from time alone (P11, P17). */
  private async settle(intentId: string, isDone: (order: StoredOrder) => boolean): Promise<StoredOrder> {
    for (;;) {
      assertRoom();
      const { order, isSettled, waitMs } = await resolve(intentId);
      if (isSettled || isDone(order)) return order;
      await sleep(waitMs, { summary: 'before the venue is asked again' });
    }
  }
}

/** Of which position, and at which of its stops and escapes: people are told once of each. */
function moment({ stops, escapes, basis }: ProtectionView): object {
  return { stops, escapes, entered: basis?.createdTime ?? null };
}

/** How long the venue, or our own door to it, wants an order to wait that it refused for its rate alone, or that never got there. */
function sentAwayMs({ status, failures }: StoredOrder): number | undefined {
  const code = status === 'rejected' ? 'VENUE_RATE_LIMITED' : status === 'expired' ? 'RISK_VENUE_CLOSED' : undefined;
  const limited = failures.find((one) => one.code === code);
  return limited === undefined
    ? undefined
    : Math.max(AFTER_FAILURE_MS, Number(limited.values['retryAfterMs'] ?? limited.values['forMs'] ?? 0));
}

/** The venue has refused the request for its time or nonce alone: that says nothing of the order, which is as wanted as before. */
function wasTooLate({ status, failures }: StoredOrder): boolean {
  return status === 'rejected' && failures.some((one) => one.values['reason'] === 'tooLate');
}

/** What a person decided is not proven: no further order is made on it (P14). */
function isProvenUnsent({ status, venueOrderId, failures }: StoredOrder): boolean {
  if (failures.some((one) => one.code === 'ORDER_DECIDED_BY_PERSON')) return false;
  return status === 'notPlaced' || (status === 'expired' && venueOrderId === null);
}

/** A step that cannot end in this run ends it: whoever asked for an exit asks the next run, and finds it where it is. */
function assertRoom(): void {
  if (workflowInfo().historyLength <= HISTORY_LIMIT) return;
  throw ApplicationFailure.retryable('the owner goes on in a new run; ask it again', 'OWNER_CONTINUES');
}

/** Whether it is known that the order exists, or how it ended; one whose cancel is under way is not known to have ended. */
function hasSettled(order: StoredOrder): boolean {
  if (order.isFinal) return true;
  const isKnown = order.status === 'accepted' || order.status === 'partiallyFilled';
  return isKnown && order.purpose === 'stop';
}
