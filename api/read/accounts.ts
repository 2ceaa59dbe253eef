import type { z } from 'zod';
import { KeelsonError } from '../../core/errors.js';
import { effectiveMode, type FlattenPolicy, type LatchScope, type Mode } from '../../core/control/mode.js';
import { epochMs, whole, type Database } from './database.js';
import type { accountSchema } from './schemas.js';

export type AccountStatus = z.output<typeof accountSchema>;

interface LatchRow {
  latch_id: string;
  policy: FlattenPolicy;
  scope: LatchScope;
  scope_value: string;
  account: string | null;
  reason: string;
  subject: string;
  engaged_ms: string;
  /** Those that it is about: a halt of what an account does not trade is not shown there. */
  accounts: string[];
}

/** Every account with its effective mode, what stands over it and what is in flight. */
export async function readAccounts(database: Database): Promise<AccountStatus[]> {
  const [accounts, latches] = await Promise.all([
    database.query<{
      account: string;
      venue: string;
      mode: Mode;
      version: string;
      since_ms: string;
      open_orders: string;
      unknown_orders: string;
      open_incidents: string;
      blocked: { instrument: string; reason: string }[];
      disabled: { strategy: string; reason: string }[];
      held_by: { subject: string; reason: string } | null;
      runbook_hold: AccountStatus['heldByRunbook'];
      is_retired: boolean;
      open_runs: AccountStatus['openRuns'];
    }>(
      `select a.account, a.venue, c.mode, c.version::text, ${epochMs('c.updated_at')} as since_ms,
              count(o.intent_id)::text as open_orders,
              count(o.intent_id) filter (where o.status = 'unknown')::text as unknown_orders,
              (select count(*) from incidents i where i.account = a.account and i.closed_at is null)::text as open_incidents,
              (select coalesce(jsonb_agg(jsonb_build_object('instrument', b.instrument, 'reason', b.reason) order by b.instrument), '[]')
                 from blocked_instruments b where b.account = a.account) as blocked,
              (select coalesce(jsonb_agg(jsonb_build_object('strategy', w.strategy, 'reason', w.disabled_reason) order by w.strategy), '[]')
                 from strategy_switches w where w.account = a.account and w.disabled_reason is not null) as disabled,
              (select jsonb_build_object('subject', m.subject, 'reason', m.reason) from commands m where m.command_id = c.held_by) as held_by,
              c.runbook_hold - array['from', 'since'] as runbook_hold,
              a.retired_at is not null as is_retired,
               (select coalesce(jsonb_agg(jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'status', r.status, 'reason', r.reason)
                  order by r.created_at), '[]') from runbook_runs r where r.account = a.account and r.ended_at is null) as open_runs
         from accounts a
         join control c using (account)
         left join orders o on o.account = a.account and o.final_at is null
        group by a.account, a.venue, a.retired_at, c.mode, c.version, c.updated_at, c.held_by, c.runbook_hold
        order by a.account`,
    ),
    database.query<LatchRow>(
      `select latch_id, policy, scope, scope_value, account, reason, subject, ${epochMs('engaged_at')} as engaged_ms,
              array(select accounts_under(scope, scope_value, account)) as accounts
         from latches where released_at is null order by engaged_at`,
    ),
  ]);
  return accounts.rows.map((row) => {
    // A latch over one strategy or instrument is shown, but only one over everything the account does makes it killed.
    const over = latches.rows.filter((latch) => isOver(latch, row));
    const widest = over.filter((latch) => latch.scope !== 'strategy' && latch.scope !== 'instrument');
    return {
      account: row.account,
      venue: row.venue,
      isRetired: row.is_retired,
      mode: effectiveMode(
        row.mode,
        widest.map((latch) => ({ scope: latch.scope, scopeValue: latch.scope_value })),
        { account: row.account, venue: row.venue, strategy: '', instrument: '' },
      ),
      controlVersion: whole(row.version),
      modeSince: whole(row.since_ms),
      latches: over.map((latch) => ({
        latchId: latch.latch_id,
        scope: latch.scope,
        scopeValue: latch.scope_value,
        policy: latch.policy,
        reason: latch.reason,
        subject: latch.subject,
        engagedAt: whole(latch.engaged_ms),
      })),
      openOrders: whole(row.open_orders),
      unknownOrders: whole(row.unknown_orders),
      openIncidents: whole(row.open_incidents),
      blockedInstruments: row.blocked,
      disabledStrategies: row.disabled,
      heldBy: row.held_by,
      heldByRunbook: row.runbook_hold,
      openRuns: row.open_runs,
    };
  });
}

/** @throws KeelsonError INPUT_UNKNOWN_ACCOUNT */
export async function assertAccount(database: Database, account: string | undefined): Promise<void> {
  if (account === undefined) return;
  const { rows } = await database.query<{ account: string }>('select account from accounts order by account');
  if (rows.some((row) => row.account === account)) return;
  throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account, known: rows.map((row) => row.account).join(', ') || 'none' });
}

function isOver(latch: LatchRow, { account, venue }: { account: string; venue: string }): boolean {
  if (latch.scope === 'everything') return true;
  if (latch.scope === 'venue') return latch.scope_value === venue;
  if (latch.scope === 'account') return latch.scope_value === account;
  return latch.accounts.includes(account);
}
