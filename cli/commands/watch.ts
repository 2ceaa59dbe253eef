import type { Command } from 'commander';
import type { WatchStatus } from '../../api/read/watch.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { decimal } from '../../core/money/index.js';
import { harmless, moneyText, spanText, table, type Column, type Terminal } from '../terminal.js';

/** Cents where it is a hundred or more, eight places below; `--json` has every digit. */
const money = (value: string | null): string => moneyText(value, value !== null && decimal(value).abs().gte(100) ? 2 : 8);
const percent = (ratio: string | null): string => (ratio === null ? '–' : `${(Number(ratio) * 100).toFixed(2)} %`);
const span = (ms: unknown): string => (typeof ms === 'number' ? spanText(Math.max(0, Math.round(ms))) : '–');

const agesOf = ({ details }: WatchStatus): Readonly<Record<string, unknown>> =>
  (details['ages'] ?? {}) as Readonly<Record<string, unknown>>;

const COLUMNS: readonly Column<WatchStatus>[] = [
  { title: 'account', value: (row) => row.account },
  { title: 'equity', align: 'right', value: (row) => (row.equity === null ? 'unknown' : `${money(row.equity)} ${row.quote ?? ''}`) },
  { title: 'peak', align: 'right', value: (row) => money(row.peak) },
  { title: 'drawdown', align: 'right', value: (row) => percent(row.drawdownRatio) },
  { title: 'day', align: 'right', value: (row) => money(row.dailyPnl) },
  { title: 'day’s loss', align: 'right', value: (row) => percent(row.dailyLossRatio) },
  { title: 'exposure', align: 'right', value: (row) => money(row.exposure) },
  { title: 'sample', align: 'right', value: (row) => span(row.ageMs) },
  { title: 'balances', align: 'right', value: (row) => span(row.details['balancesMs']) },
  { title: 'venue', align: 'right', value: (row) => span(agesOf(row)['venueMs']) },
  { title: 'shows', value: (row) => row.conditions.join(', ') || '–' },
];

/** `keelson watch`: what each account is worth, and what its watch sees. */
export function addWatch(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'watch', 'what each account is worth: peak, drawdown, the day’s profit and loss, ages', 'read');
  answers(command, terminal, finish, async (options: ApiOptions) => {
    const data = await connect(terminal, options).get<{ accounts: WatchStatus[] }>('/v1/watch');
    return {
      data,
      text: table(data.accounts, COLUMNS, 'No account yet: the first start makes them.') + data.accounts.flatMap(notes).join(''),
    };
  });
}

interface Gone {
  readonly asset: string;
  readonly quantity: string;
  readonly worth: string;
  /** What of it no comparison shows. */
  readonly netted?: string;
}

function notes({ account, details }: WatchStatus): string[] {
  const listed = <Item>(name: string): readonly Item[] => (Array.isArray(details[name]) ? (details[name] as Item[]) : []);
  const unexplained = listed<Gone>('unexplained');
  return [
    ...listed<{ asset: string; quantity: string; value: string }>('unmarked').map(
      ({ asset, quantity, value }) => `${account}: ${quantity} ${asset} has no mark and counts as ${value}`,
    ),
    ...listed<string>('withoutMark').map((asset) => `${account}: ${asset} has no fresh price, so the equity is not known`),
    ...unexplained.map(
      ({ asset, quantity, worth }) =>
        `${account}: ${quantity} ${asset} went without a reason in the books and counts as a loss of ${worth} until it has one (keelson reconcile list)`,
    ),
    ...unexplained.flatMap(({ asset, netted }) =>
      netted === undefined
        ? []
        : `${account}: of that, ${netted} ${asset} stand in no difference, since as much came beside them. Were they withdrawn: keelson ledger book withdrawal -${netted} ${asset} --at <when> --reason <why>, and decide book on the deposit that the next comparison finds then`,
    ),
    ...(unexplained.length === 0
      ? []
      : [
          `${account}: drawdown, day and day’s loss count that as lost; the peak is told as if it had been withdrawn, so it does not fit to them`,
        ]),
  ].map((line) => `${harmless(line)}\n`);
}
