import type { Command } from 'commander';
import type { OrderRow } from '../../api/read/orders.js';
import { addApiCommand, answers, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface OrderOptions extends ApiOptions {
  readonly account?: string;
  readonly instrument?: string;
  readonly open?: boolean;
  readonly limit: string;
}

interface DecideOptions extends ApiOptions {
  readonly reason: string;
}

const COLUMNS: readonly Column<OrderRow>[] = [
  { title: 'time', value: (order) => timeText(order.createdAt) },
  { title: 'account', value: (order) => order.account },
  { title: 'strategy', value: (order) => order.strategy },
  { title: 'instrument', value: (order) => order.instrument },
  { title: 'purpose', value: (order) => order.purpose },
  { title: 'side', value: (order) => order.side },
  { title: 'quantity', align: 'right', value: (order) => order.quantity },
  { title: 'price', align: 'right', value: (order) => order.stopPrice ?? order.price },
  { title: 'filled', align: 'right', value: (order) => order.executedQuantity },
  { title: 'status', value: (order) => order.status },
  { title: 'why', value: (order) => order.failures.map((failure) => failure.code).join(', ') },
];

/** `keelson orders`: newest first; `keelson decide` for one whose outcome nobody can find out. */
export function addOrders(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'orders', 'orders, newest first', 'read')
    .option('--account <name>', 'only this account')
    .option('--instrument <name>', 'only this instrument, such as BTC/USDT')
    .option('--open', 'only orders that are not final')
    .option(...LIMIT);
  answers(command, terminal, finish, async ({ account, instrument, open, limit, ...options }: OrderOptions) => {
    const data = await connect(terminal, options).get<{ orders: OrderRow[] }>('/v1/orders', {
      account,
      instrument,
      open: open ? 'true' : undefined,
      limit,
    });
    return { data, text: table(data.orders, COLUMNS, open ? 'No order is open.' : 'No orders yet.') };
  });

  const decide = addApiCommand(
    program,
    'decide',
    'decide that an order that stays unknown, or is not shown any more, rests nowhere',
    'decideOrder',
  )
    .argument('<intent>', 'its intent id')
    .requiredOption('--reason <text>', 'how you know');
  answers(decide, terminal, finish, async ({ reason, ...options }: DecideOptions, intentId: string) => {
    const data = await connect(terminal, options).post('/v1/orders/decide', { intentId, reason });
    const text = `Order ${harmless(intentId)} is over. Its instrument stays blocked for entries until somebody unblocks it.\n`;
    return { data, text };
  });
}
