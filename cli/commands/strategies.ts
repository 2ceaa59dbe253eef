import type { Command } from 'commander';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { onlyAccount } from '../only-account.js';
import { harmless, type Terminal } from '../terminal.js';

interface SwitchOptions extends ApiOptions {
  readonly account?: string;
  readonly reason: string;
}

/** `keelson strategies …`: whether a strategy may enter. */
export function addStrategies(program: Command, terminal: Terminal, finish: Finish): void {
  const strategies = program.command('strategies').description('whether a strategy may enter');
  for (const [kind, action, summary, outcome] of [
    ['disable', 'block', 'let no entry of a strategy pass any more; exits and stops go on', 'does not enter any more'],
    ['enable', 'unblock', 'let a disabled strategy enter again; its entries are counted anew', 'may enter again'],
  ] as const) {
    const command = addApiCommand(strategies, kind, summary, action)
      .argument('<strategy>', 'its id in the configuration')
      .option('--account <id>', 'the account; may be left out where there is only one')
      .requiredOption('--reason <text>', 'why');
    answers(command, terminal, finish, async ({ reason, account, ...options }: SwitchOptions, strategy: string) => {
      const api = connect(terminal, options);
      const body = { account: account ?? (await onlyAccount(api)), strategy, reason };
      const data = await api.post(`/v1/strategies/${kind}`, body);
      return { data, text: `${harmless(strategy)} on ${harmless(body.account)} ${outcome}.\n` };
    });
  }
}
