-- As before, with what a look has asked of the venue after its findings were written: its repairs are a part of what it costs, and so
-- is what was read before it failed.
create or replace function end_reconciliation_look(p jsonb) returns void language plpgsql as $$
declare
  c control;
  is_clean boolean := p->>'result' = 'clean';
begin
  select * into c from control where account = p->>'account' for update;
  update reconciliations set lease_owner = null, lease_until = null,
      cursor_time = case when p->>'cursor' is null then cursor_time else greatest(cursor_time, (p->>'cursor')::bigint) end,
      last_clean_at = case when is_clean then (p->>'began')::timestamptz else last_clean_at end
    where account = p->>'account' and lease_owner = p->>'owner';
  if not found then return; end if;
  update reconciliation_runs set calls = calls + coalesce((p->>'calls')::integer, 0), weight = weight + coalesce((p->>'weight')::integer, 0)
    where run_id = (p->>'runId')::uuid and ended_at is null and (p->>'calls')::integer > 0;
  if p->>'result' is null then return; end if;
  update reconciliation_runs set result = p->>'result', detail = p->>'detail', ended_at = clock_timestamp()
    where run_id = (p->>'runId')::uuid and ended_at is null;
  if not is_clean or c.reconciliation_hold is null or not is_reconciled(c) then return; end if;
  if c.reconciliation_hold->>'was' <> 'paused' and c.held_by is null and c.mode = 'paused'
      and p->'lifts' @> (c.reconciliation_hold->'classes') then
    update control set mode = c.reconciliation_hold->>'was', reconciliation_hold = null, version = version + 1, updated_at = clock_timestamp()
      where account = c.account;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', c.account, 'reconciliation', jsonb_build_object(
      'mode', c.reconciliation_hold->>'was', 'was', 'paused', 'reason', 'a new reconciliation is clean', 'runId', p->>'runId'));
  end if;
end $$;
