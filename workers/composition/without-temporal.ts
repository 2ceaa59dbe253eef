import { setTimeout as wait } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import type { LocalProcess } from './process.js';

const AGAIN_MS = 1_000;
/** So often the log says it again. */
const SAID_AGAIN_MS = 60_000;

export interface TemporalWait extends Pick<LocalProcess, 'clock' | 'log' | 'stopping'> {
  /** @throws where Temporal does not answer, within a bound of its own */
  readonly connect: () => Promise<NativeConnection>;
  /** Has everybody see that this process waits, still. */
  readonly tell: () => Promise<void>;
  /** Called at each try: who supervises this process does not end it for not being ready. */
  readonly waiting: () => void;
  readonly againMs?: number;
}

/**
 * Waits until Temporal is there, however long that takes: what needs none goes on meanwhile, in this same process. That it is without is
 * told to people, and stands in the ledger, for as long.
 * @returns its connection; undefined when the process is to stop
 */
export async function awaitTemporal(parts: TemporalWait, first: unknown): Promise<NativeConnection | undefined> {
  const { connect, tell, clock, log, stopping, waiting, againMs = AGAIN_MS } = parts;
  const { signal } = stopping;
  let failed = first;
  let saidTime: number | undefined;
  let connection: NativeConnection | undefined;
  while (connection === undefined && !signal.aborted) {
    waiting();
    if (saidTime === undefined || Math.abs(clock() - saidTime) > SAID_AGAIN_MS) {
      saidTime = clock();
      log.error({ code: 'INFRA_TEMPORAL', error: String(failed) }, WITHOUT);
    }
    await tell().catch((error: unknown) =>
      log.warn({ error: String(error) }, 'that this process is without Temporal could not be told; it is told again'),
    );
    await wait(againMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    try {
      connection = await connect();
    } catch (error) {
      failed = error;
    }
  }
  if (connection !== undefined) log.warn('Temporal answers now');
  return connection;
}

const WITHOUT =
  'without Temporal: the account watch, its halts, /kill and alerts go on; nobody takes stops, fills and comparisons up until it answers, which is asked again and again';
