import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../../config/index.js';
import { signalId, type TradeSignal } from '../../../core/signal/signal.js';
import { textOf, type Point } from '../programs/point.js';
import { until } from './until.js';

export type RoleName = 'trading' | 'guardian';

export interface ProgramOptions {
  readonly role: RoleName;
  /** No two programs of a world have the same: of its log and of its mark. */
  readonly name: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A worker's role in a process of its own, with a trap. */
export class Program {
  readonly role: RoleName;
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  private readonly markFile: string;
  private readonly logFile: string;
  private isReady = false;
  private isArmed = false;
  private isClockMoved = false;
  private readonly traded = new Set<string>();

  constructor(options: ProgramOptions) {
    const { role, name, folder, env } = options;
    this.role = role;
    this.markFile = join(folder, `${name}.mark`);
    this.logFile = join(folder, `${name}.log`);
    const log = openSync(this.logFile, 'a');
    this.child = fork(join(rootFolder(), 'dist', 'test', 'faults', 'programs', `${role}.js`), {
      env: { ...env, KEELSON_TEST_MARK: this.markFile },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.ended = new Promise((resolve) => this.child.once('exit', () => resolve()));
    this.child.on('message', (message: { readonly type: string; readonly id?: string }) => {
      if (message.type === 'ready') this.isReady = true;
      if (message.type === 'armed') this.isArmed = true;
      if (message.type === 'disarmed') this.isArmed = false;
      if (message.type === 'clockMoved') this.isClockMoved = true;
      if (message.type === 'traded') this.traded.add(String(message.id));
    });
  }

  /** Waits until it does its work. @throws Error with the end of its log when it ends before */
  async ready(): Promise<void> {
    await until(
      `a program of ${this.role} is ready`,
      () => this.isReady || this.hasEnded,
      () => this.logTail(),
    );
    if (!this.isReady) throw new Error(`a program of ${this.role} ended before it was ready:\n${this.logTail()}`);
  }

  /** Workers are named after their role and this. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Whether it ended by itself, and was not killed. */
  get hasGivenUp(): boolean {
    return this.child.exitCode !== null;
  }

  /** @returns when the trap is set; it strikes at the point's n-th call from then on. */
  async arm(point: Point): Promise<void> {
    this.isArmed = false;
    this.say({ type: 'arm', point: textOf(point) });
    await until(`${this.role} is armed`, () => this.isArmed || this.hasEnded);
  }

  /** Takes the trap away. @returns when it is gone, or has struck after all */
  async disarm(): Promise<void> {
    this.isArmed = true;
    this.say({ type: 'disarm' });
    await until(`${this.role} is disarmed`, () => !this.isArmed || this.struckTime !== undefined || this.hasEnded);
  }

  /** A trading program trades the signal as one of its strategies'. @returns when its workflow is started, or the program was struck or has ended */
  async trade(signal: TradeSignal): Promise<void> {
    this.say({ type: 'trade', signal });
    const id = signalId(signal);
    await until(
      'a signal is traded',
      () => this.traded.delete(id) || this.struckTime !== undefined || this.hasEnded,
      () => this.describe(),
    );
  }

  /** Its clock is so far ahead of the machine's. @returns when it is; one that is stopped has it when it wakes up */
  async moveClock(aheadMs: number): Promise<void> {
    this.isClockMoved = false;
    this.say({ type: 'clock', aheadMs });
    await until(`the clock of ${this.role} is moved`, () => this.isClockMoved || this.hasEnded);
  }

  /** When it was struck, by our clock; undefined until then. */
  get struckTime(): number | undefined {
    return this.marks()[0]?.time;
  }

  /** Whether a call has ended since it was stopped: it is awake again, and has done what it was about to do. */
  hasEndedCall(call: string): boolean {
    return this.marks().some((mark) => mark.ended === call);
  }

  /** It stands still, as everything does on a machine that sleeps. */
  suspend(): void {
    this.child.kill('SIGSTOP');
  }

  wakeUp(): void {
    this.child.kill('SIGCONT');
  }

  /** It is told to end in order. */
  stop(): void {
    this.say({ type: 'stop' });
  }

  get exitCode(): number | null {
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  describe(): string {
    const state = this.hasEnded ? 'has ended' : this.struckTime === undefined ? 'runs' : `is stopped since ${this.struckTime}`;
    return `${this.role} ${this.child.pid} ${state}\n${this.logTail()}`;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  logTail(): string {
    return this.log().split('\n').slice(-20).join('\n');
  }

  /** One that was killed in this very moment hears it no more, and whoever waits for its answer sees that it has ended. */
  private say(message: object): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  private marks(): { readonly time?: number; readonly ended?: string }[] {
    try {
      const lines = readFileSync(this.markFile, 'utf8').split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as { time?: number; ended?: string });
    } catch {
      return [];
    }
  }
}
