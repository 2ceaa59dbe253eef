import { z } from 'zod';
import { LIMIT_KEYS, ROW_KEYS, type LimitKey, type RowKey } from '../../core/risk/limit-table.js';
import { isRequiredAt, type LimitPlace, type LimitRow, type LimitScope } from '../../core/risk/limit-rows.js';
import { epochMs, whole, type Database } from './database.js';
import { time } from './schemas.js';

export const limitRowSchema = z.strictObject({
  scope: z.enum(['account', 'venue', 'strategy', 'instrument']),
  scopeValue: z.string().describe('Which account, venue, strategy or instrument.'),
  account: z.string().nullable().describe('Whose; null for a venue, whose limits bind every account there.'),
  limit: z.enum(ROW_KEYS as [RowKey, ...RowKey[]]),
  from: z.string().nullable().describe('What the version before said; null where there was no limit.'),
  value: z
    .string()
    .nullable()
    .describe('Null: the limit was taken away. Of those in force only one that an account has to have: without it no entry passes.'),
  version: z.int(),
  subject: z.string().describe('Who changed it; `configuration` for what the file said.'),
  approvedBy: z.string().nullable().describe('Who approved it, where it was loosened.'),
  reason: z.string(),
  changedTime: time,
});
export type LimitChange = z.output<typeof limitRowSchema>;

export const overrideSchema = z.strictObject({
  overrideId: z.string(),
  account: z.string(),
  strategy: z.string().nullable().describe('Null: any.'),
  instrument: z.string(),
  limit: z.enum(LIMIT_KEYS as [LimitKey, ...LimitKey[]]),
  value: z.string(),
  isForOneOrder: z.boolean().describe('Used up by the first order that would not have passed without it.'),
  subject: z.string(),
  approvedBy: z.string().nullable(),
  reason: z.string(),
  createdTime: time,
  expiresTime: time,
  usedBy: z.string().nullable().describe('The order that used it up.'),
  endedBy: z.string().nullable(),
  state: z
    .enum(['standing', 'used', 'ended', 'expired', 'ahead'])
    .describe(
      'ahead: made while the database’s clock was ahead, which is set back. It lets nothing pass, and the next comparison of the account ends it.',
    ),
});
export type Override = z.output<typeof overrideSchema>;

const APPROVED_BY = (request: string) =>
  `(select string_agg(approver, ', ') from jsonb_array_elements_text(approvers(${request})) approver)`;

const REQUIRED = ROW_KEYS.filter((key) => isRequiredAt(key, 'account'));

/** Changes of limits, newest first; those in force, or all of them. */
export async function readLimits(
  database: Database,
  filter: { readonly account?: string | undefined; readonly isHistory: boolean; readonly limit: number },
): Promise<LimitChange[]> {
  const { rows } = await database.query<Omit<LimitChange, 'changedTime'> & { changed_ms: string }>(
    `select scope, scope_value as "scopeValue", account, limit_key as limit, was as "from", value, version, subject,
            ${APPROVED_BY('l.request_id')} as "approvedBy", reason, ${epochMs('created_at')} as changed_ms
       from (select *, row_number() over (partition by scope, scope_value, account, limit_key order by version desc) as age from limits) l
      where limit_key = any ($4) and ($2 or (age = 1 and (value is not null or (scope = 'account' and limit_key = any ($5)))))
        and ($1::text is null or account = $1 or (scope = 'venue' and scope_value = (select venue from accounts a where a.account = $1)))
      order by l.limit_id desc limit $3`,
    [filter.account ?? null, filter.isHistory, filter.limit, ROW_KEYS, REQUIRED],
  );
  return rows.map(({ changed_ms: changed, ...row }) => ({ ...row, changedTime: whole(changed) }));
}

/** Overrides, newest first; those that stand, or all of them. */
export async function readOverrides(
  database: Database,
  filter: { readonly account?: string | undefined; readonly isHistory: boolean; readonly limit: number },
): Promise<Override[]> {
  const { rows } = await database.query<Omit<Override, 'createdTime' | 'expiresTime'> & { created_ms: string; expires_ms: string }>(
    `select override_id as "overrideId", account, strategy, instrument, limit_key as limit, value, for_one_order as "isForOneOrder", subject,
            ${APPROVED_BY('v.override_id')} as "approvedBy", reason, used_by as "usedBy", ended_by as "endedBy", state,
            ${epochMs('created_at')} as created_ms, ${epochMs('expires_at')} as expires_ms
       from (select *, case when used_at is not null then 'used' when ended_at is not null then 'ended'
               when expires_at <= clock_timestamp() then 'expired' when not_ahead(created_at) is null then 'ahead'
               else 'standing' end as state from limit_overrides) v
      where ($1::text is null or account = $1) and ($2 or state = 'standing')
      order by v.created_at desc, v.override_id limit $3`,
    [filter.account ?? null, filter.isHistory, filter.limit],
  );
  return rows.map(({ created_ms: created, expires_ms: expires, ...row }) => ({
    ...row,
    createdTime: whole(created),
    expiresTime: whole(expires),
  }));
}

/** The newest version at one place; version 0 where there is none yet. */
export async function readLimit(
  database: Database,
  place: LimitPlace & { readonly key: RowKey },
): Promise<{ readonly value: string | null; readonly version: number }> {
  const { rows } = await database.query<{ value: string | null; version: number }>(
    `select value, version from limits where scope = $1 and scope_value = $2 and account is not distinct from $3 and limit_key = $4
      order by version desc limit 1`,
    [place.scope, place.scopeValue, place.account ?? null, place.key],
  );
  return rows[0] ?? { value: null, version: 0 };
}

/** The account under which a change of limits is asked for: of a venue the first one there. Undefined: nobody trades there. */
export async function accountAt(database: Database, scope: LimitScope, value: string): Promise<string | undefined> {
  const column = scope === 'venue' ? 'venue' : 'account';
  const { rows } = await database.query<{ account: string }>(`select account from accounts where ${column} = $1 order by account limit 1`, [
    value,
  ]);
  return rows[0]?.account;
}

const reachedOverrideSchema = overrideSchema.pick({ overrideId: true, account: true, strategy: true, instrument: true, value: true });
export const endedOverridesSchema = z.array(reachedOverrideSchema).describe('What two people let pass for a time, and has ended with it.');
export type ReachedOverride = z.output<typeof reachedOverrideSchema>;

/** Overrides of a limit that may let an order pass which a row of it at that place binds. */
export async function readOverridesInReach(
  database: Database,
  { scope, scopeValue, account, key }: LimitPlace & { readonly key: RowKey },
): Promise<readonly ReachedOverride[]> {
  const { rows } = await database.query<ReachedOverride>(
    `select override_id as "overrideId", account, strategy, instrument, value from overrides_in_reach($1::jsonb) order by created_at, override_id`,
    [JSON.stringify({ scope, scopeValue, account, key })],
  );
  return rows;
}

interface RowsOfOrders {
  readonly venue: string;
  /** Every row that binds orders of the account. */
  readonly rows: readonly LimitRow[];
  /** Of the limit in question: the versions of those that bind orders which an override would be for. */
  readonly versions: object;
  /** Whether a request of that id is there already. */
  readonly isAsked: boolean;
}

/** What an override is asked over, at one moment. */
export async function readLimitRows(
  database: Database,
  of: {
    readonly account: string;
    readonly strategy: string | null;
    readonly instrument: string;
    readonly key: LimitKey;
    readonly commandId: string;
  },
): Promise<RowsOfOrders> {
  const { account, strategy, instrument, key, commandId } = of;
  const { rows } = await database.query<RowsOfOrders>(
    `select venue, limit_rows(account) as rows, limit_versions(account, $3::jsonb) as versions,
            exists (select from approval_requests where request_id = $2) as "isAsked"
       from accounts where account = $1`,
    [account, commandId, JSON.stringify({ strategy, instrument, key })],
  );
  return rows[0] ?? { venue: '', rows: [], versions: [], isAsked: false };
}
