import type { Command } from 'commander';
import type { LimitChange, Override, ReachedOverride } from '../../api/read/limits.js';
import { isRequiredAt, warningOf, type LimitScope } from '../../core/risk/limit-rows.js';
import { ROW_KEYS } from '../../core/risk/limit-table.js';
import { RISK_CHECKS } from '../../core/risk/checks.js';
import type { ApiClient } from '../api-client.js';
import { addApiCommand, addCommand, answers, connect, LIMIT, wholeNumber, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { onlyAccount } from '../only-account.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface ListOptions extends ApiOptions {
  readonly account?: string;
  readonly limit?: string;
}
interface ChangeOptions extends ApiOptions {
  readonly account?: string;
  readonly venue?: string;
  readonly strategy?: string;
  readonly instrument?: string;
  readonly reason: string;
  readonly commandId?: string;
}
interface SetOptions extends ChangeOptions {
  readonly yes?: boolean;
}
interface OverrideOptions extends Omit<ChangeOptions, 'instrument'> {
  readonly instrument: string;
  readonly minutes: string;
  readonly manyOrders?: boolean;
}
interface Limits {
  readonly limits: LimitChange[];
  readonly overrides: Override[];
}

const by = ({ subject, approvedBy }: LimitChange | Override): string => (approvedBy === null ? subject : `${subject} with ${approvedBy}`);
const COLUMNS: readonly Column<LimitChange>[] = [
  { title: 'limit', value: (row) => row.limit },
  { title: 'of', value: (row) => [row.scope, row.scopeValue, row.scope === 'account' ? '' : (row.account ?? '')].join(' ').trim() },
  { title: 'value', align: 'right', value: (row) => row.value ?? (isRequiredAt(row.limit, row.scope) ? 'none: no entry passes' : 'none') },
  { title: 'before', align: 'right', value: (row) => row.from ?? '–' },
  { title: 'version', align: 'right', value: (row) => String(row.version) },
  { title: 'since', value: (row) => timeText(row.changedTime) },
  { title: 'by', value: by },
  { title: 'why', value: (row) => row.reason },
];
const OVERRIDE_COLUMNS: readonly Column<Override>[] = [
  { title: 'override', value: (row) => row.overrideId },
  { title: 'limit', value: (row) => row.limit },
  { title: 'value', align: 'right', value: (row) => row.value },
  {
    title: 'for',
    value: (row) => [row.account, row.strategy ?? '', row.instrument, row.isForOneOrder ? '(one order)' : ''].filter(Boolean).join(' '),
  },
  { title: 'until', value: (row) => timeText(row.expiresTime) },
  { title: 'state', value: (row) => row.state },
  { title: 'by', value: by },
  { title: 'why', value: (row) => row.reason },
];

/** `keelson limits …`: what bounds entries, who set it, and what two people let pass for a time. */
export function addLimits(program: Command, terminal: Terminal, finish: Finish): void {
  const limits = program.command('limits').description('what bounds entries, and who set it');
  for (const [name, path, summary] of [
    ['list', '/v1/limits', 'limits in force and overrides that stand'],
    ['history', '/v1/limits/history', 'every change of limits and every override, newest first'],
  ] as const) {
    const list = addApiCommand(limits, name, summary, 'read').option('--account <id>', 'only what binds this account');
    if (name === 'history') list.option(...LIMIT);
    // Of what is in force nothing is left out.
    answers(list, terminal, finish, async ({ account, limit = '1000', ...options }: ListOptions) => {
      const data = await connect(terminal, options).get<Limits>(path, { account, limit });
      const overrides = data.overrides.length === 0 ? '' : `\n${table(data.overrides, OVERRIDE_COLUMNS, '')}`;
      return { data, text: `${table(data.limits, COLUMNS, 'No limit is set.')}${overrides}` };
    });
  }

  const checks = addCommand(limits, 'checks', 'every check of the gate with what bounds it');
  answers(checks, terminal, finish, () => ({
    data: { checks: RISK_CHECKS },
    text: table(
      RISK_CHECKS,
      [
        { title: 'code', value: (one) => one.code },
        { title: 'bound', value: (one) => one.bound },
        { title: 'default', value: (one) => one.usual },
        { title: 'binds', value: (one) => one.binds },
        { title: 'refused when', value: (one) => one.when },
      ],
      '',
    ),
  }));

  const changing = (command: Command): Command =>
    command
      .argument('<limit>', 'which, such as maxOrderNotional')
      .argument('<value>', 'its value: a decimal, a whole number, or hours such as "mon-fri 13:30-20:00"')
      .option('--account <id>', 'the account; may be left out where there is only one')
      .requiredOption('--reason <text>', 'why')
      .option('--command-id <uuid>', 'name of an earlier try: its request for a second person is taken up again');

  const set = changing(
    addApiCommand(limits, 'set', 'set a limit; what tightens holds at once, what loosens waits for a second person', 'changeLimits'),
  )
    .option('--venue <venue>', 'of every account at this venue, instead of one account')
    .option('--strategy <id>', 'of this strategy only')
    .option('--instrument <name>', 'of this instrument only')
    .option('--yes', 'do not ask before a limit is taken away without which no entry passes');
  answers(set, terminal, finish, async (options: SetOptions, limit: string, value: string) => {
    const api = connect(terminal, options);
    const place = await placeOf(api, options);
    const { reason, commandId = terminal.newId(), yes = false } = options;
    const asked = { ...place, limit, value: value === 'none' ? null : value, reason, commandId };
    const key = ROW_KEYS.find((one) => one === limit);
    const warned = key === undefined ? null : warningOf(key, place, asked.value);
    if (warned !== null && !yes) await confirmWithout(terminal, warned);
    const data = await api.post<{ warning?: string | null; endedOverrides?: readonly ReachedOverride[] }>('/v1/limits', asked);
    const { warning = null, endedOverrides = [] } = data;
    const ended = endedOverrides.map(
      (one) => `Override ${one.overrideId} (${one.value} in ${one.instrument}) let more pass: it has ended.`,
    );
    const told = [`${limit} of ${place.scope} ${place.scopeValue} is ${value}.`, ...(warning === null ? [] : [warning]), ...ended];
    return { data, text: harmless(told.join(' ')) + '\n' };
  });

  const override = changing(
    addApiCommand(limits, 'override', 'ask a second person to let more than a limit pass for a time', 'askOverride'),
  )
    .requiredOption('--instrument <name>', 'in which instrument')
    .option('--strategy <id>', 'of this strategy only')
    .requiredOption('--minutes <count>', 'for how long from its approval on', wholeNumber(1, 1_440))
    .option('--many-orders', 'for every order until then, instead of the first that needs it');
  answers(override, terminal, finish, async (options: OverrideOptions, limit: string, value: string) => {
    const api = connect(terminal, options);
    const { instrument, strategy, reason, minutes, manyOrders = false, commandId = terminal.newId() } = options;
    const account = options.account ?? (await onlyAccount(api));
    const asked = { account, instrument, limit, value, isForOneOrder: !manyOrders, minutes: Number(minutes), reason, commandId };
    const data = await api.post('/v1/limits/override', { ...asked, ...(strategy === undefined ? {} : { strategy }) });
    return { data, text: harmless(`${limit} ${value} is let pass in ${instrument}: see keelson limits list.`) + '\n' };
  });

  const end = addApiCommand(limits, 'end', 'end an override before its time', 'endOverride')
    .argument('<override>', 'its id')
    .requiredOption('--reason <text>', 'why');
  answers(end, terminal, finish, async ({ reason, ...options }: ApiOptions & { readonly reason: string }, overrideId: string) => {
    const data = await connect(terminal, options).post('/v1/limits/override/end', { overrideId, reason });
    return { data, text: `Override ${harmless(overrideId)} stands no more.\n` };
  });
}

/** @throws CommandFailure when nobody can be asked, or the answer is not yes. */
async function confirmWithout(terminal: Terminal, warning: string): Promise<void> {
  const what = harmless(warning);
  if (terminal.ask === undefined) throw new CommandFailure(EXIT.usage, `${what}\nNobody can be asked here: repeat it with --yes.`);
  const answer = await terminal.ask(`${what}\nType yes to take it away: `);
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailure(EXIT.refused, 'Nothing was changed.');
}

async function placeOf(
  api: ApiClient,
  { account, venue, strategy, instrument }: ChangeOptions,
): Promise<{ readonly scope: LimitScope; readonly scopeValue: string; readonly account?: string }> {
  const narrow = (['venue', 'strategy', 'instrument'] as const).flatMap((scope) => {
    const named = { venue, strategy, instrument }[scope];
    return named === undefined ? [] : [[scope, named] as const];
  });
  const [first, ...others] = narrow;
  if (others.length > 0 || (venue !== undefined && account !== undefined)) {
    throw new CommandFailure(
      EXIT.usage,
      'A limit is of one thing: say the venue, the strategy or the instrument; account goes with the latter two.',
    );
  }
  if (first !== undefined && venue !== undefined) return { scope: 'venue', scopeValue: venue };
  const owner = account ?? (await onlyAccount(api));
  return first === undefined ? { scope: 'account', scopeValue: owner } : { scope: first[0], scopeValue: first[1], account: owner };
}
