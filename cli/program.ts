import { Command, CommanderError } from 'commander';
import { packageVersion } from '../config/index.js';
import { KeelsonError } from '../core/errors.js';
import type { Finish } from './command.js';
import { addAlerts } from './commands/alerts.js';
import { addApprovals } from './commands/approvals.js';
import { addConfig } from './commands/config.js';
import { addControl } from './commands/control.js';
import { addEvents } from './commands/events.js';
import { addHalts } from './commands/halts.js';
import { addIncidents } from './commands/incidents.js';
import { addLedger } from './commands/ledger.js';
import { addLimits } from './commands/limits.js';
import { addKill } from './commands/kill.js';
import { addMode } from './commands/mode.js';
import { addOrders } from './commands/orders.js';
import { addPositions } from './commands/positions.js';
import { addReconcile } from './commands/reconcile.js';
import { addReset } from './commands/reset.js';
import { addSignals } from './commands/signals.js';
import { addStop } from './commands/stop.js';
import { addStatus } from './commands/status.js';
import { addRunbooks } from './commands/runbooks.js';
import { addCalendar } from './commands/calendar.js';
import { addSchedules } from './commands/schedules.js';
import { addStrategies } from './commands/strategies.js';
import { addUsers } from './commands/users.js';
import { addWatch } from './commands/watch.js';
import { addWhoami } from './commands/whoami.js';
import { CommandFailure, EXIT } from './exit.js';
import type { Terminal } from './terminal.js';

/** Every command: a new one is a file in `commands/` and a line here. */
const COMMANDS = [
  addStatus,
  addControl,
  addMode,
  addKill,
  addHalts,
  addApprovals,
  addWatch,
  addAlerts,
  addIncidents,
  addReconcile,
  addLimits,
  addStrategies,
  addOrders,
  addPositions,
  addLedger,
  addSignals,
  addEvents,
  addRunbooks,
  addSchedules,
  addCalendar,
  addUsers,
  addWhoami,
  addConfig,
  addStop,
  addReset,
];

/** All commands. `finish` is told the exit code of the one that ran; usage errors are thrown as commander's own. */
export function buildProgram(terminal: Terminal, finish: Finish): Command {
  const program = new Command('keelson')
    .description('Watch and control a Keelson that runs on this machine.')
    .version(packageVersion())
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.error(text) });
  for (const add of COMMANDS) add(program, terminal, finish);
  return program;
}

/**
 * Runs one command line.
 * @param args what stands after `keelson`.
 * @returns the exit code: 0 done, 1 refused, 2 usage, 3 the ledger differs, 69 nothing answers, 78 configuration.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = buildProgram(terminal, (code) => void (exitCode = code));
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
