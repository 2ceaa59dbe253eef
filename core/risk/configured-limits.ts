import { isLooser, type LimitRow } from './limit-rows.js';
import { isWatchLimit, limitDefinition, ROW_KEYS, type RowKey } from './limit-table.js';
import type { ConfiguredLimits } from './limits.js';

/** What a start makes of the file's limits of an account. */
export interface ConfigurationPlan {
  /** Rows to write over these versions; 0 is none yet. */
  readonly changes: readonly { readonly key: RowKey; readonly value: string; readonly version: number }[];
  /** Where the file would loosen what holds: that takes two people, and stays as it is. */
  readonly kept: readonly { readonly key: RowKey; readonly configured: string; readonly holds: string }[];
}

/**
 * The file writes an account's first rows. Later it counts only where it has changed since the last start, and only where it is
 * stricter than the row: what two people have loosened is not tightened again by a file that says what it always said.
 * @param rows the account's own rows.
 * @param last what the file said at the last start; undefined at the first one.
 */
export function planConfiguration(
  rows: readonly LimitRow[],
  last: ConfiguredLimits | undefined,
  configured: ConfiguredLimits,
): ConfigurationPlan {
  const changes: ConfigurationPlan['changes'][number][] = [];
  const kept: ConfigurationPlan['kept'][number][] = [];
  for (const key of ROW_KEYS) {
    const given = configured[key];
    if (given === undefined) continue;
    const value = String(given);
    const row = rows.find((one) => one.key === key);
    // What is required, and nobody has ever said, is said by the file that is the first to. So is what the watch acts at: before there were
    // rows of it, what the file said held.
    const isSaidFirst = limitDefinition(key).usual === 'required' || isWatchLimit(key);
    const isFirst = last === undefined || (isSaidFirst && last[key] === undefined);
    if (row === undefined && isFirst) {
      changes.push({ key, value, version: 0 });
      continue;
    }
    const holds = row?.value ?? null;
    if (isLooser(key, 'account', holds, value)) {
      kept.push({ key, configured: value, holds: holds ?? 'the default' });
    } else if (holds !== value && (last?.[key] === undefined || String(last[key]) !== value)) {
      changes.push({ key, value, version: row?.version ?? 0 });
    }
  }
  return { changes, kept };
}
