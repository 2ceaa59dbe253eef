import { CHECKS } from '../../../core/checks/judge.js';
import { decimal } from '../../../core/money/index.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import type { PlainObject } from '../../../core/runbook/spec.js';
import type { Left } from '../../ports/trading-state.js';
import type { VenueOrder } from '../../ports/venue.js';
import { bound, type BoundRunbook, type StepCode } from '../step-code.js';
import {
  ENTRIES_STEP,
  lookOf,
  MOST_PATIENCE_MS,
  reconciled,
  rulesIn,
  stepOf,
  until,
  type TradingReads,
  type TradingWrites,
} from './parts.js';

type Step = StepCode<TradingReads, TradingWrites>;
/** Beyond the five minutes that a configuration may have entries waited for, and what canceling them may take. */
const ENTRIES_TIMEOUT_MS = 900_000 + 5 * MOST_PATIENCE_MS;
/** Rows of a report; a longer list says how many more there are. */
const MOST_ROWS = 50;
/** Of these the venue may do something that nobody has been told yet. */
const ON_ITS_WAY: readonly string[] = ['authorised', 'submitting', 'unknown', 'pendingCancel'];

/** From trading to what may be stopped: nothing is opened, nothing is on its way, stops stay, and what is left is told. */
export function gracefulShutdown(reads: TradingReads, writes: TradingWrites): BoundRunbook {
  const steps = [PAUSE, ENTRIES, STOPS, RECONCILE, REPORT, QUIET];
  return bound({ spec: RUNBOOK_SPECS.gracefulShutdown, steps, reads, writes, rules: rulesIn(reads) });
}

const PAUSE: Step = {
  spec: stepOf('pause', 'Nothing is opened any more', { hasUndo: true }),
  action: async ({ account, runId }, _, { holdMode }) => {
    await holdMode(account, runId, 'paused');
    return null;
  },
  verification: async ({ account, runId }, { state }) => {
    const { mode, told } = await state.standing(account, runId);
    return lookOf(mode === 'paused' ? [] : [`the account is not paused: ${told}`]);
  },
  undo: async ({ account, runId }, _, { undoMode }) => undoMode(account, runId),
};

const ENTRIES: Step = {
  spec: stepOf(ENTRIES_STEP, 'Orders that are working end or are canceled; stops stay', { timeoutMs: ENTRIES_TIMEOUT_MS }),
  action: async ({ account, runId }, { rulesOf }, { settleEntries }) => {
    const { workingEntries, waitAtMostMs } = rulesOf(account);
    await settleEntries(account, runId, workingEntries, waitAtMostMs);
    return null;
  },
  verification: async (run, reads) =>
    lookOf(await until(reads, run, reads.patienceMs, async () => working(await reads.state.left(run.account)))),
};

const STOPS: Step = {
  spec: stepOf('stops', 'Every open position has its stop', { isCritical: false }),
  verification: async (run, reads) =>
    lookOf(await until(reads, run, reads.patienceMs, async () => CHECKS.stops(await reads.facts(run.account)))),
};

const RECONCILE: Step = {
  spec: stepOf('reconcile', 'Venue, ledger and workflows agree', { isCritical: false, timeoutMs: 3 * MOST_PATIENCE_MS }),
  verification: async (run, reads) => lookOf(await reconciled(reads, run, 'demand')),
};

const REPORT: Step = {
  spec: stepOf('report', 'What is left at the venue', { isCritical: false }),
  verification: async (run, reads) => {
    let report: PlainObject = {};
    const found = await until(reads, run, reads.patienceMs, async () => {
      const [atVenue, left] = await Promise.all([reads.venueOf(run.account).reader.openOrders(), reads.state.left(run.account)]);
      report = reportOf(atVenue, left);
      return [];
    });
    return lookOf(found, report);
  },
};

const QUIET: Step = {
  spec: stepOf('quiet', 'Nothing is on its way: the processes may be stopped', { isCritical: false }),
  verification: async (run, reads) => {
    const found = await until(reads, run, reads.patienceMs, async () => {
      const left = await reads.state.left(run.account);
      const onTheirWay = left.working.filter(({ status }) => ON_ITS_WAY.includes(status));
      return [
        ...working(left),
        ...onTheirWay.map(({ intentId, status }) => `order ${intentId} is ${status}`),
        ...(left.outbox === 0 ? [] : [`${left.outbox} messages wait for a workflow`]),
      ];
    });
    // A wait that was ended says nothing of what it waited for.
    const { halt, isAborted } = await reads.state.standing(run.account, run.runId);
    return lookOf([...found, ...(halt === null ? [] : [halt]), ...(isAborted ? ['the run was given up'] : [])], {
      safeToStop: true,
    });
  },
};

const working = ({ working: orders }: Left): readonly string[] =>
  orders
    .filter(({ purpose }) => purpose !== 'stop')
    .map(({ intentId, purpose, instrument, status }) => `${purpose} ${intentId} of ${instrument} is ${status}`);

/** What stays at the venue while nobody looks: for people, as small as a record may be. */
function reportOf(atVenue: readonly VenueOrder[], { working: orders, positions, unprotected, uncovered }: Left): PlainObject {
  const ours = new Map(orders.map((order) => [order.clientOrderId, order]));
  const has = (
    list: readonly { readonly strategy: string; readonly instrument: string }[],
    one: { readonly strategy: string; readonly instrument: string },
  ): boolean => list.some(({ strategy, instrument }) => strategy === one.strategy && instrument === one.instrument);
  const stopped = new Set(orders.filter(({ purpose }) => purpose === 'stop').map(({ instrument }) => instrument));
  const unknown = orders.filter(({ status }) => status === 'unknown');
  const short = <T extends PlainObject>(rows: readonly T[]): readonly PlainObject[] =>
    rows.length <= MOST_ROWS ? rows : [...rows.slice(0, MOST_ROWS), { more: rows.length - MOST_ROWS }];
  return {
    openOrders: short(
      atVenue.map(({ clientOrderId, venueOrderId, instrument, side, quantity, executedQuantity, price }) => ({
        ...{ purpose: ours.get(clientOrderId)?.purpose ?? 'not ours', stopPrice: ours.get(clientOrderId)?.stopPrice ?? null },
        ...{ clientOrderId, venueOrderId, instrument, side, quantity, executedQuantity },
        // Venues tell the price zero of an order without one.
        price: decimal(price).isZero() ? 'market' : price,
      })),
    ),
    positions: short(positions.map((position) => ({ ...position }))),
    withoutStop: short(positions.filter((one) => has(unprotected, one)).map((position) => ({ ...position }))),
    // What is not there, or more than the venue takes in one order: in part, or all of a position.
    uncovered: short(uncovered.map((one) => ({ ...one }))),
    dust: short(
      positions
        .filter((one) => !has(unprotected, one) && !has(uncovered, one) && !stopped.has(one.instrument))
        .map((position) => ({ ...position })),
    ),
    unknownOrders: short(
      unknown.map(({ intentId, clientOrderId, instrument, purpose }) => ({ intentId, clientOrderId, instrument, purpose })),
    ),
  };
}
