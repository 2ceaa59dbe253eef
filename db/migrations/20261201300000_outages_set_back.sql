-- What an outage has of a time to come, where the database's clock was ahead and is set back.

-- As before, and: an outage of a time to come is of now, and so are its end and its venue's first answer. It is still of after what had paused the
-- account before it.
create or replace function begin_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  fills_from bigint;
  at constant timestamptz := clock_timestamp();
  latest constant timestamptz := at + interval '2 seconds';
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  update outages o set
      began_at = least(o.began_at, at + case when coalesce(c.reconciliation_hold->>'first', c.reconciliation_hold->>'since')::timestamptz < o.began_at
        then interval '1 millisecond' else interval '0' end),
      found_at = least(o.found_at, at), resumed_at = case when o.resumed_at > at then at else o.resumed_at end,
      -- No comparison that counts now, which may be of up to two seconds to come, is of after these.
      over_at = case when o.over_at > latest then latest else o.over_at end,
      answered_at = case when o.answered_at > latest then latest else o.answered_at end
    from control c where c.account = o.account and o.account = p->>'account'
      and not_ahead(greatest(o.began_at, o.found_at, o.over_at, o.answered_at, o.resumed_at)) is null;
  -- A comparison that begins from now on is of after the pause. The control row first, as at a look's end.
  update control set reconciliation_hold = reconciliation_hold || jsonb_strip_nulls(jsonb_build_object(
      'since', least((reconciliation_hold->>'since')::timestamptz, at),
      'first', case when reconciliation_hold ? 'first' then least((reconciliation_hold->>'first')::timestamptz, at) end))
    where account = p->>'account' and greatest((reconciliation_hold->>'since')::timestamptz, (reconciliation_hold->>'first')::timestamptz) > at;
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
