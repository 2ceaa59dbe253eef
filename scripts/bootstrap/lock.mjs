import { closeSync, openSync, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { inRoot } from './paths.mjs';

const LOCK = inRoot('.bootstrap.lock');
const BEAT_MS = 2_000;
const STALE_MS = 20_000;

function holder(path) {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, 'utf8'));
    return { pid, host, ageMs: Date.now() - statSync(path).mtimeMs };
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

function take(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Shows that the holder lives. A lock that someone removed by hand is no reason to stop the work. */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/** Of several that see a stale lock only one can rename it away; the others find it gone and try anew. */
function clearStale(path) {
  try {
    const aside = `${path}.${process.pid}`;
    renameSync(path, aside);
    unlinkSync(aside);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/**
 * Does `work` while no other script of this clone installs or builds.
 * @param {(pid: number) => void} whenWaiting called once when another holds the lock.
 */
export async function withLock(work, whenWaiting, path = LOCK) {
  let told = false;
  while (!take(path)) {
    const found = holder(path);
    if (found && isStale(found)) clearStale(path);
    else if (found && !told) {
      told = true;
      whenWaiting(found.pid);
    }
    await wait(200);
  }
  const beat = setInterval(() => touch(path), BEAT_MS);
  const release = () => {
    clearInterval(beat);
    try {
      unlinkSync(path);
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
