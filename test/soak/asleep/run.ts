import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../faults/crash/until.js';
import { Chance } from '../../faults/matrix/chance.js';
import { compared, judge } from '../ledger/judge.js';
import { INSTRUMENT, PRICE } from '../world/lane.js';
import { Trader } from '../world/trader.js';
import { SoakWorld } from '../world/world.js';
import { enteredTooSoon, keepClearances } from './entered.js';

export interface AsleepOptions {
  /** How long the machine was asleep, by every clock but Temporal's. */
  readonly aheadMs: number;
  /** How long everything really stands still. */
  readonly stillMs: number;
}

export interface AsleepOutcome {
  /** What became of a signal that was given right before. */
  readonly stale: string;
  /** From the waking until a new position was under its stop, without a person. */
  readonly tradingAgainMs: number;
  /** What people were told of. */
  readonly alerts: readonly string[];
  readonly broken: readonly string[];
}

const BAR_MS = 1_000;

/** An hour by the clocks; everything stands still for longer than what a stopped worker keeps from others: tasks, polls and its connection. */
export const HOUR_ASLEEP: AsleepOptions = { aheadMs: 3_600_000, stillMs: 15_000 };

/**
 * The machine sleeps while one account holds something whose stop is reached meanwhile, another holds on, and a third has a signal on
 * its way. The venues go on. Afterwards nothing of it is a person's.
 */
export async function sleep({ aheadMs, stillMs }: AsleepOptions): Promise<AsleepOutcome> {
  const world = await SoakWorld.open(3, '1s');
  try {
    const from = world.clock.now();
    const traders = world.lanes.map((lane) => new Trader(world, lane, new Chance(1, lane.account)));
    const [stopped, holding, asking] = traders;
    if (stopped === undefined || holding === undefined || asking === undefined) throw new Error('there are three accounts');
    await Promise.all([stopped.hold(), holding.hold()]);
    await keepClearances(world);
    const asleepTime = world.clock.now();
    const [lane] = world.lanes;
    if (lane === undefined) throw new Error('there are three accounts');

    world.suspend();
    const stale = asking.give('open');
    lane.price = Math.floor(PRICE * 0.96);
    await until('the stop is reached while everything sleeps', () => lane.open === 0);
    lane.price = PRICE;
    await wait(stillMs);
    const moved = world.clock.putForward(aheadMs);
    const wokenTime = world.clock.now();
    // As on a machine, whose clocks are right before anything on it goes on.
    await until('the database has the new time', () => hasTime(world, wokenTime));
    const begun = performance.now();
    world.wakeUp();
    await moved;

    const outcome = await stale;
    await stopped.settled(['flat']);
    await Promise.all([stopped.hold(), asking.hold()]);
    const tradingAgainMs = Math.round(performance.now() - begun);
    // Before anything is asked for: what is found compared was so by Keelson itself.
    const broken = await enteredTooSoon(world, wokenTime, 2);
    broken.push(...(await compared(world)), ...(await unfilled(world, asleepTime)));
    for (const one of world.lanes) broken.push(...(await judge(world, one, from)));
    const kept = await holding.standing();
    if (kept !== 'protected') broken.push(`what was held before is ${kept}`);
    const { rows } = await world.pool.query<{ line: string }>(
      `select severity || ' ' || kind || ' ' || summary as line from alerts order by 1`,
    );
    return { stale: [outcome.status, ...outcome.codes].join(' '), tradingAgainMs, alerts: rows.map(({ line }) => line), broken };
  } catch (error) {
    if (error instanceof Error) error.message += `\n${await world.describe()}`;
    throw error;
  } finally {
    await world.close();
  }
}

async function hasTime({ pool }: SoakWorld, time: number): Promise<boolean> {
  const { rows } = await pool.query<{ isThere: boolean }>(`select clock_timestamp() >= to_timestamp($1::numeric / 1000) as "isThere"`, [
    time,
  ]);
  return rows[0]?.isThere === true;
}

/** Bars that closed while everything slept, and are not stored in the end. */
async function unfilled({ pool, lanes }: SoakWorld, asleepTime: number): Promise<string[]> {
  const missing = async (venue: string): Promise<number> => {
    const { rows } = await pool.query<{ missing: number }>(
      `select ((max(open_time) - min(open_time)) / $4 + 1 - count(*))::int as missing from bars
        where venue = $1 and instrument = $2 and interval_ms = $4 and open_time >= $3`,
      [venue, INSTRUMENT, asleepTime - (asleepTime % BAR_MS) - 5 * BAR_MS, BAR_MS],
    );
    return rows[0]?.missing ?? 0;
  };
  const found = lanes.map(async ({ account }) => {
    const filled = await until(`the bars of ${account} are filled`, async () => (await missing(account)) === 0).catch(() => false);
    return filled ? [] : [`${account}: ${await missing(account)} bars of the sleep are missing`];
  });
  return (await Promise.all(found)).flat();
}
