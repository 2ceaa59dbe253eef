import { Context } from '@temporalio/activity';
import { workerStops } from '../worker-stops.js';

const HEARTBEAT_MS = 1_000;

/**
 * Runs a long stream inside an activity: heartbeats each second while the event loop lives, returns by itself after
 * `runForMs`, and hands over at once when the worker stops or the activity is canceled.
 * @param run works until its signal aborts, then returns.
 */
export async function untilStopped(
  options: { readonly stopping: AbortSignal; readonly runForMs: number },
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const context = Context.current();
  const end = new AbortController();
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  const timer = setTimeout(() => end.abort(), options.runForMs);
  const signal = AbortSignal.any([end.signal, options.stopping, context.cancellationSignal]);
  try {
    await run(signal);
  } finally {
    clearInterval(heartbeat);
    clearTimeout(timer);
    end.abort();
  }
  // Retried at once by another worker, or by the next one to start.
  if (options.stopping.aborted) throw workerStops();
  context.cancellationSignal.throwIfAborted();
}
