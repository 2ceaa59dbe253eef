import { parseCalendar, type CalendarEvent } from '../../core/calendar/calendar.js';
import { KeelsonError } from '../../core/errors.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { CalendarSource, CalendarStore } from '../ports/calendar.js';

export interface CalendarDependencies {
  readonly store: Pick<CalendarStore, 'save' | 'failed'>;
  /** What is configured; undefined: nothing is. */
  readonly calendar: { readonly sourceSha256: string; readonly source: CalendarSource } | undefined;
  readonly sha256: (text: string) => string;
}

/** How many events there are now, how many of them are marked; or why it could not be read. */
export type Refreshed =
  | { readonly kind: 'read'; readonly events: number; readonly marked: number }
  | { readonly kind: 'failed'; readonly detail: string }
  | { readonly kind: 'notConfigured' };

export interface CalendarActivities {
  calendarRefresh(): Promise<Refreshed>;
}

/** Reads the economic calendar. What cannot be read or understood changes nothing, and is told; the next time may be better. */
export function createCalendarActivities({ store, calendar, sha256 }: CalendarDependencies): CalendarActivities {
  return {
    calendarRefresh: mapped(
      beating(async (): Promise<Refreshed> => {
        if (calendar === undefined) return { kind: 'notConfigured' };
        const { sourceSha256, source } = calendar;
        let text: string;
        let events: readonly CalendarEvent[];
        try {
          text = await source.read();
          events = parseCalendar(text);
        } catch (error) {
          if (!(error instanceof KeelsonError) || error.failure.code !== 'DATA_CALENDAR') throw error;
          const detail = String(error.failure.values['detail']);
          await store.failed({ sourceSha256, failure: detail });
          return { kind: 'failed', detail };
        }
        try {
          const isSaved = await store.save({ sourceSha256, contentSha256: sha256(text), events });
          if (!isSaved) return { kind: 'notConfigured' };
        } catch (error) {
          // People are told, where the ledger still takes that; it is tried again all the same.
          const detail = error instanceof Error ? error.message : String(error);
          await store.failed({ sourceSha256, failure: `it was read and could not be stored: ${detail}` }).catch(() => undefined);
          throw error;
        }
        return { kind: 'read', events: events.length, marked: events.filter(({ isMarked }) => isMarked).length };
      }),
    ),
  };
}
