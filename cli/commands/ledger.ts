import { InvalidArgumentError, Option, type Command } from 'commander';
import type { FeesReport, FillsReport, PnlReport, PositionsReport, SlippageReport, StatementReport } from '../../api/ledger/schemas.js';
import type { EquityRow } from '../../api/read/equity.js';
import type { Rebuilt } from '../../api/ledger/rebuild.js';
import type { Verification } from '../../api/ledger/verify.js';
import { addApiCommand, answers, connect, wholeNumber, type ApiOptions, type Finish } from '../command.js';
import { csvOf, type Cell } from '../csv.js';
import { EXIT } from '../exit.js';
import { onlyAccount } from '../only-account.js';
import { harmless, moneyText, table, timeText, type Column, type Terminal } from '../terminal.js';

interface ReportOptions extends ApiOptions {
  readonly account?: string;
  readonly day?: string;
  readonly zone?: string;
  readonly minutes?: string;
  readonly format: 'text' | 'csv' | 'json';
}
interface BookOptions extends ApiOptions {
  readonly account?: string;
  readonly to?: string;
  readonly reference?: string;
  readonly incident?: string;
  readonly at?: number;
  readonly movementId?: string;
  readonly another?: boolean;
  readonly reason: string;
}
interface RebuildOptions extends ApiOptions {
  readonly account?: string;
  readonly reason: string;
  readonly days?: string;
  readonly all?: boolean;
}
type Row = Readonly<Record<string, Cell>>;
/** What every report begins with. */
type Head = Pick<StatementReport, 'account' | 'day' | 'zone' | 'isOver'>;

/** One table of a report: `rows` reads it out of the answer, `columns` says in which order, for people and for spreadsheets. */
interface Report {
  readonly name: string;
  readonly summary: string;
  readonly rows: (data: never) => readonly Row[];
  readonly columns: readonly string[];
  /** For people, below the table. */
  readonly further?: (data: never) => string;
}

const who = (row: Row): string => (row['strategy'] === null ? '(by hand)' : `${row['strategy']}`);
const flat = <Name extends string>(name: Name, value: Row | null): Row =>
  Object.fromEntries(['price', 'bps', 'cost'].map((part) => [`${name}_${part}`, value?.[part] ?? null]));

/** An account's fills are read from its beginning: of very many that takes a while. */
const REPORT_LIMIT_MS = 300_000;

const RESULTS = ['strategy', 'quote', 'realizedAverage', 'realizedFifo', 'fees', 'unvaluedFees', 'fills', 'foreignFills'];
const CLOSED = [
  ...['strategy', 'strategyVersion', 'instrument', 'openedTime', 'closedTime', 'bought', 'sold', 'entryPrice', 'exitPrice'],
  ...['realizedAverage', 'realizedFifo', 'fees', 'fills'],
];
const REPORTS: readonly Report[] = [
  {
    name: 'statement',
    summary: 'the statement of a day: every asset, what came and went and why',
    rows: (data: StatementReport) => data.lines,
    columns: ['asset', 'opening', 'trade', 'fee', 'deposit', 'withdrawal', 'transfer', 'correction', 'rounding', 'closing'],
    further: (data: StatementReport) => `${keptSince(data)}\n${tableOf(RESULTS, data.results, 'No strategy traded on that day.')}`,
  },
  {
    name: 'fills',
    summary: 'fills of a day, with what their fees were worth',
    rows: (data: FillsReport) => data.fills,
    columns: [
      ...['eventTime', 'strategy', 'origin', 'instrument', 'side', 'quantity', 'price', 'notional', 'fee', 'feeAsset', 'feeValue'],
      ...['liquiditySide', 'venueTradeId', 'venueOrderId', 'intentId'],
    ],
  },
  {
    name: 'fees',
    summary: 'fees of a day, by strategy, instrument and asset',
    rows: (data: FeesReport) => data.fees,
    columns: ['strategy', 'instrument', 'feeAsset', 'fee', 'quote', 'value', 'unvaluedFees', 'fills'],
  },
  {
    name: 'pnl',
    summary: 'realized results of a day, by average cost and first in, first out',
    rows: (data: PnlReport) => data.results,
    columns: RESULTS,
    further: (data: PnlReport) => `\n${tableOf(CLOSED, data.closed, 'No position was closed on that day.')}`,
  },
  {
    name: 'closed',
    summary: 'positions closed on a day, from nothing held to nothing held again',
    rows: (data: PnlReport) => data.closed,
    columns: CLOSED,
  },
  {
    name: 'positions',
    summary: 'what was held at the end of a day, by average cost and first in, first out',
    rows: (data: PositionsReport) => data.positions,
    columns: ['strategy', 'instrument', 'bought', 'sold', 'quantity', 'method', 'averagePrice', 'mark', 'unrealizedPnl', 'realizedPnl'],
  },
  {
    name: 'slippage',
    summary: 'orders of a day: how much worse than decided, than the last price and than the mid price at their arrival',
    rows: (data: SlippageReport) =>
      data.orders.map(({ decision, arrival, mid, ...order }) => ({
        ...order,
        ...flat('decision', decision),
        ...flat('arrival', arrival),
        ...flat('mid', mid),
      })),
    columns: [
      ...['firstFillTime', 'strategy', 'instrument', 'purpose', 'side', 'quantity', 'averagePrice', 'decision_price', 'decision_bps'],
      ...['decision_cost', 'arrival_price', 'arrival_bps', 'arrival_cost', 'mid_price', 'mid_bps', 'mid_cost', 'withoutMid', 'intentId'],
    ],
  },
  {
    name: 'equity',
    summary: 'what an account was worth over a day, as its watch has seen it',
    rows: (data: { readonly equity: readonly EquityRow[] }) => data.equity.map((point) => ({ ...point })),
    columns: ['time', 'opening', 'highest', 'lowest', 'closing'],
  },
];

/** `keelson ledger …`: what the ledger derives, and whether it is what it keeps. */
export function addLedger(program: Command, terminal: Terminal, finish: Finish): void {
  const ledger = program.command('ledger').description('what the ledger derives of a day, and whether it is what it keeps');
  for (const report of REPORTS) addReport(ledger, report, terminal, finish);

  const book = addApiCommand(ledger, 'book', 'book a deposit, withdrawal, transfer or correction that the ledger has not', 'bookMovement')
    .argument('<kind>', 'deposit, withdrawal, transfer or correction')
    .argument('<amount>', 'below zero for what leaves the account, such as -100')
    .argument('<asset>', 'such as USDT')
    .option('--account <id>', 'the account; may be left out where there is only one')
    .option('--to <account>', 'of a transfer: our other account')
    .option('--reference <text>', 'what the venue calls it')
    .option('--incident <id>', 'the open incident that it explains; a correction needs one')
    .option('--at <time>', 'when it happened, such as 2026-11-26T08:00:00Z; now when left out', timeOf)
    .option('--movement-id <uuid>', 'the same id is booked once')
    .option('--another', 'it is another one than what is booked of the same amount within a day of it')
    .requiredOption('--reason <text>', 'why');
  answers(book, terminal, finish, async ({ account, ...options }: BookOptions, kind: string, amount: string, asset: string) => {
    const api = connect(terminal, options);
    const body = {
      ...{ account: account ?? (await onlyAccount(api)), kind, amount, asset, reason: options.reason, eventTime: options.at },
      ...{ counterAccount: options.to, venueReference: options.reference, incidentId: options.incident },
      movementId: options.movementId ?? terminal.newId(),
      isAnother: options.another,
    };
    const data = await api.post<{ movementId: string; isNew: boolean }>('/v1/ledger/movements', body);
    const told = `${harmless(`${kind} of ${amount} ${asset} in ${body.account}`)}: ${data.isNew ? 'booked' : 'was booked before'} as ${data.movementId}.\n`;
    return { data, text: told };
  });

  const verify = addApiCommand(ledger, 'verify', 'recompute an account from its fills and movements, and print what differs', 'read')
    .option('--account <id>', 'the account; may be left out where there is only one')
    .addOption(daysOption())
    .option('--all', 'the whole equity series');
  answers(verify, terminal, finish, async ({ account, days, all, ...options }: Omit<RebuildOptions, 'reason'>) => {
    const api = connect(terminal, options, REPORT_LIMIT_MS);
    const query = { account: account ?? (await onlyAccount(api)), days: daysOf(days, all) };
    const data = await api.get<Verification>('/v1/ledger/verify', query);
    const differences = data.differences.map((one) => ({ ...one }));
    const counted = `${harmless(data.account)}: ${data.fills} fills, ${data.movements} movements and ${data.equityPoints} points of equity recomputed, ${differences.length} differences.\n`;
    const text = differences.length === 0 ? counted : `${counted}${tableOf(['what', 'of', 'stored', 'rebuilt'], differences, '')}`;
    return { data, text, exitCode: differences.length === 0 ? EXIT.done : EXIT.differs };
  });

  const rebuild = addApiCommand(
    ledger,
    'rebuild',
    'write what verify finds stored otherwise anew from fills and movements, which stay as they are',
    'rebuildLedger',
  )
    .option('--account <id>', 'the account; may be left out where there is only one')
    .addOption(daysOption())
    .option('--all', 'the whole equity series')
    .requiredOption('--reason <text>', 'how you know');
  answers(rebuild, terminal, finish, async ({ account, reason, days, all, ...options }: RebuildOptions) => {
    const api = connect(terminal, options, REPORT_LIMIT_MS);
    const asked = daysOf(days, all);
    const data = await api.post<Rebuilt>('/v1/ledger/rebuild', {
      ...{ account: account ?? (await onlyAccount(api)), reason },
      ...(asked === undefined ? {} : { days: Number(asked) }),
    });
    const changed = data.changed.map((one) => ({ ...one }));
    const decided = data.decided.length === 0 ? '' : ` Decided with it: difference ${data.decided.join(', ')}.`;
    const told = `${harmless(data.account)}: ${changed.length} figures rebuilt.${decided}`;
    const next = changed.length === 0 ? '' : ' Then have it compared anew: keelson reconcile run --deep.';
    return { data, text: `${told}${next}\n${changed.length === 0 ? '' : tableOf(['what', 'of', 'stored', 'rebuilt'], changed, '')}` };
  });
}

/** More than there are. */
const ALL_DAYS = 36_500;
const daysOption = (): Option =>
  new Option('--days <count>', 'of how many days the equity series is looked at; 7 when left out')
    .argParser(wholeNumber(1, ALL_DAYS))
    .conflicts('all');

function daysOf(days: string | undefined, all = false): string | undefined {
  return all ? String(ALL_DAYS) : days;
}

function addReport(ledger: Command, { name, summary, rows, columns, further }: Report, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(ledger, name, summary, 'read')
    .option('--account <id>', 'the account; may be left out where there is only one')
    .option('--day <date>', 'such as 2026-11-26; today when left out')
    .option('--zone <name>', 'in whose calendar, such as Europe/Madrid; UTC when left out')
    .addOption(new Option('--format <format>', 'how it is printed').choices(['text', 'csv', 'json']).default('text'));
  if (name === 'equity') command.option('--minutes <count>', 'how long the stretches are', wholeNumber(1, 1_440));
  answers(command, terminal, finish, async ({ account, day, zone, minutes, format, ...options }: ReportOptions) => {
    const api = connect(terminal, options, REPORT_LIMIT_MS);
    const query = { account: account ?? (await onlyAccount(api)), day, zone, minutes };
    const data = await api.get<Head>(`/v1/ledger/${name === 'closed' ? 'pnl' : name}`, query);
    const found = rows(data as never);
    if (format === 'json') return { data, text: `${JSON.stringify(data, null, 2)}\n` };
    if (format === 'csv') return { data, text: csvOf(columns, found.map(forSpreadsheet)) };
    return { data, text: `${headOf(data)}${tableOf(columns, found, 'Nothing on that day.')}${further?.(data as never) ?? ''}` };
  });
}

function timeOf(text: string): number {
  const time = /^\d{4}-\d\d-\d\dT.*Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('Expected a time in UTC such as 2026-11-26T08:00:00Z.');
  return time;
}

function headOf({ account, day, zone, isOver }: Head): string {
  return `${harmless(`${account}, ${day} (${zone})${isOver ? '' : ', so far'}`)}\n`;
}

/** Of a day of before, why nothing is told of what was there. */
function keptSince({ onboardedTime, until }: StatementReport): string {
  if (onboardedTime === null || onboardedTime < until) return '';
  return `The account is kept since ${timeText(onboardedTime)}: of what it held before nothing is known.\n`;
}

function tableOf(columns: readonly string[], rows: readonly Row[], nothing: string): string {
  const shown = columns.map((name): Column<Row> => ({
    title: titleOf(name),
    ...(rows.every((row) => isFigure(row[name])) ? { align: 'right' as const } : {}),
    value: (row) => cellOf(name, row),
  }));
  return table(rows, shown, nothing);
}

/** `averagePrice` is told as `average price`. */
function titleOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ');
}

const isTime = (name: string): boolean => /[tT]ime$/.test(name);

/** With times as ISO 8601 in UTC, which spreadsheets and programs read alike. */
function forSpreadsheet(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, isTime(name) && typeof value === 'number' ? new Date(value).toISOString() : value]),
  );
}

function isFigure(value: Cell | undefined): boolean {
  return value === null || typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

function cellOf(name: string, row: Row): string {
  const value = row[name];
  if (name === 'strategy') return who(row);
  if (typeof value === 'number') return isTime(name) ? timeText(value) : String(value);
  if (typeof value !== 'string') return '–';
  return name.endsWith('Id') || !isFigure(value) ? value : moneyText(value);
}
