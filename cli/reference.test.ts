import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { importEdges } from '../test/tidy/imports/graph.js';
import { readTree } from '../test/tidy/tree.js';
import { ACTIONS } from '../core/people/actions.js';
import { actionOf } from './command.js';
import { EXIT } from './exit.js';
import { buildProgram, COMMANDS } from './program.js';

const root = new URL('..', import.meta.url).pathname;
const nowhere = { env: {}, root, now: () => 0, newId: () => '', out: () => undefined, error: () => undefined };

/** `config check` and the like: what can be called. */
function leaves(command: Command, path = ''): { call: string; command: Command }[] {
  return command.commands.flatMap((child) => {
    const call = `${path}${child.name()}`;
    return child.commands.length === 0 ? [{ call, command: child }] : leaves(child, `${call} `);
  });
}
const commands = leaves(await buildProgram(nowhere, () => undefined));

/** Told once for all, above the table. */
const EVERYWHERE = ['--json', '--as <person>'];

test('docs/reference/cli.md lists every command with who may and its flags', () => {
  const rows = commands.map(({ call, command }) => {
    const takes = [
      ...command.registeredArguments.map((argument) => `[${argument.name()}]`),
      ...command.options.map((option) => option.flags),
    ].filter((flags) => !EVERYWHERE.includes(flags));
    const action = actionOf(command);
    const who = action === undefined ? 'local' : action === 'read' ? 'any key' : ACTIONS[action].join(', ');
    return `| \`keelson ${call}\` | ${who} | ${takes.map((flag) => `\`${flag}\``).join(', ') || '–'} | ${command.description()} |`;
  });
  const page = readFileSync(`${root}docs/reference/cli.md`, 'utf8');
  expect(page.split('\n').filter((line) => line.startsWith('| `keelson '))).toEqual(rows);
});

test('docs/reference/cli.md lists every exit code', () => {
  const page = readFileSync(`${root}docs/reference/cli.md`, 'utf8');
  const listed = page.split('\n').flatMap((line) => /^\| (\d+) \|/.exec(line)?.[1] ?? []);
  expect(listed.map(Number)).toEqual(Object.values(EXIT));
});

test.each(commands)('keelson $call says who may, and runs as whoever it is told to', ({ command }) => {
  let help = '';
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
  const action = actionOf(command);
  expect(help.includes('--as <person>')).toBe(action !== undefined);
  expect(/Who may: (.*)\./.exec(help)?.[1]).toBe(action === undefined ? undefined : ACTIONS[action].join(', '));
});

test.each(commands)('keelson $call can print JSON', ({ command }) => {
  expect(command.options.map((option) => option.long)).toContain('--json');
});

test.each(COMMANDS)('the file of $names adds these, and is found by each of them', async ({ names }) => {
  for (const name of names) {
    const program = await buildProgram(nowhere, () => undefined, name);
    expect(program.commands.map((command) => command.name())).toEqual(names);
  }
});

test('a halt reads nothing that it does not need: no venue, no Temporal, no database, no schema', async () => {
  const edges = importEdges(readTree()).filter(({ isTypeOnly }) => !isTypeOnly);
  const needed = new Set(['cli/main.ts', 'cli/commands/kill.ts']);
  // What is named in an import() is read when it is wanted.
  for (const path of needed) {
    for (const { to } of edges.filter(({ from, isDynamic }) => from === path && !isDynamic)) needed.add(to);
  }
  const packages = [...needed].filter((path) => !path.endsWith('.ts') && !path.startsWith('node:'));
  expect(packages.toSorted()).toEqual(['commander', 'decimal.js']);
});
