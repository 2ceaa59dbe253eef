import { proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { CalendarActivities, Refreshed } from '../../../activities/calendar/index.js';
import { SEARCH_ATTRIBUTES } from '../../../core/search-attributes.js';
import { CALENDAR_REFRESH, told } from '../../activity-options.js';

const { calendarRefresh } = proxyActivities<CalendarActivities>(told(CALENDAR_REFRESH, 'reads the economic calendar'));

/** Reads the economic calendar anew. That it cannot be read is an answer: the gate knows how old what it has is. */
export async function refreshCalendar(): Promise<Refreshed> {
  const refreshed = await calendarRefresh();
  setCurrentDetails(toldOf(refreshed));
  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [refreshed.kind] });
  return refreshed;
}

function toldOf(refreshed: Refreshed): string {
  if (refreshed.kind === 'notConfigured') return '**not configured**';
  if (refreshed.kind === 'failed') return `**failed** ${refreshed.detail}`;
  return `**read** ${refreshed.events} events, ${refreshed.marked} of them marked`;
}
