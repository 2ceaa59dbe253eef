import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Status } from '../../api/routes/status.js';
import { lockHolder } from '../../launcher/home/lock.js';
import { homePaths } from '../../launcher/home/paths.js';
import { readRunFile } from '../../launcher/home/run-file.js';
import { findAccess, homeFolder } from '../address.js';
import { addApiCommand, answers, connect, wholeNumber, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { underHalts } from '../halted.js';
import { leftTable } from '../left-at-venue.js';
import { nextStart, shutDown, shutdownText, stayPaused, undecided, underHalt } from '../shutdown.js';
import { harmless, type Terminal } from '../terminal.js';

interface StopOptions extends ApiOptions {
  readonly reason: string;
  readonly anyway?: boolean;
  readonly within: string;
}

const LOOK_AGAIN_MS = 500;
/** Longer than all processes together may take to end in order. */
const STOP_LIMIT_MS = 60_000;

/** `keelson stop`: every account is shut down gracefully; then what `npm start` has started ends, where it runs on this machine. */
export function addStop(program: Command, terminal: Terminal, finish: Finish): void {
  const command = addApiCommand(
    program,
    'stop',
    'shut every account down gracefully, tell what is left at the venue, then stop',
    'askRunbook',
  )
    .option('--anyway', 'stop the processes also where an account could not be shut down')
    .option('--within <seconds>', 'look no longer whether they are; the shutdowns go on', wholeNumber(1, 86_400), '1800')
    .requiredOption('--reason <text>', 'why');
  answers(command, terminal, finish, async ({ reason, anyway = false, within, ...options }: StopOptions) => {
    const api = connect(terminal, options);
    const { accounts } = await api.get<Status>('/v1/status');
    const configured = accounts.filter(({ isRetired }) => !isRetired);
    const isHalted = ({ mode }: (typeof configured)[number]): boolean => mode === 'killed';
    const runs = configured.filter((one) => !isHalted(one)).map(({ account }) => ({ account, runId: terminal.newId() }));
    const until = terminal.now() + Number(within) * 1_000;
    const isOver = (): boolean => terminal.now() >= until;
    const say = (line: string): void => {
      if (options.json !== true) terminal.error(`${harmless(line)}\n`);
    };
    if (runs.length > 0) for (const line of await undecided(api)) say(line);
    const ended = await Promise.all(runs.map((run) => shutDown(api, { ...run, newId: terminal.newId }, reason, isOver, say)));
    // Last: that a halt is verified has to be true when the processes end.
    const halted = await underHalt(
      api,
      configured.filter(isHalted).map(({ account }) => account),
    );
    const shutdowns = [...ended, ...halted];
    const isSafe = shutdowns.every(({ isSafeToStop }) => isSafeToStop);
    const proven = new Set(halted.filter((one) => one.isSafeToStop).map(({ account }) => account));
    const warned = underHalts(configured.filter(({ account }) => !proven.has(account)));
    const told = `${shutdowns.map(shutdownText).join('')}${leftTable(ended)}${warned}`;
    if (!isSafe && !anyway) {
      const text = `${told}${stayPaused(ended)}Nothing was stopped. What to do is above; --anyway stops the processes all the same.\n`;
      return { data: { shutdowns, isStopped: false }, text, exitCode: EXIT.refused };
    }
    const after = (await api.get<Status>('/v1/status')).accounts.filter(({ isRetired }) => !isRetired);
    const isStopped = await stopHere(terminal, options);
    const end = isStopped
      ? `Keelson has stopped. ${nextStart(after)}`
      : 'It does not run from this home: its processes may be stopped now.\n';
    return { data: { shutdowns, isStopped }, text: `${told}${end}` };
  });
}

/** @returns false where no `npm start` of this home serves the API that was asked. */
async function stopHere(terminal: Terminal, { as }: ApiOptions): Promise<boolean> {
  const paths = homePaths(homeFolder(terminal));
  const holder = lockHolder(paths.lock);
  const address = readRunFile(paths.runFile)?.addresses.api;
  if (holder === undefined || address !== findAccess(terminal, as).address) return false;
  process.kill(holder.pid, 'SIGTERM');
  for (const until = terminal.now() + STOP_LIMIT_MS; terminal.now() < until;) {
    if (lockHolder(paths.lock)?.pid !== holder.pid) return true;
    await wait(LOOK_AGAIN_MS);
  }
  throw new CommandFailure(EXIT.refused, `Process ${holder.pid} was asked to stop and still runs. See its log in ${paths.logs}.`);
}
