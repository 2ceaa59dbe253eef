import type { Command } from 'commander';
import { addApiCommand, answers, COMPARED_LIMIT_MS, connect, type ApiOptions, type Finish, type Shown, wholeNumber } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { changedMode, type ChangedMode } from '../halted.js';
import { accountSeen, onlyAccount } from '../only-account.js';
import { timeText, type Terminal } from '../terminal.js';

interface ControlOptions extends ApiOptions {
  readonly reason: string;
  readonly commandId?: string;
  readonly expectedVersion?: string;
}

/** `keelson pause` and `keelson resume`. */
export function addControl(program: Command, terminal: Terminal, finish: Finish): void {
  const add = (kind: 'pause' | 'resume', summary: string, decidedOn: string): Command =>
    addApiCommand(program, kind, summary, kind)
      .argument('[account]', 'the account; may be left out where there is only one')
      .option('--command-id <uuid>', 'name of an earlier try: repeating it changes nothing twice')
      .option('--expected-version <version>', decidedOn, wholeNumber(1, 999_999_999_999_999));
  // Stopping must be quick: it may go without a reason, and on whatever is by then. Starting again is a decision that somebody will
  // ask about, on what was seen.
  const pause = add(
    'pause',
    'stop entries and strategy exits; entries that rest are canceled; holds over restarts',
    'only if the account still is at this version; whatever it is by then when left out',
  ).option('--reason <text>', 'why', 'paused by hand from the command line');
  const resume = add(
    'resume',
    'let an account trade again',
    'the version that it is decided on (keelson status); the present one, which is shown, when left out',
  ).requiredOption('--reason <text>', 'why');
  answers(pause, terminal, finish, (options: ControlOptions, named: string | undefined) => tell(terminal, 'pause', options, named));
  answers(resume, terminal, finish, (options: ControlOptions, named: string | undefined) => tell(terminal, 'resume', options, named));
}

async function tell(terminal: Terminal, kind: 'pause' | 'resume', options: ControlOptions, named: string | undefined): Promise<Shown> {
  const { reason, commandId = terminal.newId(), ...rest } = options;
  const api = connect(terminal, rest, COMPARED_LIMIT_MS);
  const account = named ?? (await onlyAccount(api));
  const given = options.expectedVersion === undefined ? undefined : Number(options.expectedVersion);
  const seen = kind === 'resume' && given === undefined ? await accountSeen(api, account) : undefined;
  const expectedVersion = given ?? seen?.controlVersion;
  const body = { account, reason, commandId, ...(expectedVersion === undefined ? {} : { expectedVersion }) };
  const data = await api.post<ChangedMode>(`/v1/control/${kind}`, body).catch((error: unknown) => {
    if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unreachable) throw error;
    throw new CommandFailure(
      EXIT.unreachable,
      `${error.message}\nWhether it was carried out is not known. Repeat it with --command-id ${commandId}`,
      { commandId },
    );
  });
  const shown = changedMode(data, kind === 'resume');
  // What is told again was decided before, on what its row says.
  if (seen === undefined || options.commandId !== undefined) return shown;
  const { mode, controlVersion, modeSince } = seen;
  return { ...shown, text: `${shown.text}It was decided on version ${controlVersion}: ${mode} since ${timeText(modeSince)}.\n` };
}
