import { setTimeout as wait } from 'node:timers/promises';
import { Argument, Option, type Command } from 'commander';
import type { Difference, Run } from '../../api/read/reconciliations.js';
import { DECISIONS } from '../../core/reconcile/difference.js';
import type { ApiClient } from '../api-client.js';
import { addApiCommand, answers, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { EXIT } from '../exit.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface RunOptions extends ApiOptions {
  readonly account?: string;
  readonly deep?: boolean;
}
interface ListOptions extends ApiOptions {
  readonly account?: string;
  readonly all?: boolean;
  readonly limit: string;
}
interface DecideOptions extends ApiOptions {
  readonly reason: string;
  readonly strategy?: string;
}
interface Listed {
  readonly runs: readonly Run[];
  readonly differences: readonly Difference[];
}

const LOOK_AGAIN_MS = 500;
/** A run that waits for another, or for its venue, ends by itself. */
const LONGEST_MS = 150_000;

const RUNS: readonly Column<Run>[] = [
  { title: 'when', value: (run) => timeText(run.startedTime) },
  { title: 'account', value: (run) => run.account },
  { title: 'why', value: (run) => run.scope },
  { title: 'result', value: (run) => run.result ?? 'running' },
  { title: 'calls', align: 'right', value: (run) => String(run.calls) },
  { title: 'weight', align: 'right', value: (run) => String(run.weight) },
  { title: 'read', align: 'right', value: (run) => String(run.fillsRead + run.rowsRead) },
  { title: 'took', align: 'right', value: (run) => (run.endedTime === null ? '' : `${run.endedTime - run.startedTime} ms`) },
  { title: 'detail', value: (run) => run.detail ?? '' },
];
const DIFFERENCES: readonly Column<Difference>[] = [
  { title: 'difference', align: 'right', value: (one) => one.differenceId },
  { title: 'account', value: (one) => one.account },
  { title: 'class', value: (one) => one.class },
  { title: 'what', value: (one) => one.subject },
  { title: 'status', value: (one) => (one.decision === null ? one.status : `${one.status}: ${one.decision}`) },
  {
    title: 'moved',
    value: (one) =>
      Object.entries(one.deltas)
        .map(([asset, amount]) => `${amount} ${asset}`)
        .join(', '),
  },
  { title: 'since', value: (one) => timeText(one.firstSeenTime) },
];

const textOf = ({ runs, differences }: Listed): string =>
  `${table(runs, RUNS, 'Nothing has been compared yet.')}\n${table(differences, DIFFERENCES, 'No difference stands.')}`;

/** `keelson reconcile …`: accounts against their venues, and what a person decides about the differences. */
export function addReconcile(program: Command, terminal: Terminal, finish: Finish): void {
  const reconcile = program.command('reconcile').description('compare accounts with their venues');
  const run = addApiCommand(reconcile, 'run', 'compare now, and wait for the result; ends with 1 where one is not clean', 'reconcile', true)
    .option('--account <id>', 'only this account')
    .option('--deep', 'a day of fills anew, and the books against themselves');
  answers(run, terminal, finish, async ({ account, deep, ...options }: RunOptions) => {
    const api = connect(terminal, options);
    const body = { ...(account === undefined ? {} : { account }), deep: deep === true };
    const begun = await api.post<{ runs: { runId: string }[] }>('/v1/reconciliations', body);
    const ended = await Promise.all(begun.runs.map(({ runId }) => ending(api, runId)));
    const data = { runs: ended.flatMap((one) => one.runs), differences: ended.flatMap((one) => one.differences) };
    const isClean = data.runs.every(({ result }) => result === 'clean');
    return { data, text: textOf(data), exitCode: isClean ? EXIT.done : EXIT.refused };
  });

  const list = addApiCommand(reconcile, 'list', 'the last comparisons, and the differences that stand', 'read')
    .option('--account <id>', 'only this account')
    .option('--all', 'also differences that are over')
    .option(...LIMIT);
  answers(list, terminal, finish, async ({ account, all, limit, ...options }: ListOptions) => {
    const query = { account, limit, all: all ? 'true' : undefined };
    const data = await connect(terminal, options).get<Listed>('/v1/reconciliations', query);
    return { data, text: textOf(data) };
  });

  const show = addApiCommand(reconcile, 'show', 'one difference, with the evidence of both sides', 'read').argument(
    '<difference>',
    'its number',
  );
  answers(show, terminal, finish, async (options: ApiOptions, differenceId: string) => {
    const data = await connect(terminal, options).get<Difference>('/v1/reconciliations/difference', { differenceId });
    const { evidence, reason } = data;
    const sides = JSON.stringify(evidence, null, 2).split('\n').map(harmless).join('\n');
    return { data, text: `${table([data], DIFFERENCES, '')}${reason === null ? '' : `${harmless(reason)}\n`}${sides}\n` };
  });

  const decide = addApiCommand(reconcile, 'decide', 'decide a difference that waits for a person', 'decideDifference')
    .argument('<difference>', 'its number')
    .addArgument(new Argument('<decision>', 'what is to become of it').choices(DECISIONS))
    .addOption(new Option('--strategy <name>', 'for adopt: whose order it becomes; for book: whose units were sold by hand'))
    .requiredOption('--reason <text>', 'how you know');
  answers(decide, terminal, finish, async ({ reason, strategy, ...options }: DecideOptions, differenceId: string, decision: string) => {
    const body = { differenceId, decision, reason, ...(strategy === undefined ? {} : { strategy }) };
    const data = await connect(terminal, options).post('/v1/reconciliations/decide', body);
    const text = `Difference ${harmless(differenceId)} is decided (${harmless(decision)}). When it is found clean (keelson reconcile run) the account can go on: keelson resume.\n`;
    return { data, text };
  });
}

async function ending(api: ApiClient, runId: string): Promise<Listed> {
  const until = performance.now() + LONGEST_MS;
  for (;;) {
    const listed = await api.get<Listed>('/v1/reconciliations', { runId });
    if (listed.runs.every(({ result }) => result !== null) || performance.now() >= until) return listed;
    await wait(LOOK_AGAIN_MS);
  }
}
