import { KeelsonError } from '../../core/errors.js';
import { effectiveLimits, isLooser, isRequiredAt, letsMorePass, type LimitPlace } from '../../core/risk/limit-rows.js';
import { limitDefinition, type LimitKey, type RowKey } from '../../core/risk/limit-table.js';
import type { Caller } from '../auth/caller.js';
import { changeAs } from '../change-as.js';
import { RequestError } from '../http/problem.js';
import type { Database } from '../read/database.js';
import { accountAt, readLimit, readLimitRows } from '../read/limits.js';
import { agreeWithAnother, applyLimitRequest } from './second-person.js';

export interface LimitWish extends LimitPlace {
  readonly key: RowKey;
  /** Null takes the limit away. */
  readonly value: string | null;
  readonly reason: string;
  readonly commandId: string;
}

const TRIES = 5;

/**
 * Sets a limit: at once where that lets nothing pass that did not pass before, else when another person has approved it.
 * @throws KeelsonError AUTH_APPROVAL_NEEDED, AUTH_APPROVAL_CLOSED, INPUT_UNKNOWN_PLACE, RISK_CONTENTION
 */
export async function setLimit(database: Database, caller: Caller, wish: LimitWish): Promise<void> {
  const { scope, scopeValue, account = null, key, value, reason, commandId } = wish;
  const asked = await accountAt(database, scope === 'venue' ? 'venue' : 'account', account ?? scopeValue);
  if (asked === undefined) throw new KeelsonError('INPUT_UNKNOWN_PLACE', { scope, value: scopeValue });
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const { value: from, version } = await readLimit(database, wish);
    if (from === value) return;
    const change = { scope, scopeValue, account, key, from, value, version };
    if (isLooser(key, scope, from, value)) {
      await agreeWithAnother(database, caller, {
        requestId: commandId,
        action: 'loosenLimit',
        account: asked,
        payload: change,
        reason,
        what: `Setting ${key} of ${scope} ${scopeValue} from ${from ?? unset(key, scope)} to ${value ?? unset(key, scope)}`,
        why: 'it lets more pass than before',
      });
      return applyLimitRequest(database, commandId);
    }
    if ((await changeAs(database, 'tighten_limit', caller, { ...change, reason })) === 'done') return;
    // Somebody has changed it since it was read: what is stricter is looked at anew.
  }
  throw new KeelsonError('RISK_CONTENTION', { account: asked, attempts: TRIES });
}

/** What holds where there is no row. */
function unset(key: RowKey, scope: LimitPlace['scope']): string {
  if (isRequiredAt(key, scope)) return 'none, under which no entry passes,';
  const { usual } = limitDefinition(key);
  return scope !== 'account' || usual === 'none' ? 'no limit' : `its default, ${usual},`;
}

export interface OverrideWish {
  readonly account: string;
  readonly strategy: string | null;
  readonly instrument: string;
  readonly key: LimitKey;
  readonly value: string;
  readonly isForOneOrder: boolean;
  readonly validForMs: number;
  readonly reason: string;
  readonly commandId: string;
}

/**
 * Lets more than a limit pass for a time.
 * @throws RequestError where the value lets nothing pass that does not pass now
 * @throws KeelsonError AUTH_APPROVAL_NEEDED, AUTH_APPROVAL_CLOSED
 */
export async function overrideLimit(database: Database, caller: Caller, wish: OverrideWish): Promise<void> {
  const { commandId, reason, account, ...payload } = wish;
  await assertLooser(database, wish);
  const many = wish.isForOneOrder ? 'one order' : 'every order';
  await agreeWithAnother(database, caller, {
    requestId: commandId,
    action: 'overrideLimit',
    account,
    payload: { account, ...payload },
    reason,
    what: `Letting ${many} in ${wish.instrument} have ${wish.key} ${wish.value} for ${wish.validForMs / 60_000} min`,
    why: 'it lets more pass than the limit',
  });
  await applyLimitRequest(database, commandId);
}

/** A second person is asked for nothing that would change nothing. What was asked for before is answered as it stands, whatever holds by now. */
async function assertLooser(database: Database, { account, strategy, instrument, key, value, commandId }: OverrideWish): Promise<void> {
  const { venue, rows, isAsked } = await readLimitRows(database, account, commandId);
  const named = rows.filter(({ scope }) => scope === 'strategy').map(({ scopeValue }) => scopeValue);
  const [all, ...each] = (strategy === null ? ['', ...named] : [strategy]).map(
    (one) => effectiveLimits(rows, { account, venue, strategy: one, instrument }).limits,
  );
  if (isAsked || all === undefined || [all, ...each].some((limits) => letsMorePass(limits, key, value))) return;
  const holds = [all[key] ?? []].flat().join(' and ');
  const message = `lets nothing pass that does not pass already: ${holds === '' ? 'there is no such limit' : `what holds is ${holds}`}`;
  throw new RequestError([{ path: 'body.value', message }]);
}

/** @throws KeelsonError INPUT_UNKNOWN_OVERRIDE */
export async function endOverride(
  database: Database,
  caller: Caller,
  what: { readonly overrideId: string; readonly reason: string },
): Promise<void> {
  const answer = await changeAs(database, 'end_override', caller, what);
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_OVERRIDE', { override: what.overrideId });
}
