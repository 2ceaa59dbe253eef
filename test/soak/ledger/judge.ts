import { randomUUID } from 'node:crypto';
import { decimal, ZERO } from '../../../core/money/index.js';
import { dayIn, type Day } from '../../../core/ledger/day.js';
import { positionsOf, statementOf } from '../../../api/ledger/reports.js';
import { verifyLedger } from '../../../api/ledger/verify.js';
import { readEquityPoints } from '../../../api/read/equity.js';
import { reconcileWorkflowId, TASK_QUEUES, WORKFLOW_TYPES } from '../../../workflows/names.js';
import { disagreements } from '../../support/witness.js';
import { daysBetween } from '../world/clock.js';
import type { SoakLane } from '../world/lane.js';
import type { SoakWorld } from '../world/world.js';
import { expectedDays, type ExpectedDay } from './expected.js';

const MINUTE_MS = 60_000;
const MOST_COMPARISONS = 10;
/** A share of a cost is rounded at 18 digits, for each fill. */
const ROUNDING = '0.00000001';
/** Fills of one millisecond are lots in the order in which they were booked: what is left of them as dust may be another's. */
const DUST_OF_LOTS = '0.01';
/** Of what an account has, no position of a soak moves more. */
const EQUITY_RANGE = 0.05;

/** Has an account compared by its guardian, as its schedule does (`day`) or as somebody asks for it. */
export async function startComparing(world: SoakWorld, account: string, scope: 'day' | 'deepDemand') {
  const { workflow } = await world.client();
  const runId = randomUUID();
  return workflow.start(WORKFLOW_TYPES.reconcileAccount, {
    taskQueue: TASK_QUEUES.guardian,
    workflowId: reconcileWorkflowId(account, scope === 'day' ? scope : runId),
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [{ account, scope, ...(scope === 'day' ? {} : { runId }) }],
  });
}

/** What a starved machine is late with: it was a person's for a while, moved nothing in the books, and has ended by itself. */
const LATE = ['positionWithoutStop', 'positionWithoutOwner', 'wrongStopQuantity'];

/**
 * The last comparison finds every account clean, nothing of what happened is a person's, and every account trades.
 * @param mayBeLate whether a stop may have come so late that a person had to resume the account
 */
export async function compared(world: SoakWorld, mayBeLate = false): Promise<string[]> {
  const results = world.lanes.map(async ({ account }) => {
    let result = 'none';
    for (let tried = 0; tried < MOST_COMPARISONS && result !== 'clean' && result !== 'differences'; tried += 1) {
      const handle = await startComparing(world, account, 'deepDemand');
      ({ result } = (await world.resultOf(handle)) as { readonly result: string });
    }
    return result === 'clean' ? [] : [`${account}: the last reconciliation is ${result}`];
  });
  const found = (await Promise.all(results)).flat();
  const { rows } = await world.pool.query<{ line: string }>(
    `select account || ' is ' || mode as line from control where mode <> 'normal'
     union all select account || ': a halt of ' || scope from latches where released_at is null
     union all select account || ': incident ' || kind || ' ' || left(data::text, 600) from incidents i where kind = 'reconciliation'
       and not ($1 and (select bool_and(d.class = any ($2) and d.ended_at is not null and d.decision is null)
         from reconciliation_differences d where d.incident_id = i.incident_id) is true)`,
    [mayBeLate, LATE],
  );
  return [...found, ...rows.map(({ line }) => line)];
}

/** Everything in which the ledger of an account is not as its venue and this test compute it; empty: nothing. */
export async function judge(world: SoakWorld, lane: SoakLane, from: number): Promise<string[]> {
  const { pool } = world;
  const found = [...(await disagreements(pool, lane.account, lane.witness()))];
  const { differences, equityPoints } = await verifyLedger(pool, lane.account);
  found.push(...differences.map((one) => `verify: ${JSON.stringify(one)}`));
  if (equityPoints === 0) found.push('verify: no point of the equity series follows from anything');
  const days = daysBetween(from, world.clock.now());
  const expected = expectedDays(lane.journal(), days);
  for (const [name, day] of expected.days) {
    const calendar = dayIn(name, 'UTC');
    if (calendar === undefined) throw new Error(`${name} is a day`);
    found.push(
      ...(await statementDifferences(world, lane.account, calendar, day)),
      ...(await oddEquity(world, lane.account, calendar, day)),
    );
  }
  found.push(...(await positionDifferences(world, lane.account, expected.position)));
  return found.map((one) => `${lane.account}: ${one}`);
}

/** The statement of a day as it is told, against the venue's own balances at midnight. */
async function statementDifferences({ pool, clock }: SoakWorld, account: string, day: Day, expected: ExpectedDay): Promise<string[]> {
  const { lines, results } = await statementOf(pool, { account, day, now: clock.now() });
  const found: string[] = [];
  for (const [asset, wanted] of expected.lines) {
    const told = lines.find((line) => line.asset === asset);
    for (const [name, amount] of Object.entries(wanted)) {
      const said = decimal(told?.[name as keyof typeof wanted] ?? '0');
      if (!said.eq(amount)) found.push(`${day.day} ${name} of ${asset}: told ${said.toFixed()}, the venue ${amount.toFixed()}`);
    }
  }
  const sum = (of: 'realizedAverage' | 'realizedFifo') => results.reduce((total, result) => total.plus(decimal(result[of] ?? '0')), ZERO);
  const [average, fifo] = [sum('realizedAverage'), sum('realizedFifo')];
  if (average.minus(expected.average).abs().gt(ROUNDING))
    found.push(`${day.day} realized by average cost: told ${average.toFixed()}, computed ${expected.average.toFixed()}`);
  if (fifo.minus(expected.fifo).abs().gt(DUST_OF_LOTS))
    found.push(`${day.day} realized first in, first out: told ${fifo.toFixed()}, computed ${expected.fifo.toFixed()}`);
  const fills = results.reduce((total, result) => total + result.fills, 0);
  if (fills !== expected.fills) found.push(`${day.day}: ${fills} fills told, the venue has ${expected.fills}`);
  return found;
}

/** What is held at the end: its quantity and cost as computed here, and so its unrealized result. */
async function positionDifferences(
  { pool, clock }: SoakWorld,
  account: string,
  expected: ReturnType<typeof expectedDays>['position'],
): Promise<string[]> {
  const now = clock.now();
  const day = dayIn(new Date(now).toISOString().slice(0, 10), 'UTC');
  if (day === undefined) throw new Error('today is a day');
  const { positions } = await positionsOf(pool, { account, day, now });
  const told = positions.find(({ method }) => method === 'average');
  const quantity = decimal(told?.quantity ?? '0');
  if (!quantity.eq(expected.quantity)) return [`held: told ${quantity.toFixed()}, computed ${expected.quantity.toFixed()}`];
  if (told === undefined || told.mark === null) return quantity.isZero() ? [] : ['what is held has no mark'];
  const unrealized = decimal(told.mark).mul(quantity).minus(expected.cost);
  const said = decimal(told.unrealizedPnl ?? '0');
  return said.minus(unrealized).abs().gt(ROUNDING) ? [`unrealized: told ${said.toFixed()}, computed ${unrealized.toFixed()}`] : [];
}

/** The minutes of a day's equity: there are some on a day on which something happened, and none is out of all proportion. */
async function oddEquity({ pool }: SoakWorld, account: string, day: Day, { fills }: ExpectedDay): Promise<string[]> {
  const points = await readEquityPoints(pool, account, day, MINUTE_MS);
  if (points.length === 0) return fills === 0 ? [] : [`${day.day}: no equity was seen`];
  const values = points.flatMap(({ opening, highest, lowest, closing }) => [opening, highest, lowest, closing].map(Number));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least > 0 && most <= least * (1 + EQUITY_RANGE) ? [] : [`${day.day}: equity between ${least} and ${most}`];
}
