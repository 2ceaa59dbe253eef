import { Option, type Command } from 'commander';
import type { Alert } from '../../api/read/alerts.js';
import { ALERT_SEVERITIES } from '../../core/alerts/severity.js';
import { addApiCommand, answers, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure } from '../exit.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface ListOptions extends ApiOptions {
  readonly all?: boolean;
  readonly account?: string;
  readonly limit: string;
}

interface AckOptions extends ApiOptions {
  readonly reason: string;
}

/** What became of the others, where one is refused: those before it are acknowledged, those behind it were not tried. */
function withOthers(error: unknown, done: readonly string[], left: readonly string[]): unknown {
  if (!(error instanceof CommandFailure)) return error;
  const before = done.length === 0 ? '' : ` Acknowledged before it: ${done.join(', ')}.`;
  const behind = left.length === 0 ? '' : ` Not tried any more: ${left.join(', ')}.`;
  const { exitCode, message, problem } = error;
  const detail = `${message}${harmless(`${before}${behind}`)}`;
  return new CommandFailure(exitCode, detail, { ...problem, detail });
}

const deliveriesText = ({ deliveries }: Alert): string =>
  deliveries
    .map(({ channel, delivered, waiting, failed, detail }) => {
      const counts = [`${delivered} told`, ...(waiting > 0 ? [`${waiting} tried`] : []), ...(failed > 0 ? [`${failed} not told`] : [])];
      return `${channel} ${counts.join(', ')}${detail === null ? '' : ` (${detail})`}`;
    })
    .join('; ') || '–';

const COLUMNS: readonly Column<Alert>[] = [
  { title: 'alert', value: (alert) => alert.alertId, align: 'right' },
  { title: 'severity', value: (alert) => alert.severity },
  { title: 'account', value: (alert) => alert.account ?? '–' },
  { title: 'since', value: (alert) => timeText(alert.raisedTime) },
  { title: 'what', value: (alert) => alert.summary },
  { title: 'acknowledged', value: (alert) => alert.acknowledgedBy ?? '–' },
  { title: 'told', value: deliveriesText },
];

/** `keelson alerts …`: what people were told, and that somebody has seen it. */
export function addAlerts(program: Command, terminal: Terminal, finish: Finish): void {
  const alerts = program.command('alerts').description('what people are told');
  const list = addApiCommand(alerts, 'list', 'alerts that nobody has acknowledged, newest first', 'read')
    .option('--all', 'also those that are acknowledged, and what needs no answer')
    .option('--account <id>', 'only this account')
    .option(...LIMIT);
  answers(list, terminal, finish, async ({ all, account, limit, ...options }: ListOptions) => {
    const query = { limit, ...(all ? { all: 'true' } : {}), ...(account === undefined ? {} : { account }) };
    const data = await connect(terminal, options).get<{ alerts: Alert[] }>('/v1/alerts', query);
    return { data, text: table(data.alerts, COLUMNS, 'No alert waits for anybody.') };
  });

  const ack = addApiCommand(alerts, 'ack', 'say that you have seen alerts: nobody is told of them any more', 'acknowledgeAlert')
    .argument('<alerts...>', 'their numbers')
    .requiredOption('--reason <text>', 'what is done about them');
  answers(ack, terminal, finish, async ({ reason, ...options }: AckOptions, given: readonly string[]) => {
    const api = connect(terminal, options);
    const left = [...new Set(given)];
    const done: string[] = [];
    for (let alertId = left.shift(); alertId !== undefined; alertId = left.shift()) {
      await api.post('/v1/alerts/acknowledge', { alertId, reason }).catch((error: unknown) => {
        throw withOthers(error, done, left);
      });
      done.push(alertId);
    }
    const told = done.length === 1 ? `Alert ${done.join()} is acknowledged.` : `Alerts ${done.join(', ')} are acknowledged.`;
    return { data: { status: 'done' }, text: `${harmless(told)}\n` };
  });

  const severity = new Option('--severity <severity>', 'how bad it claims to be').choices([...ALERT_SEVERITIES]).default('warning');
  const test = addApiCommand(alerts, 'test', 'raise an alert that means nothing, to see whether it arrives', 'testAlert').addOption(
    severity,
  );
  answers(test, terminal, finish, async ({ severity: wanted, ...options }: ApiOptions & { readonly severity: string }) => {
    const data = await connect(terminal, options).post<{ alertId: string }>('/v1/alerts/test', { severity: wanted });
    return { data, text: `Alert ${harmless(data.alertId)} is raised. See keelson alerts list --all.\n` };
  });
}
