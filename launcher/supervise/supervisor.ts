import { setTimeout as sleep } from 'node:timers/promises';
import { KeelsonError } from '../../core/errors.js';
import { CONFIGURATION_EXIT, describeEnd, UNAVAILABLE_EXIT } from './child.js';
import type { ChildPlan, ChildRun, RunEnd } from './child.js';
import type { ChildrenFile } from './children-file.js';
import { lastWords, logTail } from './log-file.js';
import { RESTART_POLICY, decideRestart } from './restart-policy.js';
import type { RestartPolicy, RunOutcome } from './restart-policy.js';

/** A child that is not started again; `exitCode` is what the whole ends with. */
export class ChildFailed extends KeelsonError {
  readonly exitCode: number;
  constructor(plan: ChildPlan, count: number, withinMs: number, end: RunEnd) {
    super('INFRA_CHILD_FAILED', {
      child: plan.name,
      count,
      seconds: Math.ceil(withinMs / 1000),
      detail: `${describeEnd(end)}; ${lastWords(logTail(plan.log))}`,
      log: plan.log,
    });
    this.exitCode = end.code === CONFIGURATION_EXIT ? CONFIGURATION_EXIT : 1;
  }
}

export interface RestartNotice {
  readonly child: string;
  readonly reason: string;
  readonly afterMs: number;
  /** How many times this child has been started again since the start. */
  readonly count: number;
}

export interface SupervisorOptions {
  readonly children: ChildrenFile;
  readonly policy?: RestartPolicy;
  readonly onRestart: (notice: RestartNotice) => void;
  /** A child does its work, for the first time or again. */
  readonly onReady?: (child: string) => void;
  /** A child that was once ready cannot be kept alive: the whole has to end. */
  readonly onFatal: (error: KeelsonError) => void;
}

export type StopProgress = (child: string, how: 'stopping' | 'stopped' | 'killed', elapsedMs: number) => void;

interface Slot {
  readonly plan: ChildPlan;
  run: ChildRun | undefined;
  /** Settles when this child will not run any more. */
  kept: Promise<void>;
}

/** Starts children, keeps them alive, and stops them in reverse order. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[] = [];
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The living children, by name. */
  get pids(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#slots.flatMap((slot) => (slot.run === undefined ? [] : [[slot.plan.name, slot.run.pid]])));
  }

  /**
   * Starts a child and waits until it is ready for the first time; from then on it is kept alive.
   * @returns what the child said when it was ready.
   * @throws ChildFailed when it cannot be brought up.
   */
  start(plan: ChildPlan): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve, reject) => {
      const slot: Slot = { plan, run: undefined, kept: Promise.resolve() };
      this.#slots.push(slot);
      let wasReady = false;
      slot.kept = this.#keep(slot, (said) => {
        wasReady = true;
        resolve(said);
      }).then(
        () => reject(new Error(`${plan.name} was stopped before it was ready`)),
        (error: unknown) => {
          if (wasReady && error instanceof KeelsonError) this.#options.onFatal(error);
          else reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  async #keep(slot: Slot, onReady: (said: Readonly<Record<string, unknown>>) => void): Promise<void> {
    const { plan } = slot;
    const { signal } = this.#stopping;
    const outcomes: RunOutcome[] = [];
    for (let count = 1; !signal.aborted; count += 1) {
      const end = await this.#runOnce(slot, outcomes, onReady);
      if (signal.aborted) return;
      const decision = decideRestart(outcomes, this.#options.policy ?? RESTART_POLICY);
      if (decision.action === 'giveUp') throw new ChildFailed(plan, decision.count, decision.withinMs, end);
      this.#options.onRestart({ child: plan.name, reason: describeEnd(end), afterMs: decision.afterMs, count });
      await sleep(decision.afterMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #runOnce(slot: Slot, outcomes: RunOutcome[], onReady: (said: Readonly<Record<string, unknown>>) => void): Promise<RunEnd> {
    const { plan } = slot;
    let readyAt: number | undefined;
    let end: RunEnd;
    let wasWaiting = false;
    try {
      const run = await plan.spawn(this.#stopping.signal);
      slot.run = run;
      this.#options.children.add(plan.name, run.pid, plan.stopSignal, plan.endsAlone);
      if (this.#stopping.signal.aborted) run.stop();
      void run.ready.then(
        (said) => {
          readyAt = performance.now();
          onReady(said);
          this.#options.onReady?.(plan.name);
        },
        () => undefined,
      );
      end = await run.ended;
      wasWaiting = run.isWaiting?.() === true;
      slot.run = undefined;
      this.#options.children.remove(run.pid);
    } catch (error) {
      // What the person has to set right is told as it is; what worked before may only be slow to come back.
      const hasWorked = outcomes.some((outcome) => outcome.readyForMs > 0);
      if (!hasWorked && error instanceof KeelsonError && error.failure.code.startsWith('CONFIG_')) throw error;
      end = { code: null, signal: null, endedByUs: error instanceof Error ? error.message : String(error) };
    }
    const endedAt = performance.now();
    outcomes.push({
      endedAt,
      readyForMs: readyAt === undefined ? 0 : Math.max(1, endedAt - readyAt),
      isConfiguration: end.code === CONFIGURATION_EXIT,
      isUnavailable: end.code === UNAVAILABLE_EXIT || wasWaiting,
    });
    return end;
  }

  /** Stops all in reverse order of their start, each within its own limit and all within `budgetMs`; then kills. */
  async stopAll(budgetMs: number, progress: StopProgress): Promise<void> {
    this.#stopping.abort();
    const until = performance.now() + budgetMs;
    const slots = this.#slots.toReversed();
    for (const [index, slot] of slots.entries()) {
      const startedAt = performance.now();
      // Whoever comes later keeps at least half a second.
      const left = until - startedAt - 500 * (slots.length - 1 - index);
      const hadRun = slot.run !== undefined;
      if (hadRun) progress(slot.plan.name, 'stopping', 0);
      slot.run?.stop();
      const isInOrder = await settledWithin(slot.kept, Math.max(250, Math.min(slot.plan.stopLimitMs, left)));
      if (!isInOrder) {
        slot.run?.kill();
        await settledWithin(slot.kept, 1000);
      }
      if (hadRun) progress(slot.plan.name, isInOrder ? 'stopped' : 'killed', performance.now() - startedAt);
    }
  }

  /** Ends all at once, in no order. */
  killAll(): void {
    this.#stopping.abort();
    for (const slot of this.#slots.toReversed()) slot.run?.kill();
  }
}

async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const isSettled = await Promise.race([promise.then(() => true), sleep(limitMs, false, { signal: timer.signal }).catch(() => false)]);
  timer.abort();
  return isSettled;
}
