import type { Command } from 'commander';
import { homePaths } from '../../launcher/home/paths.js';
import { listRestorable, restore, type Restorable, type Restored, type RestorePlan } from '../../launcher/home/restore.js';
import { homeFolder } from '../address.js';
import { addCommand, answers, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { harmless, timeText, type Terminal } from '../terminal.js';

interface RestoreOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
}

const HOUR_MS = 3_600_000;

/** `keelson restore`: what there is to go back to after an upgrade, and the way back. */
export function addRestore(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addCommand(program, 'restore', 'go back to a copy from before an upgrade, after asking; without a name: list them')
    .argument('[copy]', 'the name of a database’s copy, or temporal')
    .option('--yes', 'do not ask');
  answers(command, terminal, finish, async ({ yes }: RestoreOptions, what: string | undefined) => {
    if (terminal.env['DATABASE_URL'] || terminal.env['DATABASE_URL_FILE']) {
      throw new CommandFailure(
        EXIT.usage,
        'DATABASE_URL names a database of your own: no copy of it was made, and a restore of your backup is yours to do. Without DATABASE_URL this is about the one in the home.',
      );
    }
    const paths = homePaths(homeFolder(terminal));
    if (what === undefined) {
      const found = await listRestorable(paths);
      return { data: { home: paths.home, ...found, temporal: found.temporal ?? null }, text: listText(found) };
    }
    const confirm = (plan: RestorePlan): Promise<void> => (yes === true ? Promise.resolve() : asked(terminal, plan));
    const restored = await restore(paths, { what, now: terminal.now, confirm });
    return { data: restored, text: doneText(restored) };
  });
}

function listText({ databases, temporal }: Restorable): string {
  const lines = databases.map(({ name, ageMs }) => `${name}  ${ageMs === null ? '' : `${(ageMs / HOUR_MS).toFixed(1)} h old`}`.trimEnd());
  if (temporal !== undefined) lines.push(`temporal  (${temporal})`);
  return lines.length === 0 ? 'There is no copy to go back to.\n' : `${lines.join('\n')}\nGo back to one: keelson restore <copy>\n`;
}

function planText(plan: RestorePlan): string {
  if (plan.kind === 'temporal')
    return `${plan.copy} takes the place of Temporal’s file, for the build that ran server ${plan.version}; no worker has run since it was made.\n`;
  const { copy, content, halts } = plan;
  const until = content.lastTime === null ? 'before anything was recorded' : `as of ${timeText(content.lastTime)}`;
  return [
    `${copy} (${until}; ${content.rows} rows, all read) takes the place of the database, and Temporal starts empty.`,
    'What was traded since is not in it: reconciliation finds it at the venue. Every account starts halted and paused.',
    ...haltLines(halts),
    '',
  ].join('\n');
}

function haltLines(halts: readonly string[] | undefined): readonly string[] {
  if (halts === undefined) return ['Which halts stand now COULD NOT BE READ: the halt over everything is over them, too.'];
  if (halts.length === 0) return [];
  return ['Halts that stand now stand there as well:', ...halts.map((one) => `  ${harmless(one)}`)];
}

/** P30: what a person types when it runs again; a halt is not ended by one alone. */
const WAY_BACK = [
  'Everything is halted until two people end it:',
  '  keelson reconcile list              what the venue has and the copy has not; decide each',
  '  keelson halts                       each halt, and what is not verified yet',
  '  keelson incidents list              one of each account: databaseChanged; close it, or name it in the request',
  '  keelson rearm --reason …            one person, for each halt',
  '  keelson approvals approve <id> …    another one',
  '  keelson resume <account> --reason …  each account, when no halt is over it',
];

/** @throws CommandFailure when nobody can be asked, or the answer is not yes. */
async function asked(terminal: Terminal, plan: RestorePlan): Promise<void> {
  if (terminal.ask === undefined) throw new CommandFailure(EXIT.usage, `${planText(plan)}Nobody can be asked here: repeat it with --yes.`);
  const answer = await terminal.ask(`${planText(plan)}What is there now is kept. Type yes to go on: `);
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailure(EXIT.refused, 'Nothing was restored.');
}

function doneText({ plan, kept }: Restored): string {
  const next =
    plan.kind === 'temporal'
      ? 'Start the build that ran before.'
      : 'Start the build that ran before the upgrade: this one would migrate the copy again. With a Temporal server of your own, give it an empty namespace.';
  const halts = plan.kind === 'database' ? haltLines(plan.halts) : [];
  const back = plan.kind === 'database' ? WAY_BACK : [];
  return [`Restored from ${plan.copy}. What was there before is kept: ${kept.join(', ')}.`, ...halts, next, ...back, ''].join('\n');
}
