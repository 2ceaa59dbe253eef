import type { Comparison } from './compare.js';
import { isRejected, type Difference, type KnownDifference, type Repair, type Saw } from './difference.js';
import { intentSubject } from './orders.js';
import type { ReconcileRules } from './rules.js';

/** What becomes of a difference's row. */
export type Change =
  | { readonly kind: 'new'; readonly status: 'pending' | 'open'; readonly difference: Difference }
  /** `isMoved`: it is another than at the last look, or that was long ago, so that its time begins anew. `isLost`: it was not seen at each look. */
  | {
      readonly kind: 'kept';
      readonly id: string;
      readonly saw: Saw;
      readonly difference: Difference;
      readonly isMoved: boolean;
      readonly isLost: boolean;
    }
  /** It is a person's from now on. */
  | { readonly kind: 'opened'; readonly id: string; readonly saw: Saw; readonly difference: Difference }
  /** `settled` without anybody's doing, `repaired` by us, `closed` as a person decided. */
  | { readonly kind: 'ended'; readonly id: string; readonly saw: Saw; readonly outcome: 'settled' | 'repaired' | 'closed' };

export interface Judgement {
  readonly changes: readonly Change[];
  /** What is done now, each with the subject of its row. */
  readonly repairs: readonly { readonly class: Difference['class']; readonly subject: string; readonly repair: Repair }[];
  /** Nothing stands but what a person has decided to leave as it is. */
  readonly isClean: boolean;
  /** Whether another look may tell more than this one. */
  readonly isUnsettled: boolean;
  /** Everything that was found has a row, or will have: what has none has to be read again by the next look. */
  readonly isWhole: boolean;
}

/** Decides on the rows of one look. Pure; run again on the same rows it comes to the same. */
export function judge({ differences, judges }: Comparison, known: readonly KnownDifference[], rules: ReconcileRules): Judgement {
  const rows = new Map(known.filter(({ status }) => status !== 'closed').map((row) => [nameOf(row), row]));
  const changes: Change[] = [];
  const repairs: Due[] = [];
  let isClean = true;
  let isUnsettled = false;
  for (const difference of differences) {
    const row = rows.get(nameOf(difference));
    rows.delete(nameOf(difference));
    if (row !== undefined && isLeft(row, difference)) {
      changes.push({ kind: 'kept', ...rowOf(row), difference, isMoved: false, isLost: false });
      continue;
    }
    isClean = false;
    if (row !== undefined && isUnclear(row, difference)) {
      isUnsettled = true;
      continue;
    }
    const judged = row === undefined ? begin(difference) : proceed(row, difference, rules);
    changes.push(...judged);
    if (judged.every((change) => isPending(change, row))) isUnsettled = true;
    const repair = repairOf(row, difference, rules);
    if (repair !== undefined) repairs.push({ class: difference.class, subject: difference.subject, repair, row });
  }
  for (const row of rows.values()) {
    // What was not asked for stands as it was, and what a person has decided to leave is left.
    if (!judges(row)) isClean &&= isRejected(row);
    else changes.push({ kind: 'ended', ...rowOf(row), outcome: outcomeOf(row) });
  }
  const written = withinReason(changes, rules.mostBegun);
  const begun = new Set(written.flatMap((change) => (change.kind === 'new' ? [nameOf(change.difference)] : [])));
  const due = repairs.filter(({ row, ...one }) => row !== undefined || begun.has(nameOf(one)));
  const done = inTurn(due, rules.mostRepairs);
  return {
    changes: written,
    repairs: done,
    isClean,
    isUnsettled: isUnsettled || written.length < changes.length || done.length < due.length,
    isWhole: begun.size === changes.filter(({ kind }) => kind === 'new').length,
  };
}

/** A repair of something that is known already, or only now. */
type Due = Judgement['repairs'][number] & { readonly row: KnownDifference | undefined };

/** So many at a time: what a person has decided first, then what was tried least, so that what does not help keeps nothing waiting. */
function inTurn(due: readonly Due[], most: number): Judgement['repairs'] {
  const rank = ({ row }: Due): number => (row?.status === 'decided' ? -1 : (row?.repairs ?? 0));
  return due
    .toSorted((one, other) => rank(one) - rank(other))
    .slice(0, most)
    .map(({ class: what, subject, repair }) => ({ class: what, subject, repair }));
}

/**
 * As many new rows as one look may begin, those that are a person's first, since they pause the account; then the oldest. What is
 * left out has no row: it is found again only because the next look reads from where this one did (`cursorAfter`).
 */
function withinReason(changes: readonly Change[], most: number): readonly Change[] {
  const costly = changes.filter(({ kind }) => kind === 'new' || kind === 'opened');
  if (costly.length <= most) return changes;
  const rank = (change: Change): number => (change.kind === 'opened' ? 0 : change.kind === 'new' && change.status === 'open' ? 1 : 2);
  const age = (change: Change): number => {
    if (change.kind === 'opened') return Number(change.id);
    return change.kind === 'new' ? (change.difference.eventTime ?? Number.MAX_SAFE_INTEGER) : 0;
  };
  costly.sort((one, other) => rank(one) - rank(other) || age(one) - age(other));
  const left = new Set(costly.slice(most));
  return changes.filter((change) => !left.has(change));
}

/** A person has decided that it stays as it is, and it has stayed so. */
function isLeft(row: KnownDifference, difference: Difference): boolean {
  return isRejected(row) && row.fingerprint === difference.fingerprint;
}

/** What was left is not as it was, but orders are on their way that may have moved so much: only a look without them says whether it is another case. */
function isUnclear(row: KnownDifference, { class: what, isInFlight }: Difference): boolean {
  return isRejected(row) && what === 'balanceMovement' && isInFlight;
}

function begin(difference: Difference): Change[] {
  const isPersons = difference.treatment === 'person' && !difference.isInFlight;
  return [{ kind: 'new', status: isPersons ? 'open' : 'pending', difference }];
}

function proceed(row: KnownDifference, difference: Difference, rules: ReconcileRules): Change[] {
  const isMoved = row.fingerprint !== difference.fingerprint || row.unseenMs > forgottenMs(difference, rules);
  const isLost = row.unseenMs > rules.idleUnseenMs;
  const kept: Change = { kind: 'kept', ...rowOf(row), difference, isMoved, isLost };
  if (row.status === 'open') return [kept];
  if (row.status === 'decided') return afterDecision(row, difference, kept, rules);
  return [isConfirmed(row, difference, { isMoved, isLost }, rules) ? { kind: 'opened', ...rowOf(row), difference } : kept];
}

/** Whether it is the same as at the last look, and whether there was one. */
interface Since {
  readonly isMoved: boolean;
  readonly isLost: boolean;
}

function isConfirmed(row: KnownDifference, difference: Difference, { isMoved, isLost }: Since, rules: ReconcileRules): boolean {
  // What only takes time goes: what each look sees does not, also where it is never the same.
  const isLasting = !isLost && row.seenMs >= rules.movingMs;
  if (difference.isInFlight) return isLasting && isAlwaysYoung(difference);
  switch (difference.treatment) {
    case 'person':
      return true;
    case 'secondLook':
      if (isLasting && difference.class === 'balanceMovement') return true;
      return !isMoved && row.sameMs >= (endsByItself(difference) ? rules.idleSeenMs : rules.secondLookMs);
    case 'repair':
      if (isLasting && isAlwaysYoung(difference)) return true;
      return row.unseenMs <= rules.unseenMs && row.sameMs >= rules.repairMs;
  }
}

/**
 * An order by another hand is as young as its newest fill, and what is missing of one of ours as the newest that was booked: of an order that
 * fills every few seconds either is so at each look.
 */
const isAlwaysYoung = ({ class: what, subject, treatment }: Pick<Difference, 'class' | 'subject' | 'treatment'>): boolean =>
  (what === 'orphanOrder' && treatment === 'person') || (what === 'missedFill' && subject.startsWith(intentSubject('')));

/** A workflow that nobody needs any more sees that by itself within a minute, and right after a sleep all of them are in that minute. */
const endsByItself = ({ class: what }: Pick<Difference, 'class'>): boolean => what === 'orphanedWorkflow';

/** Not seen for longer: its time begins anew. */
function forgottenMs(difference: Difference, rules: ReconcileRules): number {
  return endsByItself(difference) ? rules.idleUnseenMs : rules.unseenMs;
}

/**
 * What was to be left has changed, or what was to go is still there: it is another case, and a person's again. What differs beside
 * what was booked is one, too: the row that says what was booked stays as it was then, so that it is never told or booked again.
 */
function afterDecision(row: KnownDifference, difference: Difference, kept: Change, rules: ReconcileRules): Change[] {
  if (row.decision === 'reject' || row.decision === 'book') {
    return [
      { kind: 'ended', ...rowOf(row), outcome: 'closed' },
      { kind: 'new', status: 'pending', difference },
    ];
  }
  const sinceMs = row.decidedMs ?? 0;
  const isOverdue = difference.isInFlight ? isAlwaysYoung(difference) && sinceMs >= rules.movingMs : sinceMs >= rules.repairMs;
  return [isOverdue ? { kind: 'opened', ...rowOf(row), difference } : kept];
}

function rowOf({ id, status, decision }: KnownDifference): { readonly id: string; readonly saw: Saw } {
  return { id, saw: { status, decision } };
}

function isPending(change: Change, row: KnownDifference | undefined): boolean {
  if (change.kind === 'new') return change.status === 'pending';
  return change.kind === 'ended' || (change.kind === 'kept' && row?.status !== 'open');
}

/** A person's decision is carried out like a repair, until the venue shows it. */
function repairOf(row: KnownDifference | undefined, difference: Difference, rules: ReconcileRules): Repair | undefined {
  if (row?.status === 'decided') return row.decision === 'cancel' ? cancelOf(difference) : undefined;
  if (row?.status === 'open' && difference.treatment === 'person') return undefined;
  // What may be under way is not interfered with; what looks have seen for longer than that takes is not under way.
  const isSeenLong = row !== undefined && row.unseenMs <= rules.idleUnseenMs && row.seenMs >= rules.inFlightMs;
  return difference.isInFlight && !(isSeenLong && isAlwaysYoung(difference)) ? undefined : difference.repair;
}

/** What canceling means for it; undefined where there is nothing to cancel. */
export function cancelOf({ class: what, subject, evidence }: Pick<Difference, 'class' | 'subject' | 'evidence'>): Repair | undefined {
  if (what === 'orphanedWorkflow') return { kind: 'cancelWorkflow', workflowId: subject };
  const venue = (evidence.venue ?? {}) as Partial<OpenAtVenue> & { readonly order?: OpenAtVenue | null };
  const order = venue.order ?? venue;
  const { instrument, clientOrderId } = order;
  if (instrument === undefined || clientOrderId === undefined) return undefined;
  return { kind: 'cancelOrder', instrument, clientOrderId };
}

interface OpenAtVenue {
  readonly instrument: string;
  readonly clientOrderId: string;
}

function outcomeOf({ status, repairs, failedRepairs }: KnownDifference): 'settled' | 'repaired' | 'closed' {
  if (status === 'decided') return 'closed';
  return repairs > failedRepairs ? 'repaired' : 'settled';
}

function nameOf({ class: what, subject }: { readonly class: string; readonly subject: string }): string {
  return `${what} ${subject}`;
}
