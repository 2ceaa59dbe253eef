import type { Command } from 'commander';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { onlyAccount } from '../only-account.js';
import { changedMode, type ChangedMode } from '../halted.js';
import type { Terminal } from '../terminal.js';

interface ControlOptions extends ApiOptions {
  readonly reason: string;
  readonly commandId?: string;
}

/** `keelson pause` and `keelson resume`. */
export function addControl(program: Command, terminal: Terminal, finish: Finish): void {
  const add = (kind: 'pause' | 'resume', summary: string): Command =>
    addApiCommand(program, kind, summary, kind)
      .argument('[account]', 'the account; may be left out where there is only one')
      .option('--command-id <uuid>', 'name of an earlier try: repeating it changes nothing twice');
  // Stopping must be quick: it may go without a reason. Starting again is a decision that somebody will ask about.
  const pause = add('pause', 'stop entries and strategy exits; holds over restarts').option(
    '--reason <text>',
    'why',
    'paused by hand from the command line',
  );
  const resume = add('resume', 'let an account trade again').requiredOption('--reason <text>', 'why');
  for (const command of [pause, resume]) {
    const kind = command.name();
    answers(
      command,
      terminal,
      finish,
      async ({ reason, commandId = terminal.newId(), ...options }: ControlOptions, account: string | undefined) => {
        const api = connect(terminal, options);
        const body = { account: account ?? (await onlyAccount(api)), reason, commandId };
        const data = await api.post<ChangedMode>(`/v1/control/${kind}`, body).catch((error: unknown) => {
          throw error instanceof CommandFailure && error.exitCode === EXIT.unreachable
            ? new CommandFailure(
                EXIT.unreachable,
                `${error.message}\nWhether it was carried out is not known. Repeat it with --command-id ${commandId}`,
                { commandId },
              )
            : error;
        });
        return changedMode(data, kind === 'resume');
      },
    );
  }
}
