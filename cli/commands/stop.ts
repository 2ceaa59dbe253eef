import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Run, RunPart } from '../../api/read/runbooks.js';
import type { Status } from '../../api/routes/status.js';
import { lockHolder } from '../../launcher/home/lock.js';
import { homePaths } from '../../launcher/home/paths.js';
import { readRunFile } from '../../launcher/home/run-file.js';
import { findAccess, homeFolder } from '../address.js';
import type { ApiClient } from '../api-client.js';
import { addApiCommand, answers, connect, wholeNumber, type ApiOptions, type Finish } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { underHalts } from '../halted.js';
import { leftTable } from '../left-at-venue.js';
import { harmless, type Terminal } from '../terminal.js';

interface StopOptions extends ApiOptions {
  readonly reason: string;
  readonly anyway?: boolean;
  readonly within: string;
}

/** How the shutdown of one account has ended, or what it waits for. */
interface Shutdown {
  readonly account: string;
  readonly runId: string;
  readonly status: Run['status'];
  readonly detail: string | null;
  readonly isSafeToStop: boolean;
  readonly report: RunPart['output'];
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
    const runs = configured.map(({ account }) => ({ account, runId: terminal.newId() }));
    const until = terminal.now() + Number(within) * 1_000;
    const isOver = (): boolean => terminal.now() >= until;
    const shutdowns = await Promise.all(runs.map((run) => shutDown(api, run, reason, isOver)));
    const isSafe = shutdowns.every(({ isSafeToStop }) => isSafeToStop);
    const told = `${shutdowns.map(shutdownText).join('')}${leftTable(shutdowns)}${underHalts(configured)}`;
    if (!isSafe && !anyway) {
      const text = `${told}Nothing was stopped. What to do is above; --anyway stops the processes all the same.\n`;
      return { data: { shutdowns, isStopped: false }, text, exitCode: EXIT.refused };
    }
    const isStopped = await stopHere(terminal, options);
    const end = isStopped
      ? 'Keelson has stopped. The next `npm start` checks each account and lets it go on.\n'
      : 'It does not run from this home: its processes may be stopped now.\n';
    return { data: { shutdowns, isStopped }, text: `${told}${end}` };
  });
}

async function shutDown(
  api: ApiClient,
  { account, runId }: Pick<Shutdown, 'account' | 'runId'>,
  reason: string,
  isOver: () => boolean,
): Promise<Shutdown> {
  await api.post('/v1/runbooks/run', { runbook: 'gracefulShutdown', account, runId, reason });
  for (;;) {
    const { run, parts } = await api.get<{ run: Run; parts: RunPart[] }>('/v1/runbooks/run', { runId });
    // Where a person has to decide, this command waits for nobody.
    if (run.endedTime !== null || run.status === 'waitingForPerson' || run.status === 'paused' || isOver()) {
      const outputOf = (name: string): RunPart['output'] => parts.findLast((part) => part.name === name)?.output ?? null;
      const isSafeToStop = run.endedTime !== null && outputOf('quiet')?.['safeToStop'] === true;
      return { account, runId, status: run.status, detail: run.detail, isSafeToStop, report: outputOf('report') };
    }
    await wait(LOOK_AGAIN_MS);
  }
}

function shutdownText({ account, runId, status, detail, isSafeToStop }: Shutdown): string {
  const how = isSafeToStop ? 'shut down' : 'NOT shut down';
  return `${harmless(`${account}: ${how} (${status}${detail === null ? '' : `: ${detail}`}). See keelson runbooks show ${runId}.`)}\n`;
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
