import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import type { CalendarSettings, CalendarSource } from '../../activities/ports/calendar.js';
import { calendarAddress, calendarFile } from '../../adapters/storage/calendar-source.js';
import type { Config } from '../../config/index.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { CALENDAR_WORKFLOW_ID, TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';

const MINUTE_MS = 60_000;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface ConfiguredCalendar extends CalendarSettings {
  readonly source: CalendarSource;
}

/** What the configuration says of an economic calendar. @param file the configuration's own, to whose folder a path is relative. */
export function configuredCalendar({ calendar }: Pick<Config, 'calendar'>, file: string): ConfiguredCalendar | undefined {
  if (calendar === undefined) return undefined;
  const { source, blockMinutesBefore, blockMinutesAfter, maxAgeMinutes } = calendar;
  const isAddress = /^https?:\/\//.test(source);
  const path = resolve(dirname(resolve(file)), source);
  return {
    source: isAddress ? calendarAddress(source) : calendarFile(path),
    sourceSha256: sha256(isAddress ? source : path),
    beforeMs: blockMinutesBefore * MINUTE_MS,
    afterMs: blockMinutesAfter * MINUTE_MS,
    maxAgeMs: maxAgeMinutes * MINUTE_MS,
  };
}

/**
 * Has the calendar read at once. A reading that is under way is begun anew: it may be of the calendar of a start before, or have been
 * left by a guardian that was killed, and it keeps nothing that the new one does not read.
 */
export async function refreshCalendarNow(client: Client, taskQueue: string = TASK_QUEUES.guardian): Promise<void> {
  await client.workflow.start(WORKFLOW_TYPES.refreshCalendar, {
    taskQueue,
    workflowId: CALENDAR_WORKFLOW_ID,
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    args: [],
    searchAttributes: { [SEARCH_ATTRIBUTES.status]: ['running'] },
    staticSummary: 'economic calendar',
  });
}
