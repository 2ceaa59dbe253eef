import type { Status } from '../api/routes/status.js';
import type { ApiClient } from './api-client.js';
import { harmless } from './terminal.js';

type Account = Status['accounts'][number];
/** What came with later builds is left out by an API of a build before. */
export type KeptAccount = Pick<Account, 'account' | 'mode'> & Partial<Pick<Account, 'heldBy' | 'heldByRunbook' | 'pausedFor' | 'openRuns'>>;

/** Who or what keeps an account from trading as it may, beneath the halts, and what ends that; of one in mode normal nothing does. */
export function keptBy(account: KeptAccount): readonly string[] {
  const { account: name, mode, heldBy = null, heldByRunbook = null, pausedFor = null } = account;
  const kept = [
    ...(heldBy === null ? [] : [`paused by ${heldBy.subject}, only two people end it: ${heldBy.reason}`]),
    ...(pausedFor === null ? [] : [pausedFor]),
    ...(heldByRunbook === null ? [] : [heldText(account, heldByRunbook)]),
  ];
  if (kept.length > 0 || mode === 'normal' || mode === 'killed') return kept;
  return [`in mode ${mode}: keelson events --kind mode.changed tells who set it and why, keelson resume ${name} --reason … ends it`];
}

/** A runbook may hold beneath a pause that came before it: then what it remembers is what is beneath that pause, too. */
function heldText(
  { account, pausedFor = null, openRuns = [] }: KeptAccount,
  { runbook, runId, mode, was }: NonNullable<Account['heldByRunbook']>,
): string {
  // A start-up that goes on brings the account back by itself; one that has ended, perhaps by a halt, has left that to people.
  const goesOn = runbook === 'startUp' && openRuns.some((run) => run.runId === runId);
  const next = goesOn
    ? `keelson runbooks show ${runId}`
    : `keelson runbooks run startUp --account ${account} --reason … checks it and lets it go on, keelson resume ${account} --reason … does so unchecked (run ${runId})`;
  const held =
    pausedFor === null
      ? `held in ${mode} by ${runbook}, before it was in ${was}`
      : `beneath that pause held in ${mode} by ${runbook}, and in ${was} when both have ended`;
  return `${held}: ${next}`;
}

/**
 * What the end of a halt does not bring back: the accounts that do not trade as they may, and what lets them. The halt has ended, whatever
 * becomes of this look.
 */
export async function keptAfterHalt(api: ApiClient): Promise<string> {
  const status = await api.get<Pick<Status, 'accounts'>>('/v1/status').catch(() => undefined);
  if (status === undefined) return 'Whether every account goes on is not known: keelson status\n';
  const lines = status.accounts
    .filter(({ isRetired }) => !isRetired)
    .flatMap((account) => {
      const kept = account.mode === 'killed' ? ['another halt stands over it (keelson halts)'] : keptBy(account);
      return kept.map((why) => `  ${harmless(`${account.account}: ${why}`)}\n`);
    });
  return lines.length === 0 ? '' : `These accounts do not go on by that alone:\n${lines.join('')}`;
}
