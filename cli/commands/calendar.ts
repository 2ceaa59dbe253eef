import type { Command } from 'commander';
import type { CalendarAnswer } from '../../api/routes/calendar.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

type Event = NonNullable<CalendarAnswer['calendar']>['events'][number];

const COLUMNS: readonly Column<Event>[] = [
  { title: 'time', value: ({ time }) => timeText(time) },
  { title: 'event', value: ({ title }) => title },
  { title: 'currency', value: ({ currency }) => currency ?? '–' },
  { title: 'instruments', value: ({ instruments }) => instruments?.join(', ') ?? 'all' },
];
const minutes = (ms: number): string => `${Math.floor(ms / 60_000)} min`;

/** `keelson calendar`: the economic calendar, around whose marked events nothing is entered. */
export function addCalendar(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'calendar', 'marked events of the next 24 hours, around which nothing is entered', 'read');
  answers(command, terminal, finish, async (options: ApiOptions) => {
    const data = await connect(terminal, options).get<CalendarAnswer>('/v1/calendar');
    return { data, text: textOf(data) };
  });
}

function textOf({ calendar }: CalendarAnswer): string {
  if (calendar === null) return 'No economic calendar is configured: no entry is denied because of an event.\n';
  const { ageMs, maxAgeMs, failure, beforeMs, afterMs, events } = calendar;
  const age =
    ageMs === null ? 'not read yet: entries are denied' : `read ${minutes(ageMs)} ago${ageMs > maxAgeMs ? ': entries are denied' : ''}`;
  const failed = failure === null ? '' : `It could not be read last: ${harmless(failure)}\n`;
  const blocks = `Nothing is entered from ${minutes(beforeMs)} before to ${minutes(afterMs)} after a marked event.\n`;
  return `${age}\n${failed}${blocks}${table(events, COLUMNS, 'No marked event within 24 hours.')}`;
}
