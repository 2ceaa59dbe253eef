import { isInScope, type LatchScope, type LatchTarget } from '../control/mode.js';
import { decimal, isDecimalText, type DecimalText } from '../money/index.js';
import { LIMIT_KEYS, limitDefinition, type LimitKey } from './limit-table.js';
import type { Limits } from './limits.js';
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
  readonly key: LimitKey;
  /** As text, whatever its kind; null where people have taken the limit away. */
  readonly value: string | null;
  readonly version: number;
}

/** `none` bounds nothing. */
const NONE = 'none';

/** Whether the text is a value of that limit. */
export function isLimitValue(key: LimitKey, value: string): boolean {
  const { kind, least, most } = limitDefinition(key);
  if (kind === 'hours') return hoursOf(value) !== undefined;
  if (kind === 'amount') return isDecimalText(value) && decimal(value).gt(0);
  return /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most;
}

/** What a value, or its absence, means at a place: only the account's own row stands in for the default. */
function boundOf(key: LimitKey, scope: LimitScope, value: string | null): string {
  if (value !== null) return value;
  const { usual } = limitDefinition(key);
  return scope === 'account' && usual !== 'required' ? usual : NONE;
}

/**
 * Whether `to` lets anything pass at that place that `from` does not. Without a required limit of an account nothing passes: to take it
 * away is the strictest of all, and whatever stands in its place then lets more pass.
 */
export function isLooser(key: LimitKey, scope: LimitScope, from: string | null, to: string | null): boolean {
  if (scope === 'account' && limitDefinition(key).usual === 'required' && (from === null || to === null)) return to !== null;
  return !isAsStrict(key, boundOf(key, scope, to), boundOf(key, scope, from));
}

function isAsStrict(key: LimitKey, one: string, other: string): boolean {
  if (other === NONE) return true;
  if (one === NONE) return false;
  const { kind, stricter } = limitDefinition(key);
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
    const own = inScope.filter((row) => row.key === key);
    const standing = own.find((row) => row.scope === 'account')?.value ?? null;
    if (standing === null && limitDefinition(key).usual === 'required') missing.push(key);
    const narrower = own.filter((row) => row.scope !== 'account').map((row) => boundOf(key, row.scope, row.value));
    const bounds = [boundOf(key, 'account', standing), ...narrower].filter((bound) => bound !== NONE);
    return [key, valueOf(key, bounds)] as const;
  });
  return { limits: Object.fromEntries(values) as unknown as Limits, missing };
}

/** The strictest bound as the gate reads it. A required limit that is missing is nought, so that nothing passes it. */
function valueOf(key: LimitKey, bounds: readonly string[]): DecimalText | number | readonly string[] | null {
  const { kind, usual } = limitDefinition(key);
  if (kind === 'hours') return bounds;
  const strictest = bounds.reduce<string | undefined>(
    (best, bound) => (best === undefined || isAsStrict(key, bound, best) ? bound : best),
    undefined,
  );
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
