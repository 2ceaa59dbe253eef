import type { Command } from 'commander';
import type { SignalRow } from '../../api/read/signals.js';
import { addApiCommand, answers, connect, LIMIT, type ApiOptions, type Finish } from '../command.js';
import { table, timeText, type Column, type Terminal } from '../terminal.js';

interface SignalOptions extends ApiOptions {
  readonly account?: string;
  readonly instrument?: string;
  readonly limit: string;
}

const COLUMNS: readonly Column<SignalRow>[] = [
  { title: 'time', value: (signal) => timeText(signal.decidedTime) },
  { title: 'account', value: (signal) => signal.account },
  { title: 'strategy', value: (signal) => signal.strategy },
  { title: 'instrument', value: (signal) => signal.instrument },
  { title: 'leg', value: (signal) => signal.leg },
  { title: 'score', align: 'right', value: (signal) => signal.score?.toFixed(3) ?? '–' },
  { title: 'needed', align: 'right', value: (signal) => signal.threshold?.toFixed(3) ?? '–' },
  { title: 'outcome', value: (signal) => (signal.outcome === 'traded' ? 'traded' : 'not traded') },
  { title: 'why', value: (signal) => signal.failures.map((failure) => failure.message).join(' · ') || signal.reason },
];

/** `keelson signals`: newest first, with why one was not traded. */
export function addSignals(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(program, 'signals', 'signals, newest first: traded or not, and why', 'read')
    .option('--account <name>', 'only this account')
    .option('--instrument <name>', 'only this instrument, such as BTC/USDT')
    .option(...LIMIT);
  answers(command, terminal, finish, async ({ account, instrument, limit, ...options }: SignalOptions) => {
    const data = await connect(terminal, options).get<{ signals: SignalRow[] }>('/v1/signals', { account, instrument, limit });
    return { data, text: table(data.signals, COLUMNS, 'No signals yet.') };
  });
}
