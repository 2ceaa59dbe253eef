import type { EventEmitter } from 'node:events';

export interface StopHandlers {
  /** The first wish to stop: in order. */
  readonly onFirst: (reason: string) => void;
  /** A person insists: at once. */
  readonly onSecond: () => void;
}

const REASONS = { SIGINT: 'Ctrl-C', SIGTERM: 'asked to end', SIGHUP: 'the terminal was closed' } as const;

/**
 * Turns signals into wishes. Only a repeated Ctrl-C or SIGTERM insists: a terminal that closes after a Ctrl-C says
 * SIGHUP as well, and that must not cut an orderly stop short. An output nobody reads any more counts as closed.
 */
export function listenForStop(
  handlers: StopHandlers,
  source: Pick<EventEmitter, 'on'> = process,
  outputs: readonly Pick<EventEmitter, 'on'>[] = [process.stdout, process.stderr],
): void {
  const seen = new Set<string>();
  const receive = (signal: keyof typeof REASONS): void => {
    const isFirst = seen.size === 0;
    const isInsisting = signal === 'SIGINT' ? !isFirst : signal === 'SIGTERM' && seen.has('SIGTERM');
    seen.add(signal);
    if (isFirst) handlers.onFirst(REASONS[signal]);
    else if (isInsisting) handlers.onSecond();
  };
  source.on('SIGINT', () => receive('SIGINT'));
  source.on('SIGTERM', () => receive('SIGTERM'));
  source.on('SIGHUP', () => receive('SIGHUP'));
  for (const output of outputs) output.on('error', () => receive('SIGHUP'));
}
