import { existsSync, readdirSync } from 'node:fs';
import type { Command } from 'commander';
import { homePaths } from '../../launcher/home/paths.js';
import { planReset, resetHome } from '../../launcher/home/reset.js';
import { homeFolder } from '../address.js';
import { addCommand, answers, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { harmless, type Terminal } from '../terminal.js';

/** `keelson reset`: empties KEELSON_HOME after asking. */
export function addReset(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addCommand(program, 'reset', 'empty the home after asking: database, runs, paper venue, keys and logs').option(
    '--yes',
    'do not ask',
  );
  answers(command, terminal, finish, async ({ yes }: { json?: boolean; yes?: boolean }) => {
    const paths = homePaths(homeFolder(terminal));
    const plan = await planReset(paths);
    if (plan.paths.length === 0) return { data: { home: paths.home, removed: [] }, text: `There is nothing in ${paths.home}.\n` };
    if (!yes) await confirm(terminal, plan.paths);
    await resetHome(paths, plan);
    // What people may still need, as the evidence of halts, and what is not Keelson's.
    const left = existsSync(paths.home) ? readdirSync(paths.home).toSorted() : [];
    const told = left.length === 0 ? `${paths.home} is empty` : `${paths.home} is as new, but for what stays: ${harmless(left.join(', '))}`;
    return { data: { home: paths.home, removed: plan.paths, left }, text: `${told}. \`npm start\` begins anew.\n` };
  });
}

/** @throws CommandFailure when nobody can be asked, or the answer is not yes. */
async function confirm(terminal: Terminal, paths: readonly string[]): Promise<void> {
  const list = paths.map((path) => `  ${path}\n`).join('');
  if (terminal.ask === undefined) {
    throw new CommandFailure(
      EXIT.usage,
      `This would remove the ledger, orders and keys of this instance:\n${list}Nobody can be asked here: repeat it with --yes.`,
    );
  }
  const answer = await terminal.ask(`This removes the ledger, orders and keys of this instance for ever:\n${list}Type yes to go on: `);
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailure(EXIT.refused, 'Nothing was removed.');
}
