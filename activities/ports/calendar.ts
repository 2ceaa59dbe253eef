import type { CalendarEvent } from '../../core/calendar/calendar.js';

/** Which calendar is configured, and what it blocks. */
export interface CalendarSettings {
  /** Of the file or address, which may hold a secret. */
  readonly sourceSha256: string;
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly maxAgeMs: number;
}

/** Where the calendar comes from. @throws KeelsonError DATA_CALENDAR */
export interface CalendarSource {
  read(): Promise<string>;
}

/** The calendar in Postgres; every change is heard of by whoever holds the risk state. @throws KeelsonError INFRA_DATABASE */
export interface CalendarStore {
  /**
   * `null`: none is configured, and what was known of one is dropped.
   * @param by the start of the system to which the process belongs, undefined: to none that is known; and its build
   * @returns `older`: a newer start has configured another one, which stays
   */
  configure(
    settings: CalendarSettings | null,
    by: { readonly start: string | undefined; readonly build: string },
  ): Promise<'same' | 'configured' | 'older'>;
  /** Which source is configured, as its hash; undefined: there is none. */
  source(): Promise<string | undefined>;
  /** Takes the place of all that was there. `false`: another source is configured meanwhile. */
  save(read: {
    readonly sourceSha256: string;
    readonly contentSha256: string;
    readonly events: readonly CalendarEvent[];
  }): Promise<boolean>;
  failed(told: { readonly sourceSha256: string; readonly failure: string }): Promise<void>;
}
