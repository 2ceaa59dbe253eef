import { setTimeout as wait } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { Halt } from '../../api/read/halts.js';
import type { Latch, LatchScope } from '../../core/control/mode.js';
import { nothingHalted } from '../../core/control/nobody.js';
import type { ApiClient } from '../api-client.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { harmless, type Terminal } from '../terminal.js';

const LOOK_AGAIN_MS = 500;
/** The latch is written within a second or two, or not: who waits longer at night has not been told of the way without the API. */
const HALT_LIMIT_MS = 5_000;

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
  /** Left out by an API up to 0.7.0, which refuses names that it does not know. */
  readonly known?: readonly string[] | null;
}

/** What is halted, as the API takes it. */
interface Scope {
  readonly scope: string;
  readonly target?: string;
  readonly account?: string;
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
    if (direct) {
      const scope = scopeOf(options);
      const { killWithoutTemporal } = await import('../kill/direct.js');
      const cause = { policy: flatten, reason: drill ? `drill: ${reason}` : reason };
      return killWithoutTemporal(terminal, { scope: latchOf(scope), cause, person: options.as, isDrill: drill }, interrupted(terminal));
    }
    const began = terminal.now();
    const { api, scope, data } = await halted().catch((error: unknown) => {
      throw notHalted(error, options, drill);
    });
    const { known = data.accounts.length === 0 ? [] : null } = data;
    if (known !== null) {
      return { data, text: `${harmless(nothingHalted(latchOf(scope), data.latchId, known))}\n`, exitCode: EXIT.unverified };
    }
    if (options.wait !== true && !drill) return { data, text: haltedText(data, scope) };
    terminal.error(haltedText(data, scope));
    await untilVerified(terminal, api, data).catch((error: unknown) => {
      throw notVerified(error);
    });
    const seconds = ((terminal.now() - began) / 1_000).toFixed(1);
    return {
      data,
      text: `VERIFIED after ${seconds} s: the venue has shown the target twice. keelson halts tells where the evidence is.\n`,
    };

    async function halted(): Promise<{ readonly api: ApiClient; readonly scope: Scope; readonly data: Halted }> {
      const named = scopeOf(options);
      const data = await connect(terminal, options, HALT_LIMIT_MS).post<Halted>('/v1/halt', { ...named, flatten, drill, reason });
      return { api: connect(terminal, options), scope: named, data };
    }
  });
  // What is mistyped halts nothing either.
  kill.configureOutput({ outputError: (text, write) => write(`NOT HALTED. ${text}`) });
  // … and what it takes is not to be looked for at the end of its help.
  kill.showHelpAfterError('What it takes: keelson kill --help\nEverything, without the API: keelson kill --direct');
}

/** Whatever kept the halt from being written: at night it is read as one word, with what to type next. */
function notHalted(error: unknown, options: KillOptions, drill: boolean): CommandFailure {
  const { message, exitCode, problem } =
    error instanceof CommandFailure ? error : new CommandFailure(EXIT.refused, error instanceof Error ? error.message : String(error));
  const detail = `NOT HALTED. ${message}\nWithout the API: ${directCommand(options, drill)}`;
  return new CommandFailure(exitCode, detail, { ...problem, detail });
}

/** The same halt, from this process. */
function directCommand({ account, venue, strategy, instrument, flatten }: KillOptions, drill: boolean): string {
  const given = Object.entries({ account, venue, strategy, instrument, flatten }).filter((one) => one[1] !== undefined);
  return ['keelson kill --direct', ...(drill ? ['--drill'] : []), ...given.map(([name, value]) => `--${name} ${quoted(value ?? '')}`)].join(
    ' ',
  );
}

function quoted(value: string): string {
  return /^[\w./-]+$/.test(value) ? value : `'${harmless(value).replaceAll("'", String.raw`'\''`)}'`;
}

/** The latch is written: that is not taken back by an API that does not answer any more. */
function notVerified(error: unknown): CommandFailure {
  const message = error instanceof Error ? error.message : String(error);
  const detail = `HALTED, NOT VERIFIED: ${message}\nThe latch stands unless two people have ended it. How far it is: keelson halts`;
  return new CommandFailure(EXIT.unverified, detail, { ...(error instanceof CommandFailure ? error.problem : {}), detail });
}

/** Tells what is not verified yet, until nothing is. @throws what keeps it from ever being verified */
async function untilVerified(terminal: Terminal, api: ApiClient, { latchId, accounts: under }: Halted): Promise<void> {
  let told = '';
  for (;;) {
    const { halts } = await api.get<{ halts: Halt[] }>('/v1/halts');
    const halt = halts.find((one) => one.latchId === latchId);
    if (halt === undefined) throw new Error('two people have ended it meanwhile.');
    const gone = under.filter((account) => !halt.accounts.some((one) => one.account === account));
    // What nobody looks at any more, nobody has seen to be flat.
    if (gone.length > 0)
      throw new Error(`${harmless(gone.join(', '))} left the configuration meanwhile, or nothing of this is there any more.`);
    const waiting = halt.accounts.filter(({ phase }) => phase !== 'verified');
    if (waiting.length === 0) return;
    const now = waiting.map((one) => `${one.account}: ${one.unverified.join('; ') || one.phase}`).join('\n');
    if (now !== told) terminal.error(`${now.split('\n').map(harmless).join('\n')}\n`);
    told = now;
    await wait(LOOK_AGAIN_MS);
  }
}

/**
 * Aborted by Ctrl-C, and by whoever ends this process: what is not done is then told, by its exit code too. npx passes no signal on to what
 * it runs: a shell of its own, which is between, ends instead.
 */
function interrupted({ env }: Terminal): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  if (env['npm_command'] !== 'exec') return stopping.signal;
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    stopping.abort();
  }, LOOK_AGAIN_MS).unref();
  return stopping.signal;
}

function latchOf({ scope, target = '', account }: Scope): Latch {
  return { scope: scope as LatchScope, scopeValue: target, ...(account === undefined ? {} : { account }) };
}

/** @throws CommandFailure when more is named than one scope has */
function scopeOf({ account, venue, strategy, instrument }: KillOptions): Scope {
  const parts = Object.entries({ venue, strategy, instrument }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const [part, ...more] = parts;
  if (more.length > 0 || (part?.[0] === 'venue' && account !== undefined)) {
    throw new CommandFailure(EXIT.usage, 'Name one of --venue, --strategy, --instrument; --account goes with the last two, or alone.');
  }
  if (part !== undefined) return { scope: part[0], target: part[1], ...(account === undefined ? {} : { account }) };
  return account === undefined ? { scope: 'everything' } : { scope: 'account', target: account };
}

function haltedText({ latchId, isNew, policy, accounts }: Halted, { scope, target }: Scope): string {
  const whose = scope === 'strategy' || scope === 'instrument' ? ` of ${scope} ${harmless(target ?? '')}` : '';
  const what = isNew ? 'HALTED' : 'HALTED already';
  // A narrow halt leaves alone what is not in its scope.
  const [its, kept] = whose === '' ? ['open orders', 'what is held'] : ['its open orders', 'what it holds'];
  const held = policy === 'atOnce' ? `${kept} is sold` : `${kept} stays with its stops`;
  return [
    `${what}: no order${whose} begins to be sent any more in ${harmless(accounts.join(', '))}.`,
    `The guardian cancels ${its}; ${held}. Whether it has begun, and how far it is: keelson halts`,
    `Ending it takes two people: keelson rearm ${latchId} --reason …\n`,
  ].join('\n');
}
