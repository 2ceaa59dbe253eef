import type { Command } from 'commander';
import { askedText } from '../../core/people/asked-text.js';
import type { ApiClient } from '../api-client.js';
import { requestLines, stateText, type ShownRequest } from '../approval-text.js';
import { addApiCommand, answers, COMPARED_LIMIT_MS, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { changedMode, type ChangedMode } from '../halted.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface ListOptions extends ApiOptions {
  readonly all?: boolean;
  readonly limit: string;
}
/** Left out by an API of a build before. */
type Decided = ShownRequest & { readonly inForce?: Omit<ChangedMode, 'account'> | null };
interface DecideOptions extends ApiOptions {
  readonly reason: string;
  readonly yes?: boolean;
}

const COLUMNS: readonly Column<ShownRequest>[] = [
  { title: 'request', value: (request) => request.requestId },
  { title: 'what', value: askedText },
  { title: 'asked by', value: (request) => request.requestedBy },
  { title: 'why', value: (request) => request.reason },
  { title: 'until', value: (request) => timeText(request.expiresTime) },
  { title: 'state', value: stateText },
  {
    title: 'decided by',
    value: (request) => request.decisions.map(({ subject, decision }) => `${subject}: ${decision}`).join(', ') || '–',
  },
];

/** `keelson approvals …`: what one person asked for and another decides. */
export function addApprovals(program: Command, terminal: Terminal, finish: Finish): void {
  const approvals = program.command('approvals').description('what needs a second person');

  const list = addApiCommand(approvals, 'list', 'requests that wait for a second person', 'read')
    .option('--all', 'also those that are over')
    .option(...LIMIT);
  answers(list, terminal, finish, async ({ all, limit, ...options }: ListOptions) => {
    const { requests } = await connect(terminal, options).get<{ requests: ShownRequest[] }>('/v1/approvals', { limit });
    const shown = all ? requests : requests.filter(({ state }) => state === 'pending' || state === 'approved');
    return { data: { requests: shown }, text: table(shown, COLUMNS, 'Nothing waits for a second person.') };
  });

  for (const [kind, summary] of [
    ['approve', 'approve what another person asked for; it is then carried out'],
    ['refuse', 'refuse what another person asked for, for ever'],
  ] as const) {
    const command = addApiCommand(approvals, kind, summary, 'decideApproval')
      .argument('<request>', 'its id')
      .requiredOption('--reason <text>', 'why')
      .option('--yes', 'do not ask');
    answers(command, terminal, finish, async ({ reason, yes, ...options }: DecideOptions, requestId: string) => {
      const api = connect(terminal, options, COMPARED_LIMIT_MS);
      const request = await lookedAt(api, requestId);
      if (!yes) await confirm(terminal, kind, request);
      const data = await api.post<Decided>(`/v1/approvals/${kind}`, { requestId, payloadHash: request.payloadHash, reason });
      const text = `${harmless(`${data.action} ${data.account ?? ''}`.trim())}, asked by ${data.requestedBy}: ${stateText(data)}.\n`;
      if (data.inForce === null || data.inForce === undefined || data.account === null) return { data, text };
      // What is in force is another thing than what was approved: under a halt nothing goes on.
      const came = changedMode({ account: data.account, ...data.inForce }, true);
      return { ...came, data, text: text + came.text };
    });
  }
}

async function lookedAt(api: ApiClient, requestId: string): Promise<ShownRequest> {
  const { requests } = await api.get<{ requests: ShownRequest[] }>('/v1/approvals', { requestId });
  const [request] = requests;
  if (request === undefined) throw new CommandFailure(EXIT.refused, `There is no request ${requestId}. See keelson approvals list.`);
  return request;
}

/** What is decided is shown first, whole. @throws CommandFailure when nobody can be asked, or the answer is not yes. */
async function confirm(terminal: Terminal, kind: string, request: ShownRequest): Promise<void> {
  const what = requestLines(request).map(harmless).join('\n  ');
  if (terminal.ask === undefined) {
    throw new CommandFailure(EXIT.usage, `${what}\nNobody can be asked here: repeat it with --yes.`);
  }
  const answer = await terminal.ask(`${what}\nType yes to ${kind} it: `);
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailure(EXIT.refused, 'Nothing was decided.');
}
