import type { Command } from 'commander';
import type { Run, RunPart, ShownPlan } from '../../api/read/runbooks.js';
import type { Action } from '../../core/people/actions.js';
import { RUNBOOK_SPECS } from '../../core/runbook/registry.js';
import { RUNBOOKS } from '../../core/runbook/spec.js';
import type { RunCommandKind } from '../../core/runbook/status.js';
import { addApiCommand, answers, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { onlyAccount } from '../only-account.js';
import { plainText, planLines } from '../plan-text.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface ListOptions extends ApiOptions {
  readonly account?: string;
  readonly limit: string;
}
interface AskOptions extends ApiOptions {
  readonly account?: string;
  readonly run?: string;
  readonly reason: string;
}
interface PlanOptions extends ApiOptions {
  readonly account?: string;
}
interface AskedPlan extends Pick<Run, 'runId' | 'runbook' | 'account'> {
  readonly planSha256: string;
  readonly needsApproval: boolean;
  readonly plan: ShownPlan;
}
interface TellOptions extends ApiOptions {
  readonly reason: string;
}

const COLUMNS: readonly Column<Run>[] = [
  { title: 'run', value: ({ runId }) => runId },
  { title: 'account', value: ({ account }) => account },
  { title: 'runbook', value: ({ runbook }) => runbook },
  { title: 'asked', value: ({ askedTime }) => timeText(askedTime) },
  { title: 'by', value: ({ subject }) => subject ?? 'Keelson' },
  { title: 'status', value: ({ status }) => status },
  { title: '', value: ({ detail }) => detail ?? '' },
];
const TELLING: readonly (readonly [RunCommandKind, Action, string, hasStep: boolean])[] = [
  ['pause', 'tellRunbook', 'let a run end the step that it is at, and begin no other', false],
  ['resume', 'tellRunbook', 'let a paused run go on', false],
  ['abort', 'tellRunbook', 'end a run, and take back what it did', false],
  ['retry', 'tellRunbook', 'do a failed step again', true],
  ['skip', 'skipStep', 'leave a failed or unsigned step out', true],
  ['sign', 'signStep', 'sign a step that a person has to look at', true],
];

/** `keelson runbooks …`: what can be run, what was, and what a run is told. */
export function addRunbooks(program: Command, terminal: Terminal, finish: Finish): void {
  const known = RUNBOOKS.map((name) => `  ${name}  ${RUNBOOK_SPECS[name].title}`).join('\n');
  const runbooks = program
    .command('runbooks')
    .description('what is done step by step, with records')
    .addHelpText('after', `\nRunbooks:\n${known}`);
  const list = addApiCommand(runbooks, 'list', 'runs, newest first', 'read')
    .option('--account <id>', 'only this account')
    .option(...LIMIT);
  answers(list, terminal, finish, async ({ account, limit, ...options }: ListOptions) => {
    const data = await connect(terminal, options).get<{ runs: Run[] }>('/v1/runbooks', {
      limit,
      ...(account === undefined ? {} : { account }),
    });
    return { data, text: table(data.runs, COLUMNS, 'Nothing was run.') };
  });

  const show = addApiCommand(runbooks, 'show', 'one run, with what each step did', 'read').argument(
    '<run>',
    'its id, of keelson runbooks list',
  );
  answers(show, terminal, finish, async (options: ApiOptions, runId: string) => {
    const data = await connect(terminal, options).get<{ run: Run; plan: ShownPlan | null; parts: RunPart[] }>('/v1/runbooks/run', {
      runId,
    });
    const { run, plan, parts } = data;
    const planned = plan === null ? [] : [`Plan ${run.planSha256}:`, ...planLines(plan), 'Done:'];
    return { data, text: [runText(run), ...planned, ...parts.map(partText), ''].join('\n') };
  });

  const plan = addApiCommand(runbooks, 'plan', 'tell what a runbook would do now; nothing is changed', 'askRunbook')
    .argument('<runbook>', RUNBOOKS.join(' or '))
    .option('--account <id>', 'the account; may be left out where there is only one');
  answers(plan, terminal, finish, async ({ account, ...options }: PlanOptions, runbook: string) => {
    const api = connect(terminal, options);
    const body = { runbook, account: account ?? (await onlyAccount(api)), runId: terminal.newId() };
    const data = await api.post<AskedPlan>('/v1/runbooks/plan', body);
    return { data, text: planText(data) };
  });

  const ask = addApiCommand(runbooks, 'run', 'ask for a runbook', 'askRunbook')
    .argument('<runbook>', RUNBOOKS.join(' or '))
    .option('--account <id>', 'the account; may be left out where there is only one')
    .option('--run <uuid>', 'the id of a run that was asked for and not started: start it')
    .requiredOption('--reason <text>', 'why');
  answers(ask, terminal, finish, async ({ account, run, reason, ...options }: AskOptions, runbook: string) => {
    const api = connect(terminal, options);
    const body = { runbook, account: account ?? (await onlyAccount(api)), runId: run ?? terminal.newId(), reason };
    const data = await api.post<Run>('/v1/runbooks/run', body);
    return { data, text: `${runText(data)}\n` };
  });

  for (const [kind, action, summary, hasStep] of TELLING) {
    const command = addApiCommand(runbooks, kind, summary, action).argument('<run>', 'its id');
    if (hasStep) command.argument('<step>', 'its number, as it was seen');
    command.requiredOption('--reason <text>', 'why');
    answers(command, terminal, finish, async ({ reason, ...options }: TellOptions, runId: string, step?: string) => {
      const data = await connect(terminal, options).post(`/v1/runbooks/${kind}`, {
        ...{ runId, reason, commandId: terminal.newId() },
        ...(hasStep ? { step: Number(step) } : {}),
      });
      return { data, text: `Told: ${kind}. See keelson runbooks show ${harmless(runId)}.\n` };
    });
  }
}

function runText({ runId, runbook, account, subject, askedTime, status, detail, reason }: Run): string {
  const who = subject ?? 'Keelson';
  const told = `${runbook} of ${account}, asked by ${who} at ${timeText(askedTime)} UTC (${reason}): ${status}${detail === null ? '' : `, ${detail}`}`;
  return `${harmless(told)}\n${harmless(runId)}`;
}

function planText({ runId, runbook, account, planSha256, needsApproval, plan }: AskedPlan): string {
  const next = `keelson runbooks run ${runbook} --account ${account} --run ${runId} --reason …`;
  const second = needsApproval ? 'Another person has to approve it: keelson approvals.' : 'Nobody else has to approve it.';
  return [
    harmless(`${runbook} of ${account}, version ${plan.version}: what it would do now. Nothing was changed.`),
    ...planLines(plan),
    harmless(`Plan ${planSha256}. ${second}`),
    harmless(next),
    '',
  ].join('\n');
}

/** One part, and below it what it has left for people. */
function partText({ step, name, part, attempt, actor, outcome, detail, output, durationMs }: RunPart): string {
  const took = durationMs === null ? '' : `, ${durationMs} ms`;
  const tries = attempt === 1 ? '' : `, try ${attempt}`;
  const line = `  ${step} ${name}: ${part} ${outcome ?? 'begun'}${tries} by ${actor}${took}${detail === null ? '' : `: ${detail}`}`;
  return [line, ...outputLines(output)].map(harmless).join('\n');
}

/** Lists by the line, the rest in one line each. */
function outputLines(output: RunPart['output']): readonly string[] {
  return Object.entries(output ?? {}).flatMap(([name, value]) => {
    if (!Array.isArray(value)) return [`    ${name}: ${plainText(value)}`];
    return value.length === 0 ? [`    ${name}: none`] : [`    ${name}:`, ...value.map((row: unknown) => `      ${plainText(row)}`)];
  });
}
