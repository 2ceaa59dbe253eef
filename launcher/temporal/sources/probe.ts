import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { TemporalBinary } from '../start.js';
import { parseProgramVersion } from '../version.js';

const run = promisify(execFile);
/** 155 MB that a machine reads from a cold, busy disk for the first time: seen to take more than five seconds. */
const LIMIT_MS = 30_000;

/** Asks a program which server is inside it. A text says why it is not one that can be used. */
export async function probe(path: string): Promise<TemporalBinary | string> {
  try {
    await access(path, constants.X_OK);
  } catch {
    return `${path} is not there or may not be executed`;
  }
  try {
    const { stdout } = await run(path, ['--version'], { timeout: LIMIT_MS });
    const version = parseProgramVersion(stdout);
    if (version === undefined) return `${path} says "${stdout.trim().slice(0, 80)}", not which server it has`;
    return { path, version: version.server, exitsWithStdin: version.isOurs };
  } catch (error) {
    const { killed, message } = error as Error & { killed?: boolean };
    return killed === true ? `${path} --version did not end within ${LIMIT_MS / 1000} s` : `${path} --version failed: ${message.trim()}`;
  }
}
