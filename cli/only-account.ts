import type { Status } from '../api/routes/status.js';
import { failure } from '../core/errors.js';
import type { ApiClient } from './api-client.js';
import { CommandFailure, EXIT } from './exit.js';

/** The account that is meant where none is named. @throws CommandFailure when there are several, or none */
export async function onlyAccount(api: ApiClient): Promise<string> {
  const { accounts } = await api.get<Status>('/v1/status');
  const [first, ...others] = accounts.map(({ account }) => account);
  if (first !== undefined && others.length === 0) return first;
  throw new CommandFailure(EXIT.usage, `Say which account: ${namesOf(accounts)}.`);
}

/** An account as it is now. @throws CommandFailure when there is none of this name */
export async function accountSeen(api: ApiClient, account: string): Promise<Status['accounts'][number]> {
  const { accounts } = await api.get<Status>('/v1/status');
  const seen = accounts.find((one) => one.account === account);
  if (seen === undefined)
    throw new CommandFailure(EXIT.refused, failure('INPUT_UNKNOWN_ACCOUNT', { account, known: namesOf(accounts) }).message);
  return seen;
}

const namesOf = (accounts: Status['accounts']): string => accounts.map(({ account }) => account).join(', ') || 'there is none yet';
