import { closeSync, openSync, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { inRoot } from './paths.mjs';

const LOCK = inRoot('.bootstrap.lock');
const BEAT_MS = 2_000;
const STALE_MS = 20_000;

function holder() {
  try {
    const { pid, host } = JSON.parse(readFileSync(LOCK, 'utf8'));
    return { pid, host, ageMs: Date.now() - statSync(LOCK).mtimeMs };
  } catch {
    return undefined;
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A holder that ended without cleaning up: gone from this machine, or without a heartbeat. */
const isStale = (found) => found.ageMs > STALE_MS || (found.host === hostname() && !isRunning(found.pid));

function take() {
  try {
    const file = openSync(LOCK, 'wx');
    writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Of several that see a stale lock only one can rename it away; the others find it gone and try anew. */
function clearStale() {
  try {
    const aside = `${LOCK}.${process.pid}`;
    renameSync(LOCK, aside);
    unlinkSync(aside);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/**
 * Does `work` while no other script of this clone installs or builds.
 * @param {(pid: number) => void} whenWaiting called once when another holds the lock.
 */
export async function withLock(work, whenWaiting) {
  let told = false;
  while (!take()) {
    const found = holder();
    if (found && isStale(found)) clearStale();
    else if (found && !told) {
      told = true;
      whenWaiting(found.pid);
    }
    await wait(200);
  }
  const beat = setInterval(() => utimesSync(LOCK, new Date(), new Date()), BEAT_MS);
  const release = () => {
    clearInterval(beat);
    try {
      unlinkSync(LOCK);
    } catch {
      // Already gone: nothing is held any more.
    }
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}
