import { InvalidArgumentError, type Command } from 'commander';
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
export function addCommand(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary).option('--json', 'print JSON instead of text').allowExcessArguments(false);
}

/** Lets `command` print what `action` gives. */
export function answers<Options extends { json?: boolean }, Args extends readonly (string | undefined)[]>(
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

/** The API of the instance that this clone runs. @throws CommandFailure */
export function connect(terminal: Terminal): ApiClient {
  return apiClient(findAccess(terminal));
}

/** For options such as `--limit`. */
export function wholeNumber(least: number, most: number): (text: string) => string {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most) return text;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

export const LIMIT = ['-n, --limit <count>', 'how many at most', wholeNumber(1, 1_000), '20'] as const;
