import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareBooks, pauseAndSettle } from '../support/books.js';
import { ROOT, RunningKeelson } from '../support/running-keelson.js';
import { startConfig } from '../support/start-config.js';
import { isModeOfOthers } from './real.js';

const run = promisify(execFile);
/** An older build may have to be installed and compiled first. */
const READY_LIMIT_MS = 600_000;
const FILL_LIMIT_MS = 300_000;
/** So many fills before the upgrade: something is held then, and more is on its way. */
const FILLS = 5;
/** What the new build has to say of the home that it finds. */
const STEPS = ['copy', 'replay', 'database'];

/**
 * An earlier commit trades in a home of its own, and is stopped in the middle of it; then this build is started over the same home,
 * with the configuration of then. The last line says what came of it.
 * @returns whether it went on by itself, and ledger and venue agree
 */
export async function soakUpgrade(from: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-upgrade-'));
  // As root, the account that runs Postgres has to pass through.
  chmodSync(folder, 0o711);
  const [tree, home, config] = [join(folder, 'tree'), join(folder, 'home'), join(folder, 'keelson.config.json')];
  const running: RunningKeelson[] = [];
  const start = (root: string): RunningKeelson => {
    const keelson = new RunningKeelson(home, config, [], { root });
    running.push(keelson);
    return keelson;
  };
  try {
    await run('git', ['worktree', 'add', '--detach', tree, from], { cwd: ROOT });
    await run('cp', ['-al', join(ROOT, 'node_modules'), tree]);
    writeFileSync(config, startConfig(undefined, tree));

    const older = start(tree);
    await older.waitFor('ready', (event) => event.event === 'ready', READY_LIMIT_MS);
    await older.until('some fills', () => (fillsOf(older) >= FILLS ? true : undefined), FILL_LIMIT_MS);
    await older.end('SIGTERM');

    const newer = start(ROOT);
    await newer.waitFor('ready', (event) => event.event === 'ready', READY_LIMIT_MS);
    await newer.waitFor('a fill', (event) => event.event === 'fill', FILL_LIMIT_MS);
    const modes = newer.events.filter(isModeOfOthers);
    const steps = newer.events.filter(
      (event) => event.event === 'step' && event['state'] === 'done' && STEPS.includes(String(event['step'])),
    );
    await pauseAndSettle(home, newer);
    await newer.end('SIGTERM');
    const books = await compareBooks(home);
    const told = { from, steps: steps.map((event) => event['message']), fillsBefore: fillsOf(older), fillsAfter: fillsOf(newer), modes };
    process.stdout.write(`${JSON.stringify({ ...told, ...books })}\n`);
    return modes.length === 0 && books.disagreements.length === 0 && books.incidents.length === 0;
  } finally {
    await Promise.all(running.map((keelson) => keelson.end('SIGTERM')));
    await run('git', ['worktree', 'remove', '--force', tree], { cwd: ROOT }).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
}

const fillsOf = (keelson: RunningKeelson): number => keelson.events.filter((event) => event.event === 'fill').length;
