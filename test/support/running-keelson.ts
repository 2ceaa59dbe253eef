import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rootFolder } from '../../config/index.js';
import { readChildren } from '../../launcher/supervise/children-file.js';

export const ROOT = rootFolder();

/** A line of `npm start -- --json`. */
export type StartEvent = { readonly time: number; readonly event: string } & Readonly<Record<string, unknown>>;

interface RunningOptions {
  readonly root?: string;
  readonly program?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Keelson as `npm start` runs it, in a process of its own. */
export class RunningKeelson {
  readonly events: StartEvent[] = [];
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly home: string;
  private readonly listeners = new Set<() => void>();
  private exitCode: number | null | undefined;

  /**
   * @param root of the build that is started; by default of this one
   * @param program `dist/launcher/main.js` for a build that is compiled, and has no sources
   */
  constructor(
    home: string,
    config: string,
    flags: readonly string[] = [],
    { root = ROOT, program = 'scripts/start.mjs', env = process.env }: RunningOptions = {},
  ) {
    this.home = home;
    this.child = spawn(process.execPath, [program, '--json', '--home', home, '--config', config, ...flags], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.pid = this.child.pid ?? 0;
    if (this.child.stdout === null) throw new Error('stdout is a pipe');
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line) as StartEvent);
      for (const listener of this.listeners) listener();
    });
    this.child.on('exit', (code) => {
      this.exitCode = code;
      for (const listener of this.listeners) listener();
    });
  }

  /** The first event for which `is` holds, from the `from`-th event on; fails when the process ends or the limit passes. */
  async waitFor(what: string, is: (event: StartEvent) => boolean, limitMs: number, from = 0): Promise<StartEvent> {
    return this.until(what, () => this.events.slice(from).find(is), limitMs);
  }

  async until<T>(what: string, get: () => T | undefined, limitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.listeners.delete(look);
      };
      const look = (): void => {
        const found = get();
        if (found !== undefined) {
          done();
          resolve(found);
        } else if (this.exitCode !== undefined) {
          done();
          reject(new Error(`ended with ${this.exitCode} before: ${what}\n${this.tail()}`));
        }
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`not within ${limitMs} ms: ${what}\n${this.tail()}`));
      }, limitMs);
      this.listeners.add(look);
      look();
    });
  }

  /** Process ids of the children that run under this name. */
  pidsOf(name: string): number[] {
    return readChildren(join(this.home, 'children.json'))
      .filter((child) => child.name === name)
      .map((child) => child.identity.pid);
  }

  childPids(): number[] {
    return readChildren(join(this.home, 'children.json')).map((child) => child.identity.pid);
  }

  /** @returns the exit code, or null when a signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.exitCode !== undefined) return this.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  private tail(): string {
    return this.events
      .slice(-15)
      .map((event) => JSON.stringify(event).slice(0, 300))
      .join('\n');
  }
}

/** Whether a process with this id still runs (a zombie that nobody has reaped yet does not). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return true;
}
