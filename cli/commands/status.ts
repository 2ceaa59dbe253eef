import type { Command } from 'commander';
import { checkChat } from '../../core/checks/judge.js';
import type { Status } from '../../api/routes/status.js';
import { haltedBy } from '../halted.js';
import { keptBy } from '../kept.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { harmless, spanText, table, timeText, type Terminal } from '../terminal.js';

/** `keelson status`: modes, streams, open orders, versions, and what is not enforced. */
export function addStatus(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'status', 'modes, streams, open orders, versions, and what is not enforced', 'read');
  answers(command, terminal, finish, async (options: ApiOptions) => {
    const status = await connect(terminal, options).get<Status>('/v1/status');
    return { data: status, text: statusText(status) };
  });
}

export function statusText(status: Status): string {
  const { versions, instance, temporal } = status;
  const accounts = table(
    status.accounts,
    [
      { title: 'account', value: (row) => row.account },
      { title: 'venue', value: (row) => row.venue },
      { title: 'mode', value: (row) => row.mode },
      { title: 'since', value: (row) => timeText(row.modeSince) },
      { title: 'version', align: 'right', value: (row) => String(row.controlVersion) },
      { title: 'open orders', align: 'right', value: (row) => String(row.openOrders) },
      { title: 'unknown', align: 'right', value: (row) => String(row.unknownOrders) },
      { title: 'incidents', align: 'right', value: (row) => String(row.openIncidents) },
    ],
    'No account yet: the first start makes them.',
  );
  const venues = table(
    status.venues,
    [
      { title: 'venue', value: (row) => row.venue },
      { title: 'speaks', value: (row) => row.profile },
      { title: 'money', value: (row) => (row.isPaper ? 'paper' : 'real') },
      { title: 'this build', value: (row) => (row.isProven ? 'proven' : 'unproven') },
    ],
    'No venue is configured.',
  );
  const streams = table(
    status.streams,
    [
      { title: 'stream', value: (row) => `${row.venue} ${row.instrument} ${spanText(row.intervalMs)}` },
      { title: 'state', value: (row) => row.state },
      { title: 'last close', align: 'right', value: (row) => row.lastBarClose ?? '–' },
      { title: 'age', align: 'right', value: (row) => (row.ageMs === null ? '–' : spanText(row.ageMs)) },
      { title: 'from', value: (row) => row.lastBarSource ?? '–' },
    ],
    'No strategy waits for bars.',
  );
  const waiting = status.guardiansWithoutTemporal.map(
    ({ guardian, since }) =>
      `guardian ${guardian} is without Temporal since ${timeText(since)}: it watches, halts and tells, but places no stop, books no fill and compares nothing`,
  );
  const chat = status.chat === null ? [] : checkChat(status.chat);
  const notes = status.accounts.flatMap((account) => [
    ...account.latches.map((latch) => `${account.account}: ${haltedBy(latch)}. See keelson halts`),
    ...keptBy(account).map((why) => `${account.account}: ${why}`),
    ...account.openRuns.map(
      (run) => `${account.account}: runbook ${run.runbook}, ${run.status}: ${run.reason} (keelson runbooks show ${run.runId})`,
    ),
    ...account.disabledStrategies.map((one) => `${account.account}: ${one.strategy} does not enter: ${one.reason}`),
    ...account.blockedInstruments.map((blocked) => `${account.account}: no entries in ${blocked.instrument}: ${blocked.reason}`),
  ]);
  const list = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? '' : `\n${title}\n${lines.map((line) => `  - ${harmless(line)}\n`).join('')}`;
  return [
    `Keelson ${versions.keelson} · ${status.environment} · instance ${instance.id.slice(0, 8)} epoch ${instance.epoch}\n`,
    `Node ${versions.node} · Postgres ${versions.postgres} · schema ${versions.migration ?? 'none'}\n`,
    `Temporal ${temporal.address} (${temporal.namespace})${temporal.ui === null ? '' : ` · ${temporal.ui}`}\n\n`,
    accounts,
    '\n',
    venues,
    '\n',
    streams,
    list('Standing', [...waiting, ...chat, ...notes]),
    list('Not enforced yet', status.notEnforced),
  ].join('');
}
