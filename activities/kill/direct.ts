import type { Latch } from '../../core/control/mode.js';
import { ERRORS, KeelsonError } from '../../core/errors.js';
import { isEscalationDue, lookAgainMs, waitMs } from '../../core/kill/pace.js';
import { unverifiedText, type Finding } from '../../core/kill/verify.js';
import type { Venue } from '../ports/venue.js';
import { createKillCancel } from './cancel.js';
import type { KillDependencies } from './dependencies.js';
import { each } from '../each.js';
import { createKillFlatten } from './flatten.js';
import { ShownOrders } from './shown-orders.js';
import { createTendStops } from './tend-stops.js';
import { createKillVerify } from './verify.js';

const BETWEEN_LOOKS_MS = 1_000;
const PAUSE_MS = 3_000;
const AT_ONCE = 8;

/** So long nothing but refusals of the key: a venue that is started anew may refuse every key for some seconds. */
export const REFUSED_MS = 60_000;

type Scope = Pick<Latch, 'scope'>;

export interface DirectRun {
  /** What was halted: without the ledger nothing else is touched (P29). */
  readonly scope: Scope;
  /** Tells people what happens. */
  readonly say: (line: string) => void;
  /** Hears after each round what is found. */
  readonly looked?: (found: Finding) => Promise<void>;
  /** Aborted when it shall end although nothing is verified. */
  readonly stopping: AbortSignal;
  /** Whether it ends when for a minute each look is refused because of the key. */
  readonly endsRefused?: boolean;
  /** Hears that the ledger is another instance now: it takes nothing of this run any more (P31). */
  readonly replaced?: () => void;
}

/**
 * The kill of one account in this process, without Temporal: the same steps, one round after the other, until ledger and
 * venue have shown the target twice (P28). A workflow, or another of these, may run at the same time: what sells holds the
 * lease (P27).
 * @returns what was found last, with what is not verified.
 */
export async function killDirectly(dependencies: KillDependencies, account: string, run: DirectRun): Promise<Finding> {
  const { scope, say, looked: hear, stopping, endsRefused = false, replaced } = run;
  const { kills, pause, venueOf, clock } = dependencies;
  const shown = new ShownOrders();
  const steps = [createKillCancel(dependencies, shown), createKillFlatten(dependencies), createTendStops(dependencies)];
  const verify = createKillVerify(dependencies, shown);
  let found: Finding = { unverified: [{ kind: 'unanswered', detail: 'nothing was looked at yet' }], dust: [], kept: [] };
  let told = '';
  let [seen, failed, isWritten] = [0, 0, false];
  /** Since when each look was refused because of the key. */
  let refusedSince: number | undefined;
  /** Under which latches `seen` was counted: what was seen of another halt says nothing about one that came meanwhile (P28). */
  let seenUnder: string | undefined;
  /** Without the ledger: beside all else, since a cancel that hangs is not to hold up the ledger's next try. */
  let canceling: Promise<unknown> | undefined;
  const over = new AbortController();
  const cancelAll = async (): Promise<unknown> =>
    cancelOpen(venueOf(account), scope, AbortSignal.any([stopping, over.signal])).catch(() => undefined);
  for (const since = clock(); !isWritten && !stopping.aborted;) {
    const failures: string[] = [];
    const attempt = async <T>(step: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await step();
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        if (isReplaced(error)) replaced?.();
        // Without the ledger nothing is sold, but what rests at the venue is canceled all the same.
        if (isWithoutLedger(error)) canceling ??= cancelAll().finally(() => (canceling = undefined));
        return undefined;
      }
    };
    for (const step of steps) await attempt(async () => step(account));
    let isRefused = false;
    const looked = await attempt(() =>
      verify(account).catch((error: unknown) => {
        isRefused = isKeyRefused(error);
        throw error;
      }),
    );
    refusedSince = isRefused ? (refusedSince ?? clock()) : undefined;
    const unanswered = failures.map((detail) => ({ kind: 'unanswered' as const, detail }));
    const { look: _, ...before } = found;
    found = { ...before, ...looked, unverified: [...(looked?.unverified ?? []), ...unanswered] };
    const under = looked?.look.under.join('+');
    if (under !== seenUnder) seen = 0;
    seenUnder = under;
    const isClear = found.unverified.length === 0;
    seen = isClear ? seen + 1 : 0;
    // Verified is what the ledger says, too: a database that took over meanwhile knows nothing of these looks.
    if (seen >= 2) {
      isWritten = (await attempt(async () => kills.writeKill(account, 'verified', found, null, true).then(() => true))) ?? false;
      if (!isWritten) {
        seen = 0;
        found = { ...found, unverified: failures.map((detail) => ({ kind: 'unanswered' as const, detail })) };
      }
    }
    failed = found.unverified.length === 0 ? 0 : failed + 1;
    const now = found.unverified.map(unverifiedText).join('; ') || 'the venue shows the target';
    if (now !== told) say(`${account}: ${now}`);
    told = now;
    await hear?.(found);
    if (isWritten || (endsRefused && refusedSince !== undefined && clock() - refusedSince >= REFUSED_MS)) break;
    const isLong = isEscalationDue(clock(), { since, escalations: 0 });
    let leftMs = failed === 0 ? lookAgainMs(BETWEEN_LOOKS_MS, found) : waitMs(failed, found, isLong ? 1 : 0);
    // Whoever ends it waits for no more than a part of a long wait.
    for (; leftMs > 0 && !stopping.aborted; leftMs -= PAUSE_MS) await pause(Math.min(leftMs, PAUSE_MS));
  }
  over.abort();
  await canceling;
  if (!isWritten && found.unverified.length === 0) {
    return { ...found, unverified: [{ kind: 'unanswered', detail: 'it was ended before the venue was looked at a second time' }] };
  }
  return found;
}

/**
 * Cancels what is open at a venue without asking our books, whose ever it is. That a halt of all that is in an account may (P29); where
 * a strategy or an instrument is halted nothing is canceled, since which orders there are ours only the ledger knows. Stops that wait for their price stay: what is held is protected by them until it can be sold.
 * @param until aborted when the rest is left to others
 * @returns how many were asked to go.
 */
export async function cancelOpen({ haltReader: reader }: Venue, scope: Scope, until: AbortSignal): Promise<number> {
  if (!mayCancelOthers(scope)) return 0;
  const open = (await reader.openOrders()).filter((order) => order.isTriggered);
  let asked = 0;
  await each(open, AT_ONCE, async (order) => {
    if (until.aborted) return;
    asked += 1;
    await reader.cancel(order.instrument, order.clientOrderId);
  });
  return asked;
}

/** Whether orders of others go too. */
export function mayCancelOthers({ scope }: Scope): boolean {
  return scope !== 'strategy' && scope !== 'instrument';
}

/** Whether what has failed may go well by itself, later. What is no failure of ours may. */
export function mayBeMended(error: unknown): boolean {
  return !(error instanceof KeelsonError && ERRORS[error.failure.code].retry === 'never');
}

export function isKeyRefused(error: unknown): boolean {
  return error instanceof KeelsonError && error.failure.code === 'VENUE_AUTH';
}

/** Also a ledger that is another instance now. */
function isWithoutLedger(error: unknown): boolean {
  return isReplaced(error) || (error instanceof KeelsonError && error.failure.code === 'INFRA_DATABASE');
}

/** A ledger that is another instance now, as after a failover: it takes nothing that was begun before (P31). */
function isReplaced(error: unknown): boolean {
  return error instanceof KeelsonError && ['RISK_EPOCH', 'INFRA_INSTANCE_REPLACED'].includes(error.failure.code);
}
