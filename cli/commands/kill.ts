import { setTimeout as wait } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { Halt } from '../../api/read/halts.js';
import type { Latch, LatchScope } from '../../core/control/mode.js';
import type { ApiClient } from '../api-client.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { harmless, type Terminal } from '../terminal.js';

const LOOK_AGAIN_MS = 500;

interface KillOptions extends ApiOptions {
  readonly account?: string;
  readonly venue?: string;
  readonly strategy?: string;
  readonly instrument?: string;
  readonly flatten?: 'none' | 'atOnce';
  readonly reason: string;
  readonly direct?: boolean;
  readonly drill?: boolean;
  readonly wait?: boolean;
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
    .addOption(new Option('--flatten <policy>', 'none: what is held stays with its stops; atOnce: it is sold').choices(['none', 'atOnce']))
    .option('--wait', 'do not end before every account is verified')
    .option('--direct', 'from this process, with neither Temporal nor the API: for when they do not answer')
    .option('--drill', 'do all of it, and sell, where no real money is: accounts at paper venues only')
    .option('--reason <text>', 'why', 'halted by hand from the command line');
  answers(kill, terminal, finish, async ({ direct = false, drill = false, ...options }: KillOptions) => {
    const { reason, flatten = drill ? 'atOnce' : 'none' } = options;
    const scope = scopeOf(options);
    if (direct) {
      const { killWithoutTemporal } = await import('../kill/direct.js');
      const cause = { policy: flatten, reason: drill ? `drill: ${reason}` : reason };
      return killWithoutTemporal(terminal, { scope: latchOf(scope), cause, person: options.as, isDrill: drill }, interrupted());
    }
    const api = connect(terminal, options);
    const began = terminal.now();
    const data = await api.post<Halted>('/v1/halt', { ...scope, flatten, drill, reason }).catch((error: unknown) => {
      throw error instanceof CommandFailure && error.exitCode === EXIT.unreachable
        ? new CommandFailure(error.exitCode, `NOT HALTED. ${error.message}\nWithout the API: keelson kill --direct`)
        : error;
    });
    if (options.wait !== true && !drill) return { data, text: haltedText(data, scope) };
    terminal.error(haltedText(data, scope));
    await untilVerified(terminal, api, data.latchId);
    const seconds = ((terminal.now() - began) / 1_000).toFixed(1);
    return {
      data,
      text: `VERIFIED after ${seconds} s: the venue has shown the target twice. keelson halts tells where the evidence is.\n`,
    };
  });
}

/** Tells what is not verified yet, until nothing is. */
async function untilVerified(terminal: Terminal, api: ApiClient, latchId: string): Promise<void> {
  let told = '';
  for (;;) {
    const { halts } = await api.get<{ halts: Halt[] }>('/v1/halts');
    const accounts = halts.find((halt) => halt.latchId === latchId)?.accounts ?? [];
    if (accounts.every(({ phase }) => phase === 'verified')) return;
    const now = accounts
      .filter(({ phase }) => phase !== 'verified')
      .map((one) => `${one.account}: ${one.unverified.join('; ') || one.phase}\n`);
    if (now.join('') !== told) terminal.error(harmless(now.join('').trimEnd()).concat('\n'));
    told = now.join('');
    await wait(LOOK_AGAIN_MS);
  }
}

/** Aborted by Ctrl-C, and by whoever ends this process: what is not done is then told, by its exit code too. */
function interrupted(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  return stopping.signal;
}

function latchOf({ scope, target = '', account }: ReturnType<typeof scopeOf>): Latch {
  return { scope: scope as LatchScope, scopeValue: target, ...(account === undefined ? {} : { account }) };
}

/** What is halted, as the API takes it. @throws CommandFailure when more is named than one scope has */
function scopeOf({ account, venue, strategy, instrument }: KillOptions): {
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

function haltedText({ latchId, isNew, policy, accounts }: Halted, { scope, target }: ReturnType<typeof scopeOf>): string {
  const whose = scope === 'strategy' || scope === 'instrument' ? ` of ${scope} ${harmless(target ?? '')}` : '';
  const what = isNew ? 'HALTED' : 'HALTED already';
  // A narrow halt leaves alone what is not in its scope.
  const [its, kept] = whose === '' ? ['Open orders are', 'what is held'] : ['Its open orders are', 'what it holds'];
  const held = policy === 'atOnce' ? `${kept} is sold` : `${kept} stays with its stops`;
  return [
    `${what}: no order${whose} begins to be sent any more in ${harmless(accounts.join(', ')) || 'any account: there is none under it'}.`,
    `${its} being canceled; ${held}. How far it is: keelson halts`,
    `Ending it takes two people: keelson rearm ${latchId} --reason …\n`,
  ].join('\n');
}
