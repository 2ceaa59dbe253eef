-- A clock of the database's that was ahead and is set back: what was written while it was ahead is of a time to come. No comparison of such a time
-- counts as one, nobody waits until it has come, and the next look that begins leaves nothing of it.

-- The time, where it is not one to come; else null. Two seconds are no matter of a clock that was set.
create function not_ahead(at timestamptz) returns timestamptz language sql as $$
  select case when at <= clock_timestamp() + interval '2 seconds' then at end
$$;

-- As before, but: none of a time to come counts. The column is compared as it is: what a later look has found counts, whenever that was.
create or replace function is_clean_since(the_account text, since timestamptz) returns boolean language plpgsql stable as $$
begin
  return exists (select from reconciliations r where r.account = the_account
      and not_ahead(r.last_clean_at) > since and r.last_clean_at >= coalesce(r.last_compared_at, r.last_clean_at))
    and not exists (select from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.status in ('pending', 'open'));
end $$;

-- As before, but: none of a time to come counts; who became ours at such a time has never been compared.
create or replace function compared_since(the_account text) returns timestamptz language plpgsql stable as $$
begin
  return (select coalesce(not_ahead(r.last_compared_at), not_ahead(coalesce(a.onboarded_at, a.created_at)), 'epoch')
    from accounts a left join reconciliations r using (account) where a.account = the_account);
end $$;

-- As before, but: none of a time to come counts.
create or replace function last_clean_reconciliation(the_account text) returns bigint language sql stable as $$
  select epoch_ms(not_ahead(last_clean_at)) from reconciliations where account = the_account
$$;

-- As before, but: none of a time to come counts.
create or replace function read_clearance() returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object('databaseTime', epoch_ms(clock_timestamp()),
    'cleanSince', (select coalesce(jsonb_object_agg(account, epoch_ms(last_clean_at)), '{}') from reconciliations where not_ahead(last_clean_at) is not null));
end $$;

-- As before, and: what others trade, and nothing is left of a time to come.
create or replace function begin_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  fills_from bigint;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  -- A comparison that begins from now on is of after the pause. The control row first, as at a look's end.
  update control set reconciliation_hold = reconciliation_hold || jsonb_strip_nulls(jsonb_build_object(
      'since', least((reconciliation_hold->>'since')::timestamptz, clock_timestamp()),
      'first', case when reconciliation_hold ? 'first' then least((reconciliation_hold->>'first')::timestamptz, clock_timestamp()) end))
    where account = p->>'account' and greatest((reconciliation_hold->>'since')::timestamptz, (reconciliation_hold->>'first')::timestamptz) > clock_timestamp();
  insert into reconciliations as had (account, lease_owner, lease_until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until,
        -- Where the comparison that ended last is of a time to come, the clean one before it is not the newest.
        last_clean_at = case when not_ahead(greatest(had.last_clean_at, had.last_compared_at)) is not null then had.last_clean_at end,
        last_compared_at = not_ahead(had.last_compared_at)
      where had.lease_owner is null or had.lease_owner = excluded.lease_owner or had.lease_until < clock_timestamp()
        -- No lease is longer than a minute, however short the one that is asked for.
        or had.lease_until > clock_timestamp() + greatest(interval '1 minute', (p->>'forMs')::integer * interval '1 millisecond')
    returning * into r;
  if r.account is null then return jsonb_build_object('result', 'busy'); end if;
  insert into reconciliation_runs (run_id, account, scope) values ((p->>'runId')::uuid, p->>'account', p->>'scope')
    on conflict (run_id) do nothing;
  -- Reckoned once: the index of the newest fills is used only for what does not change from row to row.
  fills_from := coalesce(r.cursor_time, epoch_ms(clock_timestamp()) - 90000000) - 93600000;
  return (
    select jsonb_build_object('result', 'mine', 'isKillAtWork', is_kill_at_work(p->>'account'), 'cursor', r.cursor_time, 'began', clock_timestamp(),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)), 'instruments', coalesce((
        select jsonb_agg(instrument) from (
          select instrument from active_strategies s where s.account = a.account
          union select instrument from positions q where q.account = a.account and q.quantity <> 0
          union select instrument from orders o where o.account = a.account and o.final_at is null
          -- What was traded within the longest window, and is flat by now: else its fills would be told as not listed.
          union select instrument from fills f where f.account = a.account
            and f.event_time >= fills_from) concerned), '[]'),
      'besides', array(select traded_by_hand(a.account)))
    from accounts a where a.account = p->>'account');
end $$;
