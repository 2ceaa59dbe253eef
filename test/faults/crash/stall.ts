import { UNAUTHORISED } from '../programs/unauthorised.js';
import { WINDOWS } from '../programs/windows.js';
import { nameOf, type Crash } from './crash.js';
import type { Crew } from './cycle.js';
import { settled, standing } from './standing.js';
import { until } from './until.js';
import { ACCOUNT, type World } from './world.js';

/** A program that is stopped at a point, and goes on long after. */
export interface Stall extends Crash {
  readonly phase: 'open' | 'close' | 'more';
  /** While it is stopped, the account is halted. */
  readonly latch?: true;
}

export interface Woken {
  /** For how long, when it went on, nothing of what had been on its way at the stop could be sent, admitted or become visible any more. */
  readonly windowOverSinceMs: number;
  /** From the stop until the program that took over was ready. */
  readonly restartMs: number;
  /** From the stop until it had brought the account to rest. */
  readonly resolvedMs: number;
  /** Client order ids that the venue got after the one that was stopped went on. */
  readonly sentAfterwards: readonly string[];
  /** Orders that the venue admitted after the latch, but for those of the kill, which it forbids nothing. */
  readonly admittedAfterLatch: readonly string[];
}

/** A statement of the ledger takes no longer (P9). */
const LEDGER_STATEMENT_MS = 1_000;
/** On a busy machine another worker is often quicker. */
const MOST_ROUNDS = 20;

export const nameOfStall = (stall: Stall): string => `${nameOf(stall)}${stall.latch === undefined ? '' : ', and the account is halted'}`;

/**
 * Stops a program at a point; another one of its role takes over and brings the account to rest; then the first one goes
 * on, and the account is made flat.
 */
export async function stallOnce(crew: Crew, stall: Stall): Promise<Woken> {
  const { world } = crew;
  const stopped = crew.of(stall.role);
  crew.giveAs(stall);
  let outcome: Promise<unknown> | undefined;
  // Another worker may be quicker with what the call is for: then there is no such call this time.
  for (let round = 0; round < MOST_ROUNDS && stopped.struckTime === undefined; round += 1) {
    // Of the round before: what spoiled it would spoil what is made ready now.
    world.paper.faults.clear();
    const act = await ready(crew, stall);
    world.paper.faults.clear();
    crew.spoil(stall.fault, stall.role);
    await stopped.arm({ ...stall, occurrence: 1, signal: 'SIGSTOP' });
    outcome = act();
    await Promise.race([outcome.then(() => settled(world)), until('the program is stopped', () => stopped.struckTime)]);
    // A trap that is left would strike while the next round is made ready, when nobody takes over.
    await stopped.disarm();
  }
  const { struckTime } = stopped;
  if (struckTime === undefined) {
    throw new Error(`the point was never come to: ${nameOf(stall)}; the last signal: ${JSON.stringify(await outcome)}`);
  }
  const latchedTime = stall.latch === undefined ? undefined : await latch(world);
  await crew.restart(stall.role, { KEELSON_INSTANCE: '2' });
  const restartMs = Date.now() - struckTime;
  await outcome;
  await atRest(world, stall);
  const resolvedMs = Date.now() - struckTime;

  const windowEnd = await endOfWindows(world, struckTime);
  await until('the window is over', () => world.paper.now() > windowEnd);
  const before = new Set(world.witness().orders.keys());
  const windowOverSinceMs = world.paper.now() - windowEnd;
  stopped.wakeUp();
  await until(`what was stopped goes on: ${nameOf(stall)}`, () => stopped.hasEndedCall(nextCall(stall)));
  await atRest(world, stall);
  const { orders } = world.witness();
  const sentAfterwards = [...orders.keys()].filter((id) => !before.has(id));
  const late = [...orders.values()].flat().filter((one) => latchedTime !== undefined && one.time > latchedTime);
  const admittedAfterLatch = await notOfTheKill(
    world,
    late.map((one) => one.clientOrderId),
  );
  await stopped.kill();
  if (stall.latch !== undefined) await release(world);
  world.paper.faults.clear();
  await crew.close();
  return { windowOverSinceMs, restartMs, resolvedMs, sentAfterwards, admittedAfterLatch };
}

/** Makes ready for a stall. @returns what comes to its point */
async function ready(crew: Crew, { phase, fault }: Stall): Promise<() => Promise<unknown>> {
  if (phase === 'more') return (await crew.openInPart()).fillRest;
  // What was started in the last case may have seen no price yet.
  await crew.open();
  if (phase === 'close') return () => crew.give('close');
  await crew.close();
  return () => crew.give('open', fault === 'unauthorised' ? { reason: UNAUTHORISED } : {});
}

/**
 * When the last of the orders that were there at the stop, or were written by a statement that was under way then, can no more begin
 * to be sent, be admitted, or become visible. Venue, ledger and workers share the machine's clock.
 */
async function endOfWindows({ pool }: World, struckTime: number): Promise<number> {
  const { rows } = await pool.query<{ ends: string | null }>(
    `select floor(max(greatest(extract(epoch from authorised_until) * 1000,
       coalesce(signed_timestamp + receive_window_ms, 0) + $1)))::text as ends
     from orders where created_at <= to_timestamp($2::numeric / 1000)`,
    [WINDOWS.visibilityBoundMs, struckTime + LEDGER_STATEMENT_MS],
  );
  const ends = rows[0]?.ends ?? undefined;
  if (ends === undefined) throw new Error('invariant: a worker is stopped at an order');
  return Number(ends);
}

/** What it does first when it goes on: it ends the call, or, between the row and the socket, sends. */
const nextCall = ({ when, call }: Stall): string => (when === 'after' ? 'sender.submit' : call);

/** Nothing is on its way; under a latch what is held gets its stop from the kill (P22), or nothing is held. */
async function atRest(world: World, { latch: isLatched }: Stall): Promise<void> {
  if (isLatched === undefined) await settled(world);
  else await until('no order is on its way', async () => (await standing(world)).kind !== 'moving');
}

/** What a kill places it has authorised after the latch, and is never an entry or an exit. */
async function notOfTheKill({ pool }: World, clientOrderIds: readonly string[]): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select client_order_id as id from orders where client_order_id = any ($1) and purpose in ('stop', 'flatten', 'escape')
       and created_at > (select max(engaged_at) from latches)`,
    [clientOrderIds],
  );
  return clientOrderIds.filter((id) => !rows.some((row) => row.id === id));
}

/** As whoever halts does it (P25). @returns the moment after which nothing may be admitted, by the venue's clock */
async function latch(world: World): Promise<number> {
  const halt = { scope: 'account', scopeValue: ACCOUNT, account: null, policy: 'none', reason: 'a test', subject: 'test', underKey: null };
  await world.pool.query('select engage_latch($1)', [JSON.stringify(halt)]);
  return world.paper.now();
}

async function release({ pool }: World): Promise<void> {
  await pool.query('update latches set released_at = clock_timestamp() where released_at is null');
  await pool.query('update control set version = version + 1');
  await pool.query(
    `insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from accounts
     union all select 'positionChanged', jsonb_build_object('account', account, 'strategy', strategy, 'instrument', instrument, 'because', 'bought')
       from positions where quantity <> 0`,
  );
}
