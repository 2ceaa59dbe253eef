import type { Command } from 'commander';
import type { PositionRow } from '../../api/read/positions.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { moneyText, table, type Column, type Terminal } from '../terminal.js';

interface PositionOptions extends ApiOptions {
  readonly account?: string;
  readonly flat?: boolean;
}

/** Dust shows as such: it has no stop, and that is not forgotten. */
const quantityText = ({ quantity, dust }: PositionRow): string =>
  dust === null ? quantity : dust === quantity ? `${quantity} dust` : `${quantity} (${dust} dust)`;

const COLUMNS: readonly Column<PositionRow>[] = [
  { title: 'account', value: (position) => position.account },
  { title: 'strategy', value: (position) => position.strategy },
  { title: 'instrument', value: (position) => position.instrument },
  { title: 'quantity', align: 'right', value: quantityText },
  { title: 'average price', align: 'right', value: (position) => moneyText(position.averagePrice) },
  { title: 'stop', align: 'right', value: (position) => moneyText(position.stopPrice) },
  { title: 'mark', align: 'right', value: (position) => moneyText(position.mark) },
  { title: 'unrealized', align: 'right', value: (position) => moneyText(position.unrealizedPnl, 2) },
  { title: 'realized', align: 'right', value: (position) => moneyText(position.realizedPnl, 2) },
];

/** `keelson positions`: what each strategy holds. */
export function addPositions(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'positions', 'what each strategy holds, with its mark', 'read')
    .option('--account <name>', 'only this account')
    .option('--flat', 'also positions that are flat');
  answers(command, terminal, finish, async ({ account, flat, ...options }: PositionOptions) => {
    const data = await connect(terminal, options).get<{ positions: PositionRow[] }>('/v1/positions', {
      account,
      flat: flat ? 'true' : undefined,
    });
    return { data, text: table(data.positions, COLUMNS, 'No position is open.') };
  });
}
