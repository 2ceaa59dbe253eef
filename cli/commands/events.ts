import type { Command } from 'commander';
import type { EventRow } from '../../api/read/events.js';
import { addApiCommand, answers, connect, LIMIT, wholeNumber, type ApiOptions, type Finish } from '../command.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface EventOptions extends ApiOptions {
  readonly account?: string;
  readonly kind?: string;
  readonly after?: string;
  readonly limit: string;
}

const COLUMNS: readonly Column<EventRow>[] = [
  { title: 'id', align: 'right', value: (event) => event.id },
  { title: 'time', value: (event) => timeText(event.time) },
  { title: 'kind', value: (event) => event.kind },
  { title: 'account', value: (event) => event.account ?? '–' },
  { title: 'by or about', value: (event) => event.subject ?? '–' },
  { title: 'data', value: (event) => JSON.stringify(event.data) },
];

/** `keelson events`: the audit, oldest first. */
export function addEvents(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'events', 'the audit: the last events, or those after one', 'read')
    .option('--after <id>', 'id of the last event seen: what followed it, oldest first', wholeNumber(0, 999_999_999_999_999))
    .option('--account <name>', 'only this account')
    .option('--kind <kind>', 'only this kind, such as order.filled')
    .option(...LIMIT);
  answers(command, terminal, finish, async ({ account, kind, after, limit, ...options }: EventOptions) => {
    const data = await connect(terminal, options).get<{ events: EventRow[]; kinds?: string[] }>('/v1/events', {
      account,
      kind,
      after,
      limit,
      latest: after === undefined ? 'true' : undefined,
    });
    const { kinds } = data;
    const nothing =
      kind === undefined || kinds === undefined
        ? 'No events.'
        : `No events of kind ${harmless(kind)}${kinds.includes(kind) ? ' there' : `. Kinds of the newest events: ${harmless(kinds.join(', ')) || 'none'}`}.`;
    return { data, text: table(data.events, COLUMNS, nothing) };
  });
}
