import type { RunPart } from '../api/read/runbooks.js';
import { table, type Column } from './terminal.js';

type Cells = Readonly<Record<string, unknown>>;
interface LeftRow extends Cells {
  readonly account: string;
  readonly what: string;
}

const columns: readonly Column<LeftRow>[] = [
  { title: 'account', value: ({ account }) => account },
  { title: 'what', value: ({ what }) => what },
  ...['instrument', 'side'].map((title): Column<LeftRow> => ({ title, value: (row) => cell(row, title) })),
  ...['quantity', 'executed', 'price', 'stop price'].map((title): Column<LeftRow> => ({
    title,
    align: 'right',
    value: (row) => cell(row, title),
  })),
  { title: 'of', value: (row) => cell(row, 'of') },
];

const cell = (row: Cells, name: string): string => {
  const value = row[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
};
const listOf = (report: Cells, name: string): readonly Cells[] => {
  const list: unknown = report[name];
  return Array.isArray(list) ? (list as readonly Cells[]) : [];
};
const isSame = (one: Cells, other: Cells): boolean => one['strategy'] === other['strategy'] && one['instrument'] === other['instrument'];

/** What the reports of shutdowns say is left at the venues: a row for each order and each position. */
export function leftTable(reports: readonly { readonly account: string; readonly report: RunPart['output'] }[]): string {
  if (reports.every(({ report }) => report === null)) return '';
  return table(
    reports.flatMap(({ account, report }): readonly LeftRow[] =>
      report === null ? [{ account, what: 'not known: it has no report' }] : rowsOf(account, report),
    ),
    columns,
    'Nothing is left at the venue.',
  );
}

function rowsOf(account: string, report: Cells): readonly LeftRow[] {
  const [withoutStop, uncovered, dust] = [listOf(report, 'withoutStop'), listOf(report, 'uncovered'), listOf(report, 'dust')];
  const heldAs = (position: Cells): string => {
    if (withoutStop.some((one) => isSame(one, position))) return 'held, without its stop';
    const bare = uncovered.find((one) => isSame(one, position));
    if (bare !== undefined) return `held, no stop can be for ${cell(bare, 'quantity')} of it`;
    return dust.some((one) => isSame(one, position)) ? 'held, too little for a stop' : 'held';
  };
  const orders = listOf(report, 'openOrders').map((order): LeftRow => {
    const { executedQuantity: executed, stopPrice, venueOrderId } = order;
    return { ...order, account, what: cell(order, 'purpose'), executed, 'stop price': stopPrice, of: `order ${String(venueOrderId)}` };
  });
  const held = listOf(report, 'positions').map((position): LeftRow => ({
    ...{ ...position, account, what: heldAs(position), of: cell(position, 'strategy') },
  }));
  const unknown = listOf(report, 'unknownOrders').map((order): LeftRow => ({
    ...{ ...order, account, what: `${cell(order, 'purpose')} without a known fate`, of: `order ${cell(order, 'clientOrderId')}` },
  }));
  // Of a longer list its last row says how many more there are.
  return [...orders, ...held, ...unknown].map((row) => ('more' in row ? { account, what: `and ${String(row['more'])} more` } : row));
}
