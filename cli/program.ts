import { Command, CommanderError } from 'commander';
// Not the whole of it: what checks a configuration is not needed to halt.
import { packageVersion } from '../config/build.js';
import { KeelsonError } from '../core/errors.js';
import type { Finish } from './command.js';
import { CommandFailure, EXIT } from './exit.js';
import type { Terminal } from './terminal.js';

interface CommandFile {
  /** What it adds. */
  readonly names: readonly string[];
  readonly load: () => Promise<(program: Command, terminal: Terminal, finish: Finish) => void>;
}

/**
 * Every command: a new one is a file in `commands/` and a line here. Only the file of the one that is called is read: whoever
 * halts waits for nothing that `kill` does not need.
 */
export const COMMANDS: readonly CommandFile[] = [
  { names: ['status'], load: async () => (await import('./commands/status.js')).addStatus },
  { names: ['pause', 'resume'], load: async () => (await import('./commands/control.js')).addControl },
  { names: ['mode'], load: async () => (await import('./commands/mode.js')).addMode },
  { names: ['kill'], load: async () => (await import('./commands/kill.js')).addKill },
  { names: ['halts', 'rearm'], load: async () => (await import('./commands/halts.js')).addHalts },
  { names: ['approvals'], load: async () => (await import('./commands/approvals.js')).addApprovals },
  { names: ['watch'], load: async () => (await import('./commands/watch.js')).addWatch },
  { names: ['alerts'], load: async () => (await import('./commands/alerts.js')).addAlerts },
  { names: ['incidents', 'block', 'unblock'], load: async () => (await import('./commands/incidents.js')).addIncidents },
  { names: ['reconcile'], load: async () => (await import('./commands/reconcile.js')).addReconcile },
  { names: ['limits'], load: async () => (await import('./commands/limits.js')).addLimits },
  { names: ['strategies'], load: async () => (await import('./commands/strategies.js')).addStrategies },
  { names: ['orders', 'decide'], load: async () => (await import('./commands/orders.js')).addOrders },
  { names: ['positions'], load: async () => (await import('./commands/positions.js')).addPositions },
  { names: ['ledger'], load: async () => (await import('./commands/ledger.js')).addLedger },
  { names: ['signals'], load: async () => (await import('./commands/signals.js')).addSignals },
  { names: ['events'], load: async () => (await import('./commands/events.js')).addEvents },
  { names: ['runbooks'], load: async () => (await import('./commands/runbooks.js')).addRunbooks },
  { names: ['schedules'], load: async () => (await import('./commands/schedules.js')).addSchedules },
  { names: ['calendar'], load: async () => (await import('./commands/calendar.js')).addCalendar },
  { names: ['users'], load: async () => (await import('./commands/users.js')).addUsers },
  { names: ['whoami'], load: async () => (await import('./commands/whoami.js')).addWhoami },
  { names: ['config'], load: async () => (await import('./commands/config.js')).addConfig },
  { names: ['stop'], load: async () => (await import('./commands/stop.js')).addStop },
  { names: ['reset'], load: async () => (await import('./commands/reset.js')).addReset },
  { names: ['restore'], load: async () => (await import('./commands/restore.js')).addRestore },
];

/**
 * The program with all commands, or only with those of the file that has `called`. `finish` is told the exit code of the one that ran;
 * usage errors are thrown as commander's own.
 */
export async function buildProgram(terminal: Terminal, finish: Finish, called?: string): Promise<Command> {
  const program = new Command('keelson')
    .description('Watch and control a Keelson that runs on this machine.')
    .version(packageVersion())
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.error(text) });
  const one = COMMANDS.find(({ names }) => called !== undefined && names.includes(called));
  for (const add of await Promise.all((one === undefined ? COMMANDS : [one]).map(({ load }) => load()))) add(program, terminal, finish);
  return program;
}

/**
 * Runs one command line.
 * @param args what stands after `keelson`.
 * @returns the exit code: 0 done, 1 refused, 2 usage, 3 the ledger differs, 69 nothing answers, 78 configuration.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = await buildProgram(terminal, (code) => void (exitCode = code), args[0]);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return told(error, args.includes('--json'), terminal);
  }
}

function told(error: unknown, asJson: boolean, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const failure =
    error instanceof KeelsonError
      ? new CommandFailure(/^(CONFIG|MODEL)_/.test(error.failure.code) ? EXIT.configuration : EXIT.refused, error.message, {
          code: error.failure.code,
        })
      : error;
  if (!(failure instanceof CommandFailure)) throw error;
  terminal.error(asJson ? `${JSON.stringify(failure.problem)}\n` : `${failure.message}\n`);
  return failure.exitCode;
}
