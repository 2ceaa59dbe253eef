import type { Command } from 'commander';
import type { Incident } from '../../api/read/incidents.js';
import { CommandFailure, EXIT } from '../exit.js';
import { addApiCommand, answers, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';
import { onlyAccount } from '../only-account.js';

interface ListOptions extends ApiOptions {
  readonly all?: boolean;
  readonly account?: string;
  readonly limit: string;
}
interface CloseOptions extends ApiOptions {
  readonly reason: string;
}
interface BlockOptions extends CloseOptions {
  readonly account?: string;
}

const LINE = 200;

const COLUMNS: readonly Column<Incident>[] = [
  { title: 'incident', value: (incident) => incident.incidentId, align: 'right' },
  { title: 'account', value: (incident) => incident.account },
  { title: 'what', value: (incident) => incident.kind },
  { title: 'since', value: (incident) => timeText(incident.openedTime) },
  { title: 'closed', value: (incident) => (incident.closedTime === null ? '–' : timeText(incident.closedTime)) },
  { title: 'seen', value: seenText },
];

/** In a line; `incidents show` has all of it. The summary is left out by an API of a build before. */
function seenText({ summary, kind }: Omit<Incident, 'summary'> & Partial<Pick<Incident, 'summary'>>): string {
  const text = harmless(summary ?? kind);
  return text.length <= LINE ? text : `${text.slice(0, LINE - 1)}…`;
}

/** `keelson incidents …`, `keelson block` and `keelson unblock`: what waits for a person. */
export function addIncidents(program: Command, terminal: Terminal, finish: Finish): void {
  const incidents = program.command('incidents').description('what waits for a person');
  const list = addApiCommand(incidents, 'list', 'incidents that are open, newest first', 'read')
    .option('--all', 'also those that are closed')
    .option('--account <id>', 'only this account')
    .option(...LIMIT);
  answers(list, terminal, finish, async ({ all, account, limit, ...options }: ListOptions) => {
    const query = { limit, ...(all ? { all: 'true' } : {}), ...(account === undefined ? {} : { account }) };
    const data = await connect(terminal, options).get<{ incidents: Incident[] }>('/v1/incidents', query);
    const isOpen = data.incidents.some(({ closedTime }) => closedTime === null);
    const how =
      'All that was seen: keelson incidents show <incident>. An incident stays until a person has looked into it: keelson incidents close <incident> --reason …\n';
    return { data, text: `${table(data.incidents, COLUMNS, 'No incident is open.')}${isOpen ? how : ''}` };
  });

  const show = addApiCommand(incidents, 'show', 'one incident, with all that was seen', 'read').argument('<incident>', 'its number');
  answers(show, terminal, finish, async (options: ApiOptions, incidentId: string) => {
    const data = await connect(terminal, options).get<{ incidents: Incident[] }>('/v1/incidents', { incidentId });
    const [incident] = data.incidents;
    if (incident === undefined)
      throw new CommandFailure(EXIT.refused, `There is no incident ${incidentId}. See keelson incidents list --all.`);
    const { account, kind, summary, openedTime, closedTime } = incident;
    const closed = closedTime === null ? 'open' : `closed at ${timeText(closedTime)} UTC`;
    const seen = JSON.stringify(incident.data, null, 2).split('\n').map(harmless).join('\n');
    return {
      data: { incident },
      text: `${harmless(`Incident ${incidentId} in ${account}: ${kind}, since ${timeText(openedTime)} UTC, ${closed}`)}\n${harmless(summary)}\n${seen}\n`,
    };
  });

  const close = addApiCommand(incidents, 'close', 'close an incident that was looked into', 'closeIncident')
    .argument('<incident>', 'its number')
    .requiredOption('--reason <text>', 'what was found');
  answers(close, terminal, finish, async ({ reason, ...options }: CloseOptions, incidentId: string) => {
    const data = await connect(terminal, options).post('/v1/incidents/close', { incidentId, reason });
    return { data, text: `Incident ${harmless(incidentId)} is closed.\n` };
  });

  for (const [kind, summary, outcome] of [
    ['block', 'let no entry of an instrument pass any more; exits and stops go on', 'no entry passes any more'],
    ['unblock', 'let entries of an instrument pass again', 'entries pass again'],
  ] as const) {
    const command = addApiCommand(program, kind, summary, kind)
      .argument('<instrument>', 'such as BTC/USDT')
      .option('--account <id>', 'the account; may be left out where there is only one')
      .requiredOption('--reason <text>', 'why');
    answers(command, terminal, finish, async ({ reason, account, ...options }: BlockOptions, instrument: string) => {
      const api = connect(terminal, options);
      const body = { account: account ?? (await onlyAccount(api)), instrument, reason };
      const data = await api.post(`/v1/instruments/${kind}`, body);
      return { data, text: `${harmless(instrument)} in ${harmless(body.account)}: ${outcome}.\n` };
    });
  }
}
