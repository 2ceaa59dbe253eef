import type { ExecutionPolicy } from '../../../core/execution/policy.js';
import type { FaultName } from '../../../exchange/faults/rule.js';
import type { Lane } from './lane.js';

/**
 * Where in an order's life a fault strikes. `submit`: an entry's; `submitExit`: an exit's. `lookUp`: by the order's id; `lookUpFills`,
 * `lookUpClock`: what a look-up asks besides.
 */
export type Operation =
  | 'submit'
  | 'submitExit'
  | 'lookUp'
  | 'lookUpFills'
  | 'lookUpClock'
  | 'cancel'
  | 'stream'
  | 'stopPlace'
  | 'stopCancel'
  | 'stopWake';

/** When something is done to the venue: before the entry is sent; while it rests; when a position is booked; when its stop rests. */
export type Moment = 'before' | 'working' | 'held' | 'protected';

/**
 * How the position is left. `exitAtOnce`: the exit is asked for without waiting for the stop. `exitWhenStruck`: in the
 * moment of the fault. `gap`: the price jumps through the stop and its limit.
 */
export type Ending = 'exit' | 'exitAtOnce' | 'exitWhenStruck' | 'stopReached' | 'gap';

/** A fault rule as the admin port takes it. */
export type Rule = { readonly fault: FaultName } & Readonly<Record<string, string | number>>;

/** One account's story: a position is opened, protected, and left again, and something goes wrong on the way. */
export interface Plan {
  readonly execution: ExecutionPolicy;
  readonly signalValidForMs: number;
  /** In which asset the venue takes its fees; `received` is the base of a purchase. */
  readonly feeAsset: 'received' | 'quote' | 'BNB';
  readonly stop: 'stopMarket' | 'stopLimit';
  /** The fault; it must strike at least once. */
  readonly rules: readonly Rule[];
  /** Faults that only bring the order to where the fault can strike. */
  readonly helpers: readonly Rule[];
  /** Prices play and a bar stream runs. */
  readonly bars: boolean;
  readonly acts: Partial<Record<Moment, (lane: Lane) => Promise<void>>>;
  readonly ending: Ending;
}

/** A story without a fault, at the market. */
export const CALM: Plan = {
  execution: { kind: 'market' },
  signalValidForMs: 20_000,
  feeAsset: 'received',
  stop: 'stopMarket',
  rules: [],
  helpers: [],
  bars: false,
  acts: {},
  ending: 'exit',
};
