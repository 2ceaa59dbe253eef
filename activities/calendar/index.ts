import { parseCalendar, type CalendarEvent } from '../../core/calendar/calendar.js';
import { KeelsonError } from '../../core/errors.js';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { CalendarSource, CalendarStore } from '../ports/calendar.js';

export interface CalendarDependencies {
  readonly store: Pick<CalendarStore, 'save' | 'failed' | 'source'>;
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

/**
 * So often a reading is offered to other workers: soon one after the other at first, since a guardian that has the calendar may poll beside us,
 * then for some seven minutes at leisure. In a rolling deployment another process of the newest start configures its calendar before its
 * guardian is there, which then reads it at once and ends this reading: nobody is paged for what mends itself, and entries wait meanwhile
 * where nothing is known. All of it fits into the time that a reading has.
 */
const SOON = 20;
const OFFERS = SOON + 28;
const SOON_MS = 1_000;
const LATER_MS = 15_000;

/** Reads the economic calendar. What cannot be read or understood changes nothing, and is told; the next time may be better. */
export function createCalendarActivities({ store, calendar, sha256 }: CalendarDependencies): CalendarActivities {
  return {
    calendarRefresh: mapped(
      beating(async (): Promise<Refreshed> => {
        const configured = await store.source();
        if (configured === undefined) return { kind: 'notConfigured' };
        if (configured !== calendar?.sourceSha256) {
          // Whoever is left of an older start has another one: what it reads would be an answer to nothing.
          const { attempt } = Context.current().info;
          if (attempt < OFFERS) throw offered(attempt < SOON ? SOON_MS : LATER_MS);
          const detail = 'no guardian runs that is configured with it';
          await store.failed({ sourceSha256: configured, failure: detail });
          return { kind: 'failed', detail };
        }
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

/** Ends the activity so that another worker may take it up. */
const offered = (nextRetryDelay: number): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'CALENDAR_OF_ANOTHER_START',
    message: 'this process is configured with another calendar than the one there is; the reading is offered to the others',
    nextRetryDelay,
  });
