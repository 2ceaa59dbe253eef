import { isInScope, type FlattenPolicy, type LatchScope, type LatchTarget } from '../control/mode.js';
import { decimal, isDecimalText, type DecimalText } from '../money/index.js';
import { LIMIT_KEYS, isWatchLimit, limitDefinition, type LimitKey, type RowKey, type WatchLimitKey } from './limit-table.js';
import type { Limits, WatchLimits } from './limits.js';
import { areHoursWithin, hoursOf } from './trading-hours.js';

export type LimitScope = Exclude<LatchScope, 'everything'>;

/** Whose orders a row binds. For strategy and instrument scope `account` says whose; for account scope it is the value itself. */
export interface LimitPlace {
  readonly scope: LimitScope;
  readonly scopeValue: string;
  readonly account?: string;
}

/** The newest version of a limit at one place. */
export interface LimitRow extends LimitPlace {
  readonly key: RowKey;
  /** As text, whatever its kind; null where people have taken the limit away. */
  readonly value: string | null;
  readonly version: number;
}

/** `none` bounds nothing; it is the loosest policy, too. */
const NONE = 'none';
const AT_ONCE = 'atOnce' satisfies FlattenPolicy;

/** Whether there may be rows of that limit in such a scope. */
export function isLimitScope(key: RowKey, scope: LimitScope): boolean {
  return !isWatchLimit(key) || scope === 'account' || scope === 'venue';
}

/** Whether the text is a value of that limit. */
export function isLimitValue(key: RowKey, value: string): boolean {
  const { kind, least, most } = limitDefinition(key);
  if (kind === 'policy') return value === NONE || value === AT_ONCE;
  if (kind === 'ratio') return isDecimalText(value) && decimal(value).gte(least) && decimal(value).lte(most);
  if (kind === 'hours') return hoursOf(value) !== undefined;
  if (kind === 'amount') return isDecimalText(value) && decimal(value).gt(0);
  return /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most;
}

/** What `isLimitValue` takes, in words. */
export function limitValueText(key: RowKey): string {
  const { kind, least, most } = limitDefinition(key);
  switch (kind) {
    case 'policy':
      return `${NONE} or ${AT_ONCE}`;
    case 'ratio':
      return `a decimal from ${least} to ${most}`;
    case 'amount':
      return 'a decimal above 0, without an exponent';
    case 'hours':
      return 'hours such as mon-fri 13:30-20:00';
    case 'count':
      return `a whole number from ${least} to ${most}`;
  }
}

/** What a value, or its absence, means at a place: only the account's own row stands in for the default. */
function boundOf(key: RowKey, scope: LimitScope, value: string | null): string {
  if (value !== null) return value;
  const { usual } = limitDefinition(key);
  return scope === 'account' && usual !== 'required' ? usual : NONE;
}

/** Whether without a value at that place no entry of the account passes: a required limit of the account itself. */
export function isRequiredAt(key: RowKey, scope: LimitScope): boolean {
  return scope === 'account' && limitDefinition(key).usual === 'required';
}

/** What to tell whoever sets a value, or takes it away: one person stops every entry so, and does not let them pass again alone. Null: nothing. */
export function warningOf(
  key: RowKey,
  { scope, scopeValue }: Pick<LimitPlace, 'scope' | 'scopeValue'>,
  value: string | null,
): string | null {
  if (value !== null || !isRequiredAt(key, scope)) return null;
  return `Without ${key} no entry of account ${scopeValue} passes, and to set it again takes two people.`;
}

/**
 * Whether `to` lets anything pass at that place that `from` does not. Without a required limit of an account nothing passes: to take it
 * away is the strictest of all, and whatever stands in its place then lets more pass.
 */
export function isLooser(key: RowKey, scope: LimitScope, from: string | null, to: string | null): boolean {
  if (isRequiredAt(key, scope) && (from === null || to === null)) return to !== null;
  return !isAsStrict(key, boundOf(key, scope, to), boundOf(key, scope, from));
}

function isAsStrict(key: RowKey, one: string, other: string): boolean {
  if (other === NONE) return true;
  if (one === NONE) return false;
  const { kind, stricter } = limitDefinition(key);
  if (kind === 'policy') return one === AT_ONCE || other === one;
  if (kind !== 'hours') return stricter === 'lower' ? decimal(one).lte(decimal(other)) : decimal(one).gte(decimal(other));
  return areHoursWithin(one, other);
}

/** What holds for an order: the strictest of all rows in its scope, and of required limits those that nobody has set. */
export function effectiveLimits(
  rows: readonly LimitRow[],
  target: LatchTarget,
): { readonly limits: Limits; readonly missing: readonly LimitKey[] } {
  const inScope = rows.filter((row) => isInScope(row, target));
  const missing: LimitKey[] = [];
  const values = LIMIT_KEYS.map((key) => {
    const { standing, bounds } = boundsOf(key, inScope);
    if (standing === null && limitDefinition(key).usual === 'required') missing.push(key);
    return [key, valueOf(key, bounds)] as const;
  });
  return { limits: Object.fromEntries(values) as unknown as Limits, missing };
}

function boundsOf(key: RowKey, inScope: readonly LimitRow[]): { readonly standing: string | null; readonly bounds: readonly string[] } {
  const own = inScope.filter((row) => row.key === key);
  const standing = own.find((row) => row.scope === 'account')?.value ?? null;
  const narrower = own.filter((row) => row.scope !== 'account').map((row) => boundOf(key, row.scope, row.value));
  return { standing, bounds: [boundOf(key, 'account', standing), ...narrower].filter((bound) => bound !== NONE) };
}

const strictestOf = (key: RowKey, bounds: readonly string[]): string | undefined =>
  bounds.reduce<string | undefined>((best, bound) => (best === undefined || isAsStrict(key, bound, best) ? bound : best), undefined);

/** What the account watch holds an account to: the strictest of the account's own rows and its venue's. */
export function watchLimits(rows: readonly LimitRow[], { account, venue }: Pick<LatchTarget, 'account' | 'venue'>): WatchLimits {
  const inScope = rows.filter(
    (row) => isLimitScope('killPolicy', row.scope) && isInScope(row, { account, venue, strategy: '', instrument: '' }),
  );
  const holds = (key: WatchLimitKey): string => strictestOf(key, boundsOf(key, inScope).bounds) ?? NONE;
  return {
    dailyLossWarnRatio: Number(holds('dailyLossWarnRatio')),
    dailyLossLimitRatio: Number(holds('dailyLossLimitRatio')),
    drawdownWarnRatio: Number(holds('drawdownWarnRatio')),
    drawdownLimitRatio: Number(holds('drawdownLimitRatio')),
    killPolicy: holds('killPolicy') === AT_ONCE ? AT_ONCE : NONE,
  };
}

/** The strictest bound as the gate reads it. A required limit that is missing is nought, so that nothing passes it. */
function valueOf(key: LimitKey, bounds: readonly string[]): DecimalText | number | readonly string[] | null {
  const { kind, usual } = limitDefinition(key);
  if (kind === 'hours') return bounds;
  const strictest = strictestOf(key, bounds);
  if (strictest === undefined) return usual === 'required' ? (kind === 'count' ? 0 : ('0' as DecimalText)) : null;
  return kind === 'count' ? Number(strictest) : (strictest as DecimalText);
}

/** Of two values of a limit the looser one, as the gate reads it: what an override makes of it. */
export function loosened(limits: Limits, key: LimitKey, value: string): Limits {
  const { kind } = limitDefinition(key);
  if (kind === 'hours') return { ...limits, tradingHours: limits.tradingHours.length === 0 ? [] : [value] };
  const standing = limits[key];
  if (standing === null || isAsStrict(key, value, String(standing))) return limits;
  return { ...limits, [key]: kind === 'count' ? Number(value) : value };
}

/** Whether an override to a value lets nothing pass that a row of `bound` at that place denies. */
export function isOverrideWithin(key: RowKey, scope: LimitScope, bound: string | null, value: string): boolean {
  return !(bound === null && isRequiredAt(key, scope)) && isAsStrict(key, value, boundOf(key, scope, bound));
}

/** Whether an override to that value lets anything pass that does not pass without it. */
export function letsMorePass(limits: Limits, key: LimitKey, value: string): boolean {
  if (key === 'tradingHours') return !limits.tradingHours.every((hours) => areHoursWithin(value, hours));
  return loosened(limits, key, value) !== limits;
}
