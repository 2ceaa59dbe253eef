import { KeelsonError } from '../../core/errors.js';
import { effectiveLimits, isLooser, isOverrideWithin, isRequiredAt, letsMorePass, type LimitPlace } from '../../core/risk/limit-rows.js';
import { limitDefinition, type LimitKey, type RowKey } from '../../core/risk/limit-table.js';
import type { Caller } from '../auth/caller.js';
import { changeAs } from '../change-as.js';
import { RequestError } from '../http/problem.js';
import type { Database } from '../read/database.js';
import { accountAt, readLimit, readLimitRows, readOverridesInReach, type ReachedOverride } from '../read/limits.js';
import { agreeWithAnother, applyLimitRequest } from './second-person.js';

export interface LimitWish extends LimitPlace {
  readonly key: RowKey;
  /** Null takes the limit away. */
  readonly value: string | null;
  readonly reason: string;
  readonly commandId: string;
}

/** What a limit that was set does to what two people let more than a limit pass. */
export interface LimitSet {
  /** Overrides that it has ended: they let more pass than it does. */
  readonly ended: readonly ReachedOverride[];
  /** Where it was set already, those that let more pass than it does all the same. */
  readonly standing: readonly ReachedOverride[];
}
const NOTHING_ENDED: LimitSet = { ended: [], standing: [] };

const TRIES = 5;

/**
 * Sets a limit: at once where that lets nothing pass that did not pass before, else when another person has approved it. What is set at once holds at
 * once: overrides that let more pass end with it.
 * @throws KeelsonError AUTH_APPROVAL_NEEDED, AUTH_APPROVAL_CLOSED, INPUT_UNKNOWN_PLACE, RISK_CONTENTION
 */
export async function setLimit(database: Database, caller: Caller, wish: LimitWish): Promise<LimitSet> {
  const { scope, scopeValue, account = null, key, value, reason, commandId } = wish;
  const asked = await accountAt(database, scope === 'venue' ? 'venue' : 'account', account ?? scopeValue);
  if (asked === undefined) throw new KeelsonError('INPUT_UNKNOWN_PLACE', { scope, value: scopeValue });
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const { value: from, version } = await readLimit(database, wish);
    const isWithin = (one: ReachedOverride): boolean => isOverrideWithin(key, scope, value, one.value);
    if (from === value) return { ended: [], standing: (await readOverridesInReach(database, wish)).filter((one) => !isWithin(one)) };
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
      await applyLimitRequest(database, commandId);
      return NOTHING_ENDED;
    }
    const keeps = (await readOverridesInReach(database, wish)).filter(isWithin).map(({ overrideId }) => overrideId);
    const answer = await tighten(database, caller, { ...change, keeps, reason });
    if (answer.result === 'done') return { ended: answer.ended ?? [], standing: [] };
    // Somebody has changed it since it was read: what is stricter is looked at anew.
  }
  throw new KeelsonError('RISK_CONTENTION', { account: asked, attempts: TRIES });
}

async function tighten(
  database: Database,
  { subject, keyId }: Caller,
  change: object,
): Promise<{ readonly result: string; readonly ended?: readonly ReachedOverride[] }> {
  const { rows } = await database.query<{ answer: { result: string; ended?: ReachedOverride[] } }>(
    'select tighten_limit($1::jsonb) as answer',
    [JSON.stringify({ ...change, subject, underKey: keyId })],
  );
  return rows[0]?.answer ?? { result: 'unknown' };
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
  const askedOver = await readLooserThan(database, wish);
  const many = wish.isForOneOrder ? 'one order' : 'every order';
  await agreeWithAnother(database, caller, {
    requestId: commandId,
    action: 'overrideLimit',
    account,
    payload: { account, ...payload },
    askedOver,
    reason,
    what: `Letting ${many} in ${wish.instrument} have ${wish.key} ${wish.value} for ${wish.validForMs / 60_000} min`,
    why: 'it lets more pass than the limit',
  });
  await applyLimitRequest(database, commandId);
}

/**
 * A second person is asked for nothing that would change nothing. What was asked for before is answered as it stands, whatever holds by now.
 * @returns the versions of the limits that were looked at
 */
async function readLooserThan(database: Database, wish: OverrideWish): Promise<object> {
  const { account, strategy, instrument, key, value } = wish;
  const { venue, rows, versions, isAsked } = await readLimitRows(database, wish);
  const named = rows.filter(({ scope }) => scope === 'strategy').map(({ scopeValue }) => scopeValue);
  const [all, ...each] = (strategy === null ? ['', ...named] : [strategy]).map(
    (one) => effectiveLimits(rows, { account, venue, strategy: one, instrument }).limits,
  );
  if (isAsked || all === undefined || [all, ...each].some((limits) => letsMorePass(limits, key, value))) return versions;
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
