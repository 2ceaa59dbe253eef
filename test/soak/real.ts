import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { compareBooks, pauseAndSettle } from '../support/books.js';
import { RunningKeelson } from '../support/running-keelson.js';
import { startConfig } from '../support/start-config.js';
import { isModeOfOthers } from '../support/upgrade-story.js';
import { demoOffsets } from './demo-report.js';

export const READY_LIMIT_MS = 120_000;
const FIRST_FILL_LIMIT_MS = 180_000;

/** Starts the real thing at many offsets, each time from nothing, and measures from `ready` to the first fill. */
export async function soakFirstFill(offsets: number): Promise<void> {
  const seconds: number[] = [];
  for (const offset of demoOffsets(offsets)) {
    await withKeelson(['--start-offset', String(offset)], async (keelson) => {
      const ready = await keelson.waitFor('ready', (event) => event.event === 'ready', READY_LIMIT_MS);
      const fill = await keelson.waitFor('a fill', (event) => event.event === 'fill', FIRST_FILL_LIMIT_MS);
      seconds.push((fill.time - ready.time) / 1_000);
      process.stdout.write(`offset ${String(offset).padStart(5)}: first fill ${seconds.at(-1)?.toFixed(1)} s after ready\n`);
    });
  }
  const sorted = seconds.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  process.stdout.write(`median ${median.toFixed(1)} s, worst ${(sorted.at(-1) ?? Number.NaN).toFixed(1)} s of ${sorted.length} starts\n`);
}

/** Lets the real thing run for some minutes, then compares its ledger with the venue's journal. */
export async function soakBooks(minutes: number): Promise<boolean> {
  let isSound = false;
  await withKeelson([], async (keelson, home) => {
    await keelson.waitFor('ready', (event) => event.event === 'ready', READY_LIMIT_MS);
    await wait(minutes * 60_000);
    const told = keelson.events.filter((event) => event.event === 'restart' || event.event === 'error' || isModeOfOthers(event));
    const equity = keelson.events.findLast((event) => event.event === 'equity');
    await pauseAndSettle(home, keelson);
    await keelson.end('SIGTERM');
    const books = await compareBooks(home);
    isSound = told.length === 0 && books.disagreements.length === 0 && books.incidents.length === 0;
    process.stdout.write(`${JSON.stringify({ minutes, equity: equity?.['equity'], told, ...books }, undefined, 2)}\n`);
  });
  return isSound;
}

/** The real thing in a home of its own, with the shipped configuration. */
export async function withKeelson(flags: readonly string[], body: (keelson: RunningKeelson, home: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-soak-'));
  // As root, the account that runs Postgres has to pass through.
  chmodSync(folder, 0o711);
  const config = join(folder, 'keelson.config.json');
  writeFileSync(config, startConfig());
  const home = join(folder, 'home');
  const keelson = new RunningKeelson(home, config, flags);
  try {
    await body(keelson, home);
  } finally {
    await keelson.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }
}
