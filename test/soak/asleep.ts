import { setTimeout as wait } from 'node:timers/promises';
import { HOUR_ASLEEP, sleep } from './asleep/run.js';
import { compareBooks, pauseAndSettle } from '../support/books.js';
import type { RunningKeelson, StartEvent } from '../support/running-keelson.js';
import { READY_LIMIT_MS, withKeelson } from './real.js';

const FILL_LIMIT_MS = 300_000;

/**
 * The real thing, stopped as a machine that sleeps stops it: launcher, workers, API, Temporal and Postgres. The venue goes on. The
 * last line says what came of it.
 * @returns whether it traded on without anybody, and ledger and venue agree
 */
export async function soakAsleep(minutes: number): Promise<boolean> {
  let isSound = false;
  await withKeelson([], async (keelson, home) => {
    await keelson.waitFor('ready', (event) => event.event === 'ready', READY_LIMIT_MS);
    await keelson.waitFor('a fill', (event) => event.event === 'fill', FILL_LIMIT_MS);
    const asleep = [...new Set(keelson.childPids())].filter((pid) => !keelson.pidsOf('venue').includes(pid));
    signal(keelson, asleep, 'SIGSTOP');
    await wait(minutes * 60_000);
    const [from, wokenTime] = [keelson.events.length, Date.now()];
    signal(keelson, asleep, 'SIGCONT');
    const fill = await keelson.waitFor('a fill after the sleep', isNewFill(wokenTime), FILL_LIMIT_MS, from);
    const after = keelson.events.slice(from);
    const modes = after.filter((event) => event.event === 'mode' && event['mode'] !== 'normal');
    await pauseAndSettle(home, keelson);
    await keelson.end('SIGTERM');
    const books = await compareBooks(home);
    isSound = modes.length === 0 && books.disagreements.length === 0 && books.incidents.length === 0;
    const untraded = after.filter((event) => event.event === 'signal' && event['traded'] === false);
    const told = {
      ...{ minutes, tradedAgainMs: fill.time - wokenTime, modes },
      untraded: countOf(untraded.map((event) => JSON.stringify(event['reasons']))),
      restarts: after.filter((event) => event.event === 'restart').map((event) => `${String(event['child'])}: ${String(event['reason'])}`),
      errors: after.filter((event) => event.event === 'error'),
    };
    process.stdout.write(`${JSON.stringify({ ...told, ...books })}\n`);
  });
  return isSound;
}

/** An hour by the clocks, in a world whose workers stand still for some seconds. @returns whether nothing was broken */
export async function soakAsleepHour(): Promise<boolean> {
  const outcome = await sleep(HOUR_ASLEEP);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  return outcome.broken.length === 0 && outcome.stale.includes('RISK_SIGNAL_EXPIRED');
}

/** Each child leads a group of its own, in which are those that it has started; the launcher is one process. */
function signal({ pid }: RunningKeelson, children: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  if (name === 'SIGSTOP') process.kill(pid, name);
  for (const child of children) process.kill(-child, name);
  if (name === 'SIGCONT') process.kill(pid, name);
}

/** One of an order of ours from after the waking: what the venue filled meanwhile is told late, with its own time. */
const isNewFill =
  (wokenTime: number) =>
  (event: StartEvent): boolean =>
    event.event === 'fill' && event['side'] === 'buy' && event.time > wokenTime;

function countOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
