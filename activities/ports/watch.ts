import type { LatchScope } from '../../core/control/mode.js';
import type { Alert, Observation, Sample, WatchState } from '../../core/watch/sample.js';
import type { Step } from '../../core/watch/stretch.js';
import type { Figures } from '../../core/watch/performance.js';
import type { DecimalText } from '../../core/money/index.js';
import type { Quantities } from '../../core/watch/valuation.js';
import type { LimitRow } from '../../core/risk/limit-rows.js';

/** What a sample is decided on, as the database has it at one moment. */
export interface WatchInputs extends Pick<
  Observation,
  'now' | 'lastTime' | 'today' | 'mode' | 'hold' | 'latch' | 'unnotedHalt' | 'ledger' | 'booked'
> {
  /** Of the last sample; a new one is written over no other. */
  readonly version: string;
  readonly state: WatchState;
  readonly openOrders: number;
  /** The account's limits and its venue's, each in its newest version. */
  readonly limitRows: readonly LimitRow[];
  /** Of the last fill that `ledger` has: fills of an account are booked in this order. */
  readonly booking: string;
  /** When the last comparison with the venue began that came to an end, whatever it found. */
  readonly comparedTime: number;
  /** Only given where a halt over the account stands and nobody carries it out (P26). */
  readonly missingKill: MissingKill | undefined;
  /** Since anybody was answered, and saw a price, as the last sample told it, whoever made it; null: nobody ever; undefined before the first. */
  readonly seenAges: { readonly venueMs: number | null; readonly marketDataMs: number | null } | undefined;
  /** What positions that are not nothing are in, whatever the configuration says. */
  readonly held: readonly string[];
  /** The newest stored bar of each instrument, by whoever stored it. */
  readonly closes: Readonly<Record<string, { readonly price: DecimalText; readonly closeTime: number }>>;
}

/** A halt that nobody carries out. */
export interface MissingKill {
  /** The widest that stands over the account. */
  readonly scope: LatchScope;
  /** The latches that stand over it, as one name. */
  readonly of: string;
  /** When it was left alone, epoch ms by the database's clock. */
  readonly since: number;
}

export interface WatchedInstrument {
  readonly instrument: string;
  readonly intervalMs: number;
}

/** A sample with what follows from it, written in one statement. */
export interface WatchSample {
  readonly account: string;
  readonly version: string;
  /** When what it was decided on was read, by the database's clock. */
  readonly decidedTime: number;
  readonly quote: string;
  readonly state: WatchState;
  readonly equity: DecimalText | undefined;
  readonly figures: Figures | undefined;
  readonly exposure: DecimalText | undefined;
  /** What the equity was reckoned from beside `state`, so that it can be reckoned anew. */
  readonly booking: string;
  readonly ledger: WatchInputs['ledger'];
  readonly step: Step | undefined;
  readonly details: object;
  readonly mode: Sample['mode'];
  readonly outage: Sample['outage'];
  readonly audit: readonly { readonly kind: string; readonly data: object }[];
  readonly alerts: readonly Alert[];
}

/** The rows of the account watch. Every method is one statement. @throws KeelsonError INFRA_DATABASE. */
export interface WatchStore {
  /** Undefined where the account is not set up yet. */
  read(account: string, instruments: readonly WatchedInstrument[]): Promise<WatchInputs | undefined>;
  /** What each of our fills that were booked after one booking and up to another has moved, by asset, the latest first; the latest hundred at the most. */
  fillsBetween(account: string, after: string, upTo: string): Promise<readonly Quantities[]>;
  /**
   * False: another guardian wrote a sample meanwhile, or this one is of before a standstill, and it is dropped with everything that follows
   * from it.
   */
  write(sample: WatchSample): Promise<boolean>;
}

/** Which guardians live that watch an account. Every method is one statement. @throws KeelsonError INFRA_DATABASE. */
export interface WatcherStore {
  /** That this one does. @returns how many do, of each account, with it. */
  tell(accounts: readonly string[], watcher: string): Promise<Readonly<Record<string, number>>>;
  /** That this one does no more. */
  end(watcher: string): Promise<void>;
}

/** Of accounts that nobody watches. Every method is one statement. @throws KeelsonError INFRA_DATABASE. */
export interface WatchSilenceStore {
  /** The name of the moment since when an account has no sample: of the last one, or `never`; undefined where one is younger than that. */
  silentSince(account: string, silentForMs: number): Promise<string | undefined>;
  /** Raises an alert, once for each silence. */
  tellSilence(account: string, since: string): Promise<void>;
}
