import type { LimitRow } from '../risk/limit-rows.js';
import type { LeftDifference } from './left.js';

/** What the daily checks look at, as the database tells it. Ages are milliseconds by its clock; null: not known. */
export interface CheckFacts {
  readonly mode: string;
  /** In words, where a halt stands over the account. */
  readonly halt: string | null;
  readonly blocked: readonly string[];
  /** Strategies that may not enter. */
  readonly disabled: readonly string[];
  /** Errors and criticals that nobody has acknowledged. */
  readonly alerts: readonly { readonly alertId: string; readonly kind: string }[];
  /** Errors and criticals since the last morning that are over or acknowledged, the oldest first; `raisedTime`: ms since the epoch, the last time. */
  readonly pastAlerts: readonly {
    readonly alertId: string;
    readonly kind: string;
    readonly summary: string;
    readonly raisedTime: number;
  }[];
  readonly incidents: readonly { readonly incidentId: string; readonly kind: string }[];
  /** Since the last comparison with the venue that found the account clean began. */
  readonly cleanAgeMs: number | null;
  /** Differences that wait for a person. */
  readonly differences: readonly { readonly differenceId: string; readonly class: string }[];
  readonly left: readonly LeftDifference[];
  readonly watch: {
    readonly ageMs: number;
    readonly equityAgeMs: number | null;
    /** What its last samples have shown: losses, silence of the venue or of prices, what is not known. */
    readonly conditions: readonly string[];
    readonly venueMs: number | null;
    readonly clockSkewMs: number | null;
  } | null;
  readonly positions: number;
  readonly unprotected: readonly { readonly strategy: string; readonly instrument: string }[];
  readonly account: string;
  readonly venue: string;
  readonly limitRows: readonly LimitRow[];
  readonly overrides: number;
  /** Since the last evening on which they were found in order, and of the last 24 hours in any case. */
  readonly signals: { readonly traded: number; readonly notTraded: number; readonly withoutOrder: readonly string[] };
  readonly unresolved: readonly { readonly intentId: string; readonly status: string }[];
  /** Orders that ended since then, by the same rule, with other fills than the venue executed. */
  readonly misbooked: readonly string[];
}

/** The economic calendar, where one is configured. */
export interface CalendarFacts {
  /** Null: it was not read yet. */
  readonly ageMs: number | null;
  readonly maxAgeMs: number;
  /** Why it could not be read last; null: it could. */
  readonly failure: string | null;
  /** Marked ones of the next 24 hours. */
  readonly events: readonly { readonly time: number; readonly title: string; readonly instruments: readonly string[] | null }[];
}

/** How the chat is read in which people may halt. */
export interface ChatFacts {
  /** Contested: others read there, too, and what is written may reach them alone. */
  readonly state: 'read' | 'silent' | 'contested';
  /** Ms since the epoch, by the database’s clock; null: never. */
  readonly readTime: number | null;
  /** Why it could not be read last. */
  readonly failure: string | null;
}

/** What is done by the clock for an account, as Temporal has it. */
export interface ScheduleFacts {
  readonly id: string;
  /** Null: it is not there. */
  readonly state: { readonly isPaused: boolean; readonly note: string; readonly missed: number; readonly skipped: number } | null;
}

/** A copy of the database of before an upgrade; its age is null where that is not known. */
export interface CopyFacts {
  readonly name: string;
  readonly ageMs: number | null;
}

/** Free and whole space of the disk on which this instance keeps what it stores, bytes. */
export interface DiskFacts {
  readonly freeBytes: number;
  readonly wholeBytes: number;
}
