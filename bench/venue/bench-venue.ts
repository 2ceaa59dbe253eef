import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OrderClient } from './order-client.js';

export interface VenueBenchOptions {
  /** Length of each of the two timed runs. */
  readonly seconds: number;
  readonly connections: number;
  /** Orders a second in the paced run. */
  readonly pacePerSecond: number;
  /** Orders (each with at least one fill) after which memory and restart are measured. */
  readonly orders: number;
}

export const VENUE_BENCH_DEFAULTS: VenueBenchOptions = { seconds: 20, connections: 8, pacePerSecond: 200, orders: 300_000 };

export interface VenueFigures {
  readonly options: VenueBenchOptions;
  /** POST /api/v3/order, each answered with its fills, closed loop. */
  readonly ordersPerSecond: number;
  /** Round trip of one order at the given pace, ms. */
  readonly paced: { readonly orders: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  readonly afterOrders: { readonly orders: number; readonly residentMb: number; readonly journalMb: number; readonly restartMs: number };
}

const PROGRAM = fileURLToPath(new URL('../../exchange/main.js', import.meta.url));
const [KEY, SECRET] = ['bench-key', 'bench-secret'];

/** Measures the paper venue in a process of its own, journal on, with the client beside it on the same machine. */
export async function benchVenue(options: VenueBenchOptions = VENUE_BENCH_DEFAULTS): Promise<VenueFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-venue-'));
  const journal = join(folder, 'journal.jsonl');
  let venue = await start(journal);
  try {
    const clients = await Promise.all(Array.from({ length: options.connections }, () => OrderClient.open(venue.port, KEY, SECRET)));
    let placed = await closedLoop(clients, () => false, 2000, 'warm');
    const begin = performance.now();
    const until = begin + options.seconds * 1000;
    const counted = await closedLoop(clients, () => performance.now() >= until, Infinity, 'fast');
    const ordersPerSecond = Math.round(counted / ((performance.now() - begin) / 1000));
    const paced = await pacedRun(clients, options);
    placed += counted + paced.orders;
    placed += await closedLoop(clients, () => false, Math.max(0, options.orders - placed), 'more');
    for (const client of clients) client.close();
    const residentMb = residentMegabytes(venue.child);
    const exit = once(venue.child, 'exit');
    venue.child.kill('SIGKILL');
    await exit;
    const restartBegin = performance.now();
    venue = await start(journal);
    const restartMs = Math.round(performance.now() - restartBegin);
    const journalMb = Math.round(statSync(journal).size / 1e6);
    return {
      options,
      ordersPerSecond,
      paced,
      afterOrders: { orders: placed, residentMb, journalMb, restartMs },
    };
  } finally {
    venue.child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

async function start(journal: string): Promise<{ child: ChildProcess; port: number }> {
  const flags = ['--json', '--exit-with-stdin', '--simulate', 'BTC/USDT@7:50000,0.0005', '--depth', '1000000'];
  const account = `bench:${KEY}:${SECRET}:USDT=100000000,BTC=10000`;
  const limits = ['--orders-per-10s', '1000000', '--weight-per-minute', '100000000'];
  const child = spawn(process.execPath, [PROGRAM, ...flags, ...limits, '--account', account, '--journal', journal], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  return { child, port: Number(new URL((JSON.parse(line) as { rest: string }).rest).port) };
}

/** Every connection places the next order when the last one is answered. Returns how many were. */
async function closedLoop(clients: readonly OrderClient[], isOver: () => boolean, most: number, name: string): Promise<number> {
  let next = 0;
  const run = async (client: OrderClient): Promise<void> => {
    while (next < most && !isOver()) {
      next += 1;
      await client.place(next % 2 === 0 ? 'SELL' : 'BUY', `${name}-${next}`);
    }
  };
  await Promise.all(clients.map(run));
  return next;
}

/**
 * Orders leave at their times whether earlier ones are answered or not. An order that had to wait for a free connection
 * counts from when it was due, any other from when it left: the lateness of our own timer is not the venue's.
 */
async function pacedRun(clients: readonly OrderClient[], options: VenueBenchOptions): Promise<VenueFigures['paced']> {
  const free = [...clients];
  const latencies: number[] = [];
  const running = new Set<Promise<void>>();
  const begin = performance.now();
  const orders = options.pacePerSecond * options.seconds;
  let hasWaited = false;
  for (let index = 0; index < orders; index += 1) {
    const due = begin + (index * 1000) / options.pacePerSecond;
    while (performance.now() < due) await wait(Math.max(0, Math.floor(due - performance.now())));
    const client = free.pop();
    if (client === undefined) {
      hasWaited = true;
      await Promise.race(running);
      index -= 1;
      continue;
    }
    const from = hasWaited ? due : performance.now();
    hasWaited = false;
    const one = client.place(index % 2 === 0 ? 'BUY' : 'SELL', `paced-${index}`).then(() => {
      latencies.push(performance.now() - from);
      free.push(client);
    });
    running.add(one);
    void one.then(() => running.delete(one));
  }
  await Promise.all(running);
  latencies.sort((left, right) => left - right);
  const quantile = (share: number): number => Math.round((latencies[Math.floor(share * (latencies.length - 1))] ?? 0) * 100) / 100;
  return { orders, p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: quantile(1) };
}

/** Resident memory of a process, where the system tells it; otherwise 0. */
function residentMegabytes(child: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1000);
  } catch {
    return 0;
  }
}
