import { performance } from 'node:perf_hooks';
import type { Pace } from './schedule.js';

/** Epoch ms with its fractions, the same in every process of a machine. */
export const now = (): number => performance.timeOrigin + performance.now();

/** What the venue's process saw. */
export interface VenueStamps {
  readonly type: 'venueStamps';
  /** Bar-closing frames as they left: `INSTRUMENT closeTime` and when. */
  readonly frames: readonly (readonly [bar: string, at: number])[];
  /** Order requests as they arrived: client order id and when. */
  readonly posts: readonly (readonly [clientOrderId: string, at: number])[];
}

/** One signal in the trading process, epoch ms. What did not happen is missing. */
export interface SignalStamps {
  readonly bar: string;
  readonly workflowId: string;
  readonly clientOrderId: string;
  stepBegun: number;
  startCalled?: number;
  startAnswered?: number;
  entered?: number;
  authorised?: number;
  begun?: number;
  /** Statements sent to Postgres by the step that authorises and submits, and between the frame and the start. */
  statements: number;
  statementsBeforeStart: number;
  /** Connections begun and writes to them, to whomever but Temporal, between the frame and the start. */
  socketsBeforeStart: number;
}

export interface FloorStamps {
  readonly startCalled: number;
  readonly startAnswered: number;
  readonly entered: number;
  /** Two statements that each write and do nothing are answered, one after the other. */
  readonly written: number;
}

export interface WorkerStamps {
  readonly type: 'workerStamps';
  readonly signals: readonly SignalStamps[];
  readonly floors: readonly FloorStamps[];
  /** When each opening signal was begun, sent or not. */
  readonly begun: readonly number[];
  /** Intents whose step ran more than once. */
  readonly ranAgain: readonly string[];
}

/** To venue and worker: the pace from now on. */
export interface PaceMessage {
  readonly type: 'pace';
  readonly pace: Pace;
}

export const barKey = (instrument: string, closeTime: number): string => `${instrument} ${closeTime}`;
