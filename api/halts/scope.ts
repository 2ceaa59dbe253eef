import type { Latch, LatchScope } from '../../core/control/mode.js';
import type { ApiContext } from '../context.js';
import { RequestError } from '../http/problem.js';
import { assertAccount } from '../read/accounts.js';
import { assertInstrument } from '../read/instruments.js';

export interface HaltTarget {
  readonly scope: LatchScope;
  readonly target?: string | undefined;
  readonly account?: string | undefined;
}

/**
 * What is to be halted. A name that nothing has is refused: who mistypes it at night must not believe that something stands
 * still. @throws RequestError, KeelsonError INPUT_UNKNOWN_ACCOUNT, INPUT_UNKNOWN_INSTRUMENT
 */
export async function haltScope({ urgent: database, config }: ApiContext, { scope, target = '', account }: HaltTarget): Promise<Latch> {
  const wrong = (path: string, message: string): RequestError => new RequestError([{ path: `body.${path}`, message }]);
  const isPart = scope === 'strategy' || scope === 'instrument';
  if (scope === 'everything' && target !== '') throw wrong('target', 'is left out for everything');
  if (scope !== 'everything' && target === '') throw wrong('target', `expected which ${scope}`);
  if (!isPart && account !== undefined) throw wrong('account', 'goes with a strategy or an instrument; an account is a target');
  await assertAccount(database, scope === 'account' ? target : account);
  if (scope === 'instrument') await assertInstrument(database, config, target);
  if (scope === 'venue' || scope === 'strategy') {
    const { rows } = await database.query<{ name: string; account: string }>(
      scope === 'venue'
        ? 'select venue as name, account from accounts order by 1, 2'
        : 'select strategy as name, account from active_strategies union select strategy, account from orders order by 1, 2',
    );
    const known = [...new Set(rows.map(({ name }) => name))].join(', ') || 'none';
    const its = rows.filter(({ name }) => name === target).map((row) => row.account);
    if (its.length === 0) throw wrong('target', `is no ${scope} here: expected one of ${known}`);
    // A strategy stands still in an account where it never moved: that would be called verified, and it goes on elsewhere.
    if (account !== undefined && !its.includes(account))
      throw wrong('account', `has no strategy ${target}, which trades in ${its.join(', ')}`);
  }
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
