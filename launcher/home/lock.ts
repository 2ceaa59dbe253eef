import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, isAlive } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';

/*
 * An exclusive lock that a kill -9 cannot leave shut, without a lock daemon and without a race in the take-over.
 * The lock is a folder of numbered files; the highest number is the holder's. Whoever finds a dead or released holder N
 * creates N + 1, which only one can; then looks whether N + 1 is still the highest. The highest is never deleted, so a
 * number is not given out twice among those who could believe in it.
 */

const TOUCH_MS = 2000;
/** A holder in another container or on another boot cannot be asked; its file is touched, so age decides. */
const FOREIGN_STALE_MS = 15_000;

interface LockRecord {
  readonly holder: ProcessIdentity;
  readonly isReleased?: boolean;
}

export interface HomeLock {
  /** Gives the lock back. Safe to call twice. */
  release(): void;
}

export type LockResult = { readonly held: true; readonly lock: HomeLock } | { readonly held: false; readonly holder: ProcessIdentity };

const isRecord = (value: unknown): value is LockRecord =>
  typeof value === 'object' && value !== null && 'holder' in value && typeof value.holder === 'object';

function highest(folder: string): number {
  const numbers = readdirSync(folder).map((name) => (/^\d+$/.test(name) ? Number(name) : 0));
  return Math.max(0, ...numbers);
}

/** Who holds number `n`; `undefined` when nobody does: released, dead, or the file is gone or cut. */
function livingHolder(folder: string, n: number, now: number): ProcessIdentity | undefined {
  const path = join(folder, String(n));
  let record: unknown;
  let touchedAt: number;
  try {
    record = JSON.parse(readFileSync(path, 'utf8'));
    touchedAt = statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
  if (!isRecord(record) || record.isReleased === true) return undefined;
  const alive = isAlive(record.holder) ?? now - touchedAt < FOREIGN_STALE_MS;
  return alive ? record.holder : undefined;
}

/** Who holds the lock of this folder now, without trying for it. */
export function lockHolder(folder: string, now = Date.now()): ProcessIdentity | undefined {
  try {
    return livingHolder(folder, highest(folder), now);
  } catch {
    return undefined;
  }
}

/**
 * Tries for the lock in `folder` (made when missing); never waits.
 * @throws when the folder cannot be written.
 */
export function takeLock(folder: string, now: () => number = Date.now): LockResult {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const self = identify(process.pid);
  if (self === undefined) throw new Error('this process cannot see its own start time: is /proc mounted?');
  // The content has to be there when the number is: it is written aside and linked in.
  const draft = join(folder, `draft-${process.pid}-${self.startedAt.replace(/\W/g, '')}`);
  writeFileSync(draft, JSON.stringify({ holder: self } satisfies LockRecord), { mode: 0o600 });
  try {
    for (;;) {
      const last = highest(folder);
      const holder = livingHolder(folder, last, now());
      if (holder !== undefined) return { held: false, holder };
      const mine = last + 1;
      const path = join(folder, String(mine));
      try {
        linkSync(draft, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      if (highest(folder) !== mine) {
        rmSync(path, { force: true });
        continue;
      }
      sweep(folder, mine);
      return { held: true, lock: hold(path, self) };
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function sweep(folder: string, below: number): void {
  for (const name of readdirSync(folder)) {
    if (/^\d+$/.test(name) && Number(name) < below) rmSync(join(folder, name), { force: true });
  }
}

function hold(path: string, self: ProcessIdentity): HomeLock {
  const touch = setInterval(() => {
    const seconds = Date.now() / 1000;
    try {
      utimesSync(path, seconds, seconds);
    } catch {
      // The home was deleted under us: there is nothing left to protect.
    }
  }, TOUCH_MS);
  touch.unref();
  let isHeld = true;
  return {
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      clearInterval(touch);
      try {
        writeFileSync(path, JSON.stringify({ holder: self, isReleased: true } satisfies LockRecord), { mode: 0o600 });
      } catch {
        // As above.
      }
    },
  };
}
