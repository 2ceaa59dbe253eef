import { setTimeout as wait } from 'node:timers/promises';
import type { Difference } from '../api/read/reconciliations.js';
import type { Halt } from '../api/read/halts.js';
import type { Run, RunPart, ShownPlan } from '../api/read/runbooks.js';
import type { ApiClient } from './api-client.js';
import type { KeptAccount } from './kept.js';
import { harmless } from './terminal.js';

/** How the shutdown of one account has ended, or what it waits for. */
export interface Shutdown {
  readonly account: string;
  /** Null where a halt stands over the account: there is nothing to run under it. */
  readonly runId: string | null;
  readonly status: Run['status'] | 'halted';
  readonly detail: string | null;
  readonly isSafeToStop: boolean;
  /** What lets a shutdown that is not over go on; null: nothing is needed, or nothing of it is left. */
  readonly wayOn: string | null;
  readonly report: RunPart['output'];
}

const LOOK_AGAIN_MS = 500;
/** For a person, this one or another. */
const WAITS: readonly Run['status'][] = ['waitingForPerson', 'waitingForApproval', 'paused'];
/** More of them than anybody reads before a stop. */
const MOST_DIFFERENCES = '100';

/** Which accounts have differences that a person has to decide: no shutdown finds them clean, however long it compares. */
export async function undecided(api: ApiClient): Promise<readonly string[]> {
  const { differences } = await api.get<{ differences: Difference[] }>('/v1/reconciliations', { limit: MOST_DIFFERENCES });
  const open = differences.filter(({ status }) => status === 'open').map(({ account }) => account);
  return [...new Set(open)].map((account) => {
    const count = open.filter((one) => one === account).length;
    const what = count === 1 ? 'a difference waits' : `${count} differences wait`;
    return `${account}: ${what} for a person (keelson reconcile list); until it is decided no comparison finds the account clean, and the shutdown ends with that as a failure`;
  });
}

/**
 * Shuts an account down by its runbook. Where that is under way already this follows it, whoever has asked for it.
 * @param newId of a run for one that another has come before
 * @param say told of each step as it begins, and of what a step has found
 */
export async function shutDown(
  api: ApiClient,
  { account, runId, newId }: { readonly account: string; readonly runId: string; readonly newId: () => string },
  reason: string,
  isOver: () => boolean,
  say: (line: string) => void,
): Promise<Shutdown> {
  const asked = await api.post<Run>('/v1/runbooks/run', { runbook: 'gracefulShutdown', account, runId, reason });
  if (asked.runId === runId)
    say(`${account}: is shut down (keelson runbooks show ${runId}). Ctrl-C ends this command alone; ${wayOut(runId)}`);
  else {
    const { subject, reason: why } = asked;
    say(
      `${account}: is being shut down already, as ${subject ?? 'Keelson'} has asked for (${why}): this follows run ${asked.runId}. ${wayOut(asked.runId)}`,
    );
  }
  const end = await follow(api, { account, runId: asked.runId }, isOver, say);
  // Another was asked for in the same moment and has begun before.
  if (end.status !== 'locked' || asked.runId !== runId) return end;
  const first = await api.post<Run>('/v1/runbooks/run', { runbook: 'gracefulShutdown', account, runId: newId(), reason });
  return follow(api, { account, runId: first.runId }, isOver, say);
}

async function follow(
  api: ApiClient,
  { account, runId }: { readonly account: string; readonly runId: string },
  isOver: () => boolean,
  say: (line: string) => void,
): Promise<Shutdown> {
  let told = 0;
  for (;;) {
    const { run, plan, parts } = await api.get<{ run: Run; plan: ShownPlan | null; parts: RunPart[] }>('/v1/runbooks/run', { runId });
    const lines = progress(plan, parts);
    for (const line of lines.slice(told)) say(`${account}: ${line}`);
    told = lines.length;
    // Where a person has to decide, this command waits for nobody.
    if (run.endedTime !== null || WAITS.includes(run.status) || isOver()) {
      const outputOf = (name: string): RunPart['output'] => parts.findLast((part) => part.name === name)?.output ?? null;
      const isSafeToStop = run.endedTime !== null && outputOf('quiet')?.['safeToStop'] === true;
      return { account, runId, status: run.status, detail: run.detail, isSafeToStop, wayOn: wayOn(run, parts), report: outputOf('report') };
    }
    await wait(LOOK_AGAIN_MS);
  }
}

const wayOut = (runId: string): string =>
  `keelson runbooks abort ${runId} --reason … takes the shutdown back, and keelson stop --within 10 --anyway --reason … stops without its end.`;

/** How people let a run go on that is not over. */
function wayOn({ runId, status, endedTime }: Run, parts: readonly RunPart[]): string | null {
  if (endedTime !== null) return null;
  const abort = `keelson runbooks abort ${runId} takes the shutdown back`;
  switch (status) {
    case 'waitingForPerson': {
      const at = `${runId} ${parts.at(-1)?.step ?? 1}`;
      return `It waits for a person: keelson runbooks retry ${at} tries the step again once that is mended, keelson runbooks skip ${at} leaves it out (risk, admin), ${abort}`;
    }
    case 'paused':
      return `A person has paused it: keelson runbooks resume ${runId} lets it go on, ${abort}`;
    case 'waitingForApproval':
      return `Another person has to approve it (keelson approvals); then it runs, and keelson stop, said again, follows it; ${abort}`;
    default:
      return 'It goes on by itself: keelson stop, said again, follows it';
  }
}

/** A line for each step that has begun, and one for what the step before it has found: only ever more of them. */
function progress(plan: ShownPlan | null, parts: readonly RunPart[]): readonly string[] {
  const titleOf = ({ step, name }: RunPart): string => plan?.steps.find((one) => one.step === step)?.title ?? name;
  return parts.flatMap((part, index) => {
    const isNew = parts.findIndex(({ step }) => step === part.step) === index;
    // What is still being done may find something yet; what comes behind it is told with the next look.
    const found = part.outcome === 'failed' && index < parts.length - 1 ? [`step ${part.step}: ${part.detail ?? 'it has failed'}`] : [];
    return [...(isNew ? [`step ${part.step} of ${plan?.steps.length ?? '?'}: ${titleOf(part)}`] : []), ...found];
  });
}

/**
 * A halt goes before every runbook, and has canceled and proven more than a shutdown does: once the venue has shown its target nothing of
 * the account is on its way. @param accounts those that were halted when the stop was asked for
 */
export async function underHalt(api: ApiClient, accounts: readonly string[]): Promise<readonly Shutdown[]> {
  if (accounts.length === 0) return [];
  const { halts } = await api.get<{ halts: Halt[] }>('/v1/halts');
  const wide = halts.filter(({ scope }) => scope !== 'strategy' && scope !== 'instrument');
  return accounts.map((account): Shutdown => {
    const over = wide.flatMap((halt) => halt.accounts.filter((one) => one.account === account));
    const missing = over.filter(({ phase }) => phase !== 'verified').flatMap(({ phase, unverified: [first = phase] }) => [first]);
    const files = over.flatMap(({ evidence }) => (evidence === null ? [] : [evidence.path]));
    const what = { account, runId: null, status: 'halted' as const, wayOn: null, report: null };
    if (over.length === 0) return { ...what, isSafeToStop: false, detail: 'its halt has ended meanwhile: say it again' };
    if (missing.length > 0) return { ...what, isSafeToStop: false, detail: `not verified yet: ${missing.join('; ')}` };
    const left = files.length === 0 ? '' : `; what it has left at the venue is in ${files.join(', ')}`;
    return { ...what, isSafeToStop: true, detail: `verified: nothing of it is on its way, and the halt stands at the next start${left}` };
  });
}

export function shutdownText({ account, runId, status, detail, isSafeToStop, wayOn: next }: Shutdown): string {
  const how = runId === null ? (isSafeToStop ? 'may be stopped' : 'may NOT be stopped') : isSafeToStop ? 'shut down' : 'NOT shut down';
  const see = runId === null ? 'See keelson halts' : `See keelson runbooks show ${runId}`;
  return `${harmless(`${account}: ${how} (${status}${detail === null ? '' : `: ${detail}`}). ${next === null ? '' : `${next}. `}${see}.`)}\n`;
}

/** That accounts are shut down, also where the processes go on because of another. */
export function stayPaused(ended: readonly Shutdown[]): string {
  const over = ended.filter(({ isSafeToStop }) => isSafeToStop).map(({ account }) => account);
  if (over.length === 0) return '';
  return harmless(`${over.join(', ')}: shut down all the same, and paused until keelson runbooks run startUp, or the next start.`) + '\n';
}

/** What the next start makes of the accounts: it lets go on only what nothing but the shutdown keeps. */
export function nextStart(accounts: readonly KeptAccount[]): string {
  const kept = accounts.flatMap((account) => {
    const why = keptOverStart(account);
    return why === undefined ? [] : [`  ${harmless(`${account.account}: ${why}`)}\n`];
  });
  if (kept.length === 0) return 'The next `npm start` checks each account and lets it go on.\n';
  return `The next \`npm start\` checks each account; these do not go on by themselves:\n${kept.join('')}`;
}

function keptOverStart({ mode, heldBy = null, heldByRunbook = null, pausedFor = null }: KeptAccount): string | undefined {
  if (mode === 'killed') return 'halted, until two people end the halt (keelson halts)';
  if (pausedFor !== null) return pausedFor;
  if (heldBy !== null) return `paused by ${heldBy.subject}, until two people end it: ${heldBy.reason}`;
  // A shutdown holds what it has found, which is what comes back.
  const was = heldByRunbook?.was ?? mode;
  return was === 'normal' ? undefined : `in mode ${was}, until a person resumes it`;
}
