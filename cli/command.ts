import { InvalidArgumentError, type Command } from 'commander';
import { ACTIONS, type Action } from '../core/people/actions.js';
import { REARM_WAIT_MS } from '../core/kill/rearm.js';
import { findAccess } from './address.js';
import { apiClient, type ApiClient } from './api-client.js';
import type { Terminal } from './terminal.js';

/** A command's answer: for people, and as data for `--json`. */
export interface Shown {
  readonly text: string;
  readonly data: unknown;
  readonly exitCode?: number;
}

/** Told when a command has its answer; `program.ts` sets the exit code from it. */
export type Finish = (exitCode: number) => void;

/** Adds a command with `--json`; commander then prints usage and refuses what it does not know. */
export function addCommand(parent: Command, name: string, summary: string, isDefault = false): Command {
  return parent
    .command(name, { isDefault })
    .description(summary)
    .option('--json', 'print JSON instead of text')
    .allowExcessArguments(false);
}

const actions = new WeakMap<Command, Action>();

/** What a command does at the API; undefined for one that stays on this machine. */
export function actionOf(command: Command): Action | undefined {
  return actions.get(command);
}

/** Adds a command that asks the API: it says who may, and runs as any person whose key is in the home. */
export function addApiCommand(parent: Command, name: string, summary: string, action: Action, isDefault = false): Command {
  const command = addCommand(parent, name, summary, isDefault)
    .option('--as <person>', 'act as this person, whose key is in the home; the owner when left out', personName)
    .addHelpText('after', `\nWho may: ${ACTIONS[action].join(', ')}.`);
  actions.set(command, action);
  return command;
}

/** What every command that asks the API is given. */
export interface ApiOptions {
  readonly json?: boolean;
  readonly as?: string;
}

/** Lets `command` print what `action` gives. */
export function answers<Options extends { json?: boolean }, Args extends readonly (string | readonly string[] | undefined)[]>(
  command: Command,
  terminal: Terminal,
  finish: Finish,
  action: (options: Options, ...args: Args) => Promise<Shown> | Shown,
): void {
  command.action(async (...given: unknown[]) => {
    const options = given.at(-2) as Options;
    const shown = await action(options, ...(given.slice(0, -2) as unknown as Args));
    terminal.out(options.json ? `${JSON.stringify(shown.data, null, 2)}\n` : shown.text);
    finish(shown.exitCode ?? 0);
  });
}

/** An account may be looked at and compared with its venue before it is let do more: longer than the API itself waits for that. */
export const COMPARED_LIMIT_MS = REARM_WAIT_MS + 5_000;

/**
 * The API of the instance that this clone runs, as the person that was named.
 * @param answerLimitMs for what takes long
 * @throws CommandFailure
 */
export function connect(terminal: Terminal, { as }: ApiOptions, answerLimitMs?: number): ApiClient {
  return apiClient(findAccess(terminal, as), answerLimitMs);
}

/** A name that is a file's name too: nothing of it leads elsewhere. */
export function personName(text: string): string {
  if (/^[a-z][a-z0-9.-]{1,31}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected 2 to 32 of a–z, 0–9, dot and hyphen, beginning with a letter.');
}

/** For options such as `--limit`. */
export function wholeNumber(least: number, most: number): (text: string) => string {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most) return text;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

export const LIMIT = ['-n, --limit <count>', 'how many at most', wholeNumber(1, 1_000), '20'] as const;
