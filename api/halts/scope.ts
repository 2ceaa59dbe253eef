import type { Latch, LatchScope } from '../../core/control/mode.js';
import type { ApiContext } from '../context.js';
import { RequestError } from '../http/problem.js';

export interface HaltTarget {
  readonly scope: LatchScope;
  readonly target?: string | undefined;
  readonly account?: string | undefined;
}

/**
 * What is to be halted. No name is refused: it may be right, and not here yet. Where nobody has anything of it the answer says so.
 * @throws RequestError
 */
export function haltScope({ scope, target = '', account }: HaltTarget): Latch {
  const wrong = (path: string, message: string): RequestError => new RequestError([{ path: `body.${path}`, message }]);
  const isPart = scope === 'strategy' || scope === 'instrument';
  if (scope === 'everything' && target !== '') throw wrong('target', 'is left out for everything');
  if (scope !== 'everything' && target === '') throw wrong('target', `expected which ${scope}`);
  if (!isPart && account !== undefined) throw wrong('account', 'goes with a strategy or an instrument; an account is a target');
  return { scope, scopeValue: target, ...(isPart && account !== undefined ? { account } : {}) };
}

/** A drill halts, and sells, for real: it is for paper venues. @throws RequestError */
export async function assertPaper({ urgent: database, config }: ApiContext, { scope, scopeValue, account }: Latch): Promise<void> {
  const { rows } = await database.query<{ account: string; venue: string }>(
    'select account, venue from accounts where account in (select accounts_reached($1, $2, $3)) order by account',
    [scope, scopeValue, account ?? null],
  );
  const live = rows.filter(({ venue }) => config.venues[venue]?.paper !== true);
  if (live.length === 0) return;
  const message = `is for paper venues: ${live.map((row) => row.account).join(', ')} trades real money`;
  throw new RequestError([{ path: 'body.drill', message }]);
}
