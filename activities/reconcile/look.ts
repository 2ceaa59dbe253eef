import { compare } from '../../core/reconcile/compare.js';
import { isRejected } from '../../core/reconcile/difference.js';
import { judge, type Judgement } from '../../core/reconcile/judge.js';
import { isCompared } from '../../core/reconcile/pace.js';
import { canWait, cursorAfter, depthOf, fillsFrom, type ReconcileScope } from '../../core/reconcile/rules.js';
import type { LedgerSight, VenueSight } from '../../core/reconcile/sight.js';
import { isWithinReconcilersShare } from '../../core/venue/weight.js';
import type { BegunLook, ReconcileRun, RunResult, StandingDifference } from '../ports/reconcile.js';
import type { Venue } from '../ports/venue.js';
import { tellListed } from '../not-listed.js';
import { counted, expectedWeight, type Spent } from './counted.js';
import type { ReconcileDependencies } from './dependencies.js';
import { createRepair } from './repair.js';
import { named } from './names.js';
import { withFees } from './fees.js';
import { takeTurns } from '../turns.js';
import { listWorkflows, seeLedger, seeVenue, seeWorkflows } from './sights.js';

export interface Looked {
  /** `unsettled`: another look may tell more. */
  readonly result: RunResult | 'unsettled';
  /** Standing differences, but for those that a person has decided to leave. */
  readonly differences: number;
  readonly calls: number;
  readonly weight: number;
}

/** Longer than a look may take; whoever has begun one and died is followed by another then. */
const LEASE_MS = 60_000;

/**
 * One look at the three sides of an account: read the venue, then the books, compare, write down what was found, and only then
 * repair what is safe to repair. `isLast`: what is not settled now is left for the next run.
 * @throws KeelsonError INFRA_RECONCILING while another look goes on, INFRA_DATABASE, VENUE_…
 */
export function createLook(dependencies: ReconcileDependencies): (run: ReconcileRun, isLast: boolean) => Promise<Looked> {
  const { reconciliations: store, books, venueOf, liftsOf, newId } = dependencies;
  /** How often each order and fill of other hands was asked for, by account. */
  const turns = new Map<string, ReadonlyMap<string, number>>();
  return async (run, isLast) => {
    const { account, scope } = run;
    if (scope === 'minute' && !(await isItsTurn(dependencies, run))) return { result: 'postponed', differences: 0, calls: 0, weight: 0 };
    const venue = venueOf(account);
    const rules = dependencies.rulesAt(venue.profile.visibilityBoundMs);
    const lease = { owner: newId(), forMs: LEASE_MS, epoch: books.epoch };
    const begun = await store.begin(run, lease);
    const { reader, spent } = counted(venue);
    let cursor: number | null = null;
    let result: RunResult | null = null;
    let detail: string | undefined;
    let written: Spent = { calls: 0, weight: 0 };
    try {
      detail = whyLater(venue, scope, begun);
      if (detail !== undefined) {
        result = 'postponed';
        return { result, differences: 0, ...spent };
      }
      const listed = await listWorkflows(dependencies, account);
      const from = (venueTime: number): number => fillsFrom(scope, { ...begun, venueTime });
      const lists = venue.profile.fillLists === 'account' ? undefined : begun.instruments;
      const { venue: seen, unlisted } = await seeVenue(reader, from, lists, begun.besides);
      await tellListed(dependencies.books.store, account, { unlisted, listed: [...(seen.listed ?? [])], isRead: false });
      const isFull = depthOf(scope) === 'full';
      const workflowIds = (listed ?? []).map(({ workflowId }) => workflowId);
      const answer = await store.read({ account, ...namedBy(seen), workflows: workflowIds, balances: seen.balances, isFull });
      const { known, needed, ...told } = answer;
      const ledger = await seeLedger(dependencies, account, { known, needed, ...told });
      const workflows = await seeWorkflows(dependencies, ledger, listed, needed);
      const turn = takeTurns(turns.get(account));
      const whose = await named(dependencies, reader, seen, ledger, known, rules.mostNamed, turn);
      const fills = await withFees(dependencies, reader, whose, ledger, known, rules.mostNamed, turn);
      turns.set(account, turn.after);
      // Where one of these is known and not left as it is, the books are asked for all of them, so that each kind of look can end it.
      const areBooksAsked = isFull || known.some((row) => row.subject.startsWith('books:') && !isRejected(row));
      const judged = judge(compare({ venue: { ...seen, fills }, ledger, workflows, isFull: areBooksAsked }, known, rules), known, rules);
      const asked = total(spent);
      const upTo = cursorAfter(seen, judged.isWhole);
      const { standing, isOvertaken } = await store.write(run, lease.owner, books.epoch, {
        fillsSince: seen.fillsSince,
        cursor: upTo,
        ...asked,
        fillsRead: seen.fills.length,
        rowsRead: ledger.fills.length + ledger.orders.length,
        changes: judged.changes,
        snapshot: snapshotOf(seen, ledger),
      });
      cursor = upTo;
      written = asked;
      await repairAll(dependencies, createRepair(dependencies, account, venue, reader), judged, standing);
      // What a person has decided meanwhile has to be seen as it is now.
      const isSeen = workflows !== undefined && !isOvertaken;
      result = resultOf(isSeen ? judged : { ...judged, isClean: false, isUnsettled: true }, isLast);
      // Venue and ledger alone agree: that neither lifts nor ends anything, and no difference is known either.
      if (result === 'differences' && workflows === undefined && judged.isClean) [result, detail] = ['failed', NO_WORKFLOWS];
      return { result: result ?? 'unsettled', differences: openOf(judged), ...total(spent) };
    } finally {
      const unwritten = { calls: spent.calls - written.calls, weight: spent.weight - written.weight };
      await store.end(run, begun, { result, cursor, lifts: liftsOf(account), ...unwritten, ...(detail === undefined ? {} : { detail }) });
      // Seldom, and outside of what anybody waits for.
      if (result !== null && depthOf(scope) !== 'ordinary') await prune(dependencies, account);
    }
  };
}

/** A run that has begun goes on. One that is left to the next leaves no row. */
async function isItsTurn({ reconciliations, paceOf, clock }: ReconcileDependencies, run: ReconcileRun): Promise<boolean> {
  const pace = paceOf(run.account);
  return pace.eachMinutes === 1 || isCompared(pace, clock(), await reconciliations.cleanFor(run));
}

const NO_WORKFLOWS =
  'Temporal did not tell which workflows run: venue and ledger agree, and whether what is held has its owner is not known';

/** Old runs are no reason for a comparison to fail. */
async function prune({ reconciliations, log }: Pick<ReconcileDependencies, 'reconciliations' | 'log'>, account: string): Promise<void> {
  try {
    await reconciliations.prune(account);
  } catch (error) {
    log.warn({ account, error: String(error) }, 'old comparisons could not be dropped; the next deep one tries again');
  }
}

/** Why the venue is not asked now; undefined: it is. */
function whyLater(venue: Venue, scope: ReconcileScope, { instruments, besides, isKillAtWork }: BegunLook): string | undefined {
  if (isKillAtWork && canWait(scope)) return 'a kill of the account is at work; what the venue allows this address is its own';
  const weight = venue.weight();
  if (weight.kind === 'closed')
    return `the venue has sent this address away, and is not to be asked for ${Math.ceil(weight.forMs / 1_000)} s`;
  // What the venue tells of its use; where it tells nothing, its budget is kept by its own queue.
  return weight.kind !== 'used' ||
    isWithinReconcilersShare(weight, expectedWeight(venue.profile, new Set([...instruments, ...besides]).size))
    ? undefined
    : 'what the venue allows this address in a minute is nearly used; the rest is the kill’s';
}

function namedBy({ fillsSince, openOrders, fills }: VenueSight) {
  const numbers = new Map(
    [...openOrders, ...fills].map(({ instrument, venueOrderId }) => [`${instrument} ${venueOrderId}`, { instrument, venueOrderId }]),
  );
  return { fillsSince, clientOrderIds: openOrders.map(({ clientOrderId }) => clientOrderId), venueOrders: [...numbers.values()] };
}

async function repairAll(
  { reconciliations, log }: ReconcileDependencies,
  repair: ReturnType<typeof createRepair>,
  { repairs }: Judgement,
  standing: readonly StandingDifference[],
): Promise<void> {
  for (const one of repairs) {
    const row = standing.find((other) => other.class === one.class && other.subject === one.subject);
    if (row === undefined) continue;
    let failed: string | null = null;
    try {
      await repair(one.repair, row.id);
    } catch (error) {
      // The difference stands, and is found again where it is; the others do not wait.
      failed = error instanceof Error ? error.message : String(error);
      log.warn({ difference: row.id, error: failed }, 'a difference could not be repaired; it is tried again');
    }
    await reconciliations.noteRepair(row.id, one.repair, failed);
  }
}

/** Null: the run goes on. */
function resultOf({ isClean, isUnsettled, repairs }: Judgement, isLast: boolean): 'clean' | 'differences' | null {
  if (isClean) return 'clean';
  return (isUnsettled || repairs.length > 0) && !isLast ? null : 'differences';
}

function openOf({ changes }: Judgement): number {
  return changes.filter(({ kind }) => kind !== 'ended').length;
}

function total({ calls, weight }: Spent): Spent {
  return { calls, weight };
}

/** Both sides in short, for whoever has to decide. */
function snapshotOf(venue: VenueSight, ledger: LedgerSight): object {
  const most = 50;
  return {
    venue: { time: venue.venueTime, openOrders: venue.openOrders.slice(0, most), balances: venue.balances },
    ledger: {
      time: ledger.databaseTime,
      orders: ledger.orders
        .filter(({ isFinal }) => !isFinal)
        .slice(0, most)
        .map(({ intentId, clientOrderId, venueOrderId, instrument, side, status, quantity, executedQuantity }) => ({
          ...{ intentId, clientOrderId, venueOrderId, instrument, side, status, quantity, executedQuantity },
        })),
      positions: ledger.protected.map(({ key, held, stops }) => ({ strategy: key.strategy, instrument: key.instrument, held, stops })),
      balances: ledger.balances,
    },
  };
}
