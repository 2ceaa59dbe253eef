import type { Addresses } from '../home/run-file.js';

/** Where an instrument's prices come from, shown wherever the instrument is. `venue`: a venue of the user's own. */
export type PriceSource = 'recorded' | 'simulated' | 'venue';

export interface ShownInstrument {
  readonly instrument: string;
  readonly source: PriceSource;
}

/** A halt that stands over an account, or over a part of it. */
export interface ShownHalt {
  readonly account: string;
  /** Its scope: `account main`, `strategy momentum`, `everything`. */
  readonly what: string;
  readonly by: string;
  readonly reason: string;
  /** Whether what is held is sold, or stays with its stops. */
  readonly isSold: boolean;
}

/**
 * Everything that the launcher shows, on the screen as text and with `--json` as one object a line. `time` is epoch ms
 * of what happened. Money and quantities are decimal texts.
 */
export type LauncherEvent = { readonly time: number } & (
  | StepEvent
  | ReadyEvent
  | RunningElsewhereEvent
  | SignalEvent
  | OrderEvent
  | FillEvent
  | EquityEvent
  | ModeEvent
  | NoticeEvent
  | RestartEvent
  | ErrorEvent
  | StoppedEvent
);

/** The shape is that of the steps before (`scripts/bootstrap/report.mjs`), so that one reader understands both. */
export interface StepEvent {
  readonly event: 'step';
  /** Short name, stable: `postgres`, `temporal`, `stop trading`. */
  readonly step: string;
  readonly state: 'started' | 'progress' | 'done' | 'failed';
  /** What is being done, or what came of it. */
  readonly message: string;
  readonly elapsedMs: number;
}

export interface ReadyEvent {
  readonly event: 'ready';
  readonly addresses: Addresses;
  readonly home: string;
  /** Mode of each account. */
  readonly modes: Readonly<Record<string, string>>;
  /** What stands over them, whatever their mode. */
  readonly halts: readonly ShownHalt[];
  readonly instruments: readonly ShownInstrument[];
  /** As whom one can act from this home; the owner first. */
  readonly people: readonly { readonly person: string; readonly roles: readonly string[] }[];
  /** From the start of the launcher. */
  readonly elapsedMs: number;
}

/** A second start: the first one runs there. */
export interface RunningElsewhereEvent {
  readonly event: 'running';
  readonly home: string;
  readonly pid: number;
  /** Absent while the first one is still starting. */
  readonly addresses?: Addresses;
}

export interface SignalEvent {
  readonly event: 'signal';
  readonly account: string;
  readonly strategy: string;
  readonly instrument: string;
  /** `open` or `close`. */
  readonly leg: string;
  readonly traded: boolean;
  /** Why it was not traded; empty when it was. */
  readonly reasons: readonly string[];
  readonly score?: string;
  readonly threshold?: string;
}

export interface OrderEvent {
  readonly event: 'order';
  readonly account: string;
  /** Status of the order after this event: `authorised`, `accepted`, `filled`, … */
  readonly status: string;
  readonly clientOrderId: string;
  /** entry, exit, stop or escape. */
  readonly purpose?: string;
  readonly instrument?: string;
  readonly side?: string;
  readonly quantity?: string;
  /** The limit; of a stop, the price at which it wakes. */
  readonly price?: string;
  readonly reasons: readonly string[];
}

export interface FillEvent {
  readonly event: 'fill';
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string;
  readonly fee?: string;
  readonly feeAsset?: string;
  readonly clientOrderId?: string;
}

export interface EquityEvent {
  readonly event: 'equity';
  readonly account: string;
  readonly equity: string;
  readonly quote?: string;
  /** Change since the first equity of this run. */
  readonly change?: string;
}

export interface ModeEvent {
  readonly event: 'mode';
  readonly account: string;
  readonly mode: string;
  readonly from?: string;
  readonly reason?: string;
  readonly by?: string;
}

/** Something else worth a line: a gap in the bars, an incident. */
export interface NoticeEvent {
  readonly event: 'notice';
  readonly kind: string;
  readonly account?: string;
  readonly message: string;
}

export interface RestartEvent {
  readonly event: 'restart';
  readonly child: string;
  readonly reason: string;
  readonly afterMs: number;
  readonly count: number;
}

export interface ErrorEvent {
  readonly event: 'error';
  readonly code: string;
  readonly message: string;
}

export interface StoppedEvent {
  readonly event: 'stopped';
  readonly reason: string;
  readonly exitCode: number;
  readonly elapsedMs: number;
}
