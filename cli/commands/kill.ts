import { Option, type Command } from 'commander';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { harmless, type Terminal } from '../terminal.js';

export interface KillOptions extends ApiOptions {
  readonly account?: string;
  readonly venue?: string;
  readonly strategy?: string;
  readonly instrument?: string;
  readonly flatten: 'none' | 'atOnce';
  readonly reason: string;
}

interface Halted {
  readonly latchId: string;
  readonly isNew: boolean;
  readonly policy: 'none' | 'atOnce';
  readonly accounts: readonly string[];
}

/** `keelson kill`: halts, at once. */
export function addKill(program: Command, terminal: Terminal, finish: Finish): void {
  // It must be quick: without a scope it is everything, and it may go without a reason.
  const kill = addApiCommand(program, 'kill', 'halt at once: everything, or what is named; stays halted until two people re-arm it', 'halt')
    .option('--account <id>', 'only this account; with --strategy or --instrument: only there')
    .option('--venue <name>', 'only this venue')
    .option('--strategy <id>', 'only this strategy')
    .option('--instrument <name>', 'only this instrument, such as BTC/USDT')
    .addOption(
      new Option('--flatten <policy>', 'none: what is held stays with its stops; atOnce: it is sold')
        .choices(['none', 'atOnce'])
        .default('none'),
    )
    .option('--reason <text>', 'why', 'halted by hand from the command line');
  answers(kill, terminal, finish, async (options: KillOptions) => {
    const { flatten, reason } = options;
    const data = await connect(terminal, options)
      .post<Halted>('/v1/halt', { ...scopeOf(options), flatten, reason })
      .catch((error: unknown) => {
        throw error instanceof CommandFailure && error.exitCode === EXIT.unreachable
          ? new CommandFailure(error.exitCode, `NOT HALTED. ${error.message}\nWithout the API: keelson kill --direct`)
          : error;
      });
    return { data, text: haltedText(data) };
  });
}

/** What is halted, as the API takes it. @throws CommandFailure when more is named than one scope has */
export function scopeOf({ account, venue, strategy, instrument }: KillOptions): {
  readonly scope: string;
  readonly target?: string;
  readonly account?: string;
} {
  const parts = Object.entries({ venue, strategy, instrument }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const [part, ...more] = parts;
  if (more.length > 0 || (part?.[0] === 'venue' && account !== undefined)) {
    throw new CommandFailure(EXIT.usage, 'Name one of --venue, --strategy, --instrument; --account goes with the last two, or alone.');
  }
  if (part !== undefined) return { scope: part[0], target: part[1], ...(account === undefined ? {} : { account }) };
  return account === undefined ? { scope: 'everything' } : { scope: 'account', target: account };
}

function haltedText({ latchId, isNew, policy, accounts }: Halted): string {
  const what = isNew ? 'HALTED' : 'HALTED already';
  const held = policy === 'atOnce' ? 'what is held is sold' : 'what is held stays with its stops';
  return [
    `${what}: no order begins to be sent any more in ${harmless(accounts.join(', ')) || 'any account: there is none under it'}.`,
    `Open orders are being canceled; ${held}. How far it is: keelson halts`,
    `Ending it takes two people: keelson rearm ${latchId} --reason …\n`,
  ].join('\n');
}
