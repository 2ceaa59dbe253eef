import { failure } from '../../core/errors.js';
import { isSame } from '../../core/runbook/plain.js';
import type { PlainObject, RunbookName } from '../../core/runbook/spec.js';
import type { AskedRun, PartEnd, PartKey, Writes } from '../ports/runbook.js';
import { isWorkerStopping, workerStops } from '../worker-stops.js';
import { isLedgerAway } from './held-up.js';
import type { RunbookDependencies } from './index.js';
import { inputsOf } from './plan.js';
import type { BoundRunbook, BoundStep, Look } from './step-code.js';

type Ended = Exclude<PartEnd, { outcome: 'preempted' | 'aborted' }>;
const DONE: Ended = { outcome: 'done', output: null };
/** Details stand in rows, histories and messages to people. */
const LONGEST_DETAIL = 500;

/**
 * One part of one step: begun in the ledger, done, and its end written down. What was ended before answers as it ended; what was
 * begun by a process that died is done again, and so is what waits.
 */
export function createRunPart(
  { store, actor, stopping }: RunbookDependencies,
  codeOf: (name: RunbookName) => BoundRunbook,
): (key: PartKey, output: PlainObject | null, canceled: AbortSignal) => Promise<PartEnd> {
  return async (key, output, canceled) => {
    const run = await store.read(key.runId);
    const code = codeOf(run.runbook);
    const step = code.steps[key.position];
    // What was approved is a version of this runbook; another build may have another.
    const { version, steps } = run.plan ?? {};
    if (step === undefined || version !== code.spec.version || steps?.[key.position]?.name !== step.spec.name)
      return {
        outcome: 'preempted',
        detail: `this build has version ${code.spec.version} of it, and version ${version ?? '?'} was planned`,
      };
    // … by this configuration; a guardian that was restarted may have another. What was done is taken back whatever it says.
    if (key.part !== 'undo' && !isSame(run.plan?.inputs ?? null, inputsOf(code, run))) {
      const { code: name, message } = failure('RISK_PLAN_CHANGED', { runbook: run.runbook, account: run.account });
      return { outcome: 'preempted', detail: `${name}: ${message}` };
    }
    if (!has(step, key.part)) return DONE;
    const before = await store.beginPart(key, { name: step.spec.name, actor, runsUnderHalt: code.spec.runsUnderHalt });
    if (before !== null) return before;
    const work = (over: AbortSignal): Promise<Ended> => doPart(step, key.part, run, writesUntil(over, code.writes), output);
    const end = await within(step.spec.timeoutMs, { canceled, stopping }, work);
    if (end.outcome === 'waits') return end;
    const by = await store.endPart(key, end);
    // What fails in a run that a person has given up is nobody's to decide.
    return by !== null && end.outcome === 'failed' && key.part !== 'undo' ? { outcome: 'aborted', ...by } : end;
  };
}

const has = (step: BoundStep, part: PartKey['part']): boolean => step[part] !== undefined;

async function doPart(step: BoundStep, part: PartKey['part'], run: AskedRun, writes: Writes, output: PlainObject | null): Promise<Ended> {
  switch (part) {
    case 'precondition':
      return endOf(await step.precondition?.(run));
    case 'action':
      return { outcome: 'done', output: (await step.action?.(run, writes)) ?? null };
    case 'verification':
      return endOf(await step.verification?.(run));
    case 'undo':
      await step.undo?.(run, writes, output);
      return DONE;
  }
}

function endOf(look: Look | undefined): Ended {
  if (look === undefined || look.isFine) return { outcome: 'done', output: look?.output ?? null };
  const detail = look.found.slice(0, LONGEST_DETAIL);
  if (!('isWaiting' in look)) return { outcome: 'failed', detail };
  return { outcome: 'waits', detail, callAfterMs: look.callAfterMs, output: look.output ?? null };
}

/**
 * The writes of a part, for as long as it goes on. What was given up may still be at work, and nobody can end it: when its time was
 * over, or it was begun anew elsewhere, it changes nothing any more. A write that has begun before that ends itself by the signal.
 */
function writesUntil(over: AbortSignal, writes: Writes): Writes {
  return Object.fromEntries(
    Object.entries(writes).map(([name, write]) => [
      name,
      async (...values: never[]) => {
        over.throwIfAborted();
        await write(...values, over as never);
      },
    ]),
  );
}

/**
 * A part that throws, or takes too long, has failed: people see why, and decide. One that is broken off because its process stops, or
 * was begun anew elsewhere, has not: another process begins it again.
 */
async function within(
  limitMs: number,
  { canceled, stopping }: { readonly canceled: AbortSignal; readonly stopping: AbortSignal },
  work: (over: AbortSignal) => Promise<Ended>,
): Promise<Ended> {
  const time = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Ended>((resolve) => {
    timer = setTimeout(() => {
      const detail = `it was not done within ${limitMs / 1_000} s`;
      time.abort(new Error(detail));
      resolve({ outcome: 'failed', detail });
    }, limitMs);
  });
  let onStop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    onStop = () => reject(workerStops());
    stopping.addEventListener('abort', onStop);
    canceled.addEventListener('abort', onStop);
  });
  try {
    stopping.throwIfAborted();
    canceled.throwIfAborted();
    return await Promise.race([work(AbortSignal.any([time.signal, canceled, stopping])), late, stopped]);
  } catch (error) {
    // Nothing of the step's: the part is begun again, or was; how it ends is for that try to say.
    if (stopping.aborted || canceled.aborted) throw workerStops();
    if (isWorkerStopping(error) || isLedgerAway(error)) throw error;
    return { outcome: 'failed', detail: (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_DETAIL) };
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', onStop);
    canceled.removeEventListener('abort', onStop);
    // Also a part that has ended leaves nothing behind that goes on.
    time.abort(new Error('the part has ended'));
  }
}
