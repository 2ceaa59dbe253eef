import { Argument, type Command } from 'commander';
import { addApiCommand, answers, COMPARED_LIMIT_MS, connect, type ApiOptions, type Finish, wholeNumber } from '../command.js';
import { changedMode, type ChangedMode } from '../halted.js';
import { accountSeen, onlyAccount } from '../only-account.js';
import type { Terminal } from '../terminal.js';

interface ModeOptions extends ApiOptions {
  readonly reason: string;
  readonly expectedVersion?: string;
}

/** `keelson mode`: any mode, on what was seen. */
export function addMode(program: Command, terminal: Terminal, finish: Finish): void {
  const mode = addApiCommand(program, 'mode', 'change the mode of an account; to let it do more is held to the rules of a resume', 'pause')
    .addArgument(new Argument('<mode>', 'what it may do').choices(['normal', 'observation', 'reduceOnly', 'paused']))
    .argument('[account]', 'the account; may be left out where there is only one')
    .option(
      '--expected-version <version>',
      'the version it is decided on; the present one when left out',
      wholeNumber(1, 999_999_999_999_999),
    )
    .requiredOption('--reason <text>', 'why');
  answers(
    mode,
    terminal,
    finish,
    async ({ reason, expectedVersion, ...options }: ModeOptions, wanted: string | undefined, named: string | undefined) => {
      const api = connect(terminal, options, COMPARED_LIMIT_MS);
      const account = named ?? (await onlyAccount(api));
      const seen = await accountSeen(api, account);
      const version = expectedVersion === undefined ? seen.controlVersion : Number(expectedVersion);
      const data = await api.post<ChangedMode>('/v1/control/mode', {
        account,
        mode: wanted,
        expectedVersion: version,
        reason,
      });
      return changedMode(data, wanted !== 'paused');
    },
  );
}
