import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { homePaths } from '../../launcher/home/paths.js';
import { planReset, resetHome } from '../../launcher/home/reset.js';
import { homeFolder } from '../address.js';
import { addCommand, answers, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import type { Terminal } from '../terminal.js';

/** `keelson reset`: empties KEELSON_HOME after asking. */
export function addReset(program: Command, terminal: Terminal, finish: Finish): void {
  const reset = addCommand(program, 'reset', 'empty the home after asking: database, runs, paper venue, keys and logs').option(
    '--yes',
    'do not ask',
  );
  answers(reset, terminal, finish, async (options: { json?: boolean; yes?: boolean }) => {
    const paths = homePaths(homeFolder(terminal));
    const plan = await planReset(paths);
    if (plan.paths.length === 0) return { data: { home: paths.home, removed: [] }, text: `There is nothing in ${paths.home}.\n` };
    if (options.yes !== true) {
      terminal.error(`This removes for ever:\n${plan.paths.map((path) => `  ${path}\n`).join('')}`);
      await confirmed();
    }
    await resetHome(paths, plan);
    return { data: { home: paths.home, removed: plan.paths }, text: `${paths.home} is empty. \`npm start\` begins anew.\n` };
  });
}

/** @throws CommandFailure when nobody can be asked, or the answer is not `yes`. */
async function confirmed(): Promise<void> {
  if (process.stdin.isTTY !== true) throw new CommandFailure(EXIT.usage, 'Nobody can be asked here: say --yes.');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // End of input without an answer is a no.
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  const answer = await Promise.race([lines.question('Type yes to go on: '), ended]);
  lines.close();
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailure(EXIT.refused, 'Nothing was removed.');
}
