-- A pause of a time to come, as of a clock of the database's that was set back, is none of an outage that is found later: a person ends it.

-- As before, but: what the account was paused for in a time to come was there before an outage that is found now.
create or replace function see_outage(the_account text, seen jsonb) returns void language plpgsql as $$
declare
  o outages;
  the_causes jsonb := seen->'causes';
begin
  select * into o from outages where account = the_account and over_at is null;
  if jsonb_array_length(the_causes) = 0 then
    if o.outage_id is null then return; end if;
    update outages set over_at = clock_timestamp() where outage_id = o.outage_id;
    insert into audit_events (kind, account, subject, data) values ('outage.over', the_account, 'watch', jsonb_build_object('outageId', o.outage_id));
    perform raise_alert(jsonb_build_object('key', 'outage:' || o.outage_id || ':over', 'account', the_account, 'kind', 'outage.over', 'severity', 'error',
        'summary', 'The venue of ' || the_account || ' is back, and its run ' || o.run_id || ' has ended without it: the account stays paused until a person resumes it (keelson resume).'))
      from runbook_runs r, control c where r.run_id = o.run_id and r.ended_at is not null and o.resumed_at is null
        and c.account = the_account and c.mode = 'paused' and c.reconciliation_hold is not null;
    return;
  end if;
  -- A run that could not do its work, or is of a ledger before a restore, is followed by another; one that a person has ended is not. The
  -- minute keeps one that always fails from being begun each second.
  if exists (select from runbook_runs r where r.run_id = o.run_id and (r.epoch <> (select epoch from instance)
      or r.status <> 'aborted' and r.ended_at < clock_timestamp() - interval '1 minute')) then
    update outages set over_at = clock_timestamp() where outage_id = o.outage_id;
    o := null;
  end if;
  if o.outage_id is not null then
    if not o.causes @> the_causes then
      update outages set causes = (select jsonb_agg(distinct one) from jsonb_array_elements(o.causes || the_causes) one) where outage_id = o.outage_id;
    end if;
    return;
  end if;
  select o2.* into o from outages o2 join runbook_runs r using (run_id) where o2.account = the_account and r.ended_at is null
    and r.epoch = (select epoch from instance);
  if o.outage_id is not null then
    update outages set over_at = null, answered_at = null, resumed_at = null, returned = returned + 1,
        causes = (select jsonb_agg(distinct one) from jsonb_array_elements(o.causes || the_causes) one) where outage_id = o.outage_id;
    -- Where its workflow was lost with its server it goes on where its records end.
    insert into outbox (kind, data) values ('runbookAsked', jsonb_build_object('runId', o.run_id, 'runbook', 'venueDisconnected', 'account', the_account));
    insert into audit_events (kind, account, subject, data) values ('outage.returned', the_account, 'watch',
      jsonb_build_object('outageId', o.outage_id, 'causes', the_causes, 'reason', seen->>'reason'));
    return;
  end if;
  -- What was paused at a time to come was paused before the clock was set back, and this is found after it.
  update control set reconciliation_hold = reconciliation_hold || jsonb_build_object('first',
      clock_timestamp() - ((seen->>'ageMs')::bigint + 1) * interval '1 millisecond')
    where account = the_account
      and not_ahead(coalesce(reconciliation_hold->>'first', reconciliation_hold->>'since')::timestamptz) is null and reconciliation_hold is not null;
  o.outage_id := gen_random_uuid();
  insert into outages (outage_id, account, causes, began_at, run_id)
    values (o.outage_id, the_account, the_causes, clock_timestamp() - (seen->>'ageMs')::bigint * interval '1 millisecond',
      begin_for_cause('venueDisconnected', the_account, jsonb_build_object('outageId', o.outage_id), seen->>'reason'));
  insert into audit_events (kind, account, subject, data) values ('outage.found', the_account, 'watch',
    jsonb_build_object('outageId', o.outage_id, 'causes', the_causes, 'reason', seen->>'reason'));
end $$;

-- As before, but: so was it where no outage is found yet.
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
      -- Where no outage is found yet, one that is may have begun long before.
      'first', case when coalesce(reconciliation_hold->>'first', reconciliation_hold->>'since')::timestamptz > latest and not exists (
            select from outages o join runbook_runs w using (run_id) where o.account = p->>'account' and (o.over_at is null or w.ended_at is null))
          then at - interval '1 hour'
        when reconciliation_hold ? 'first' then least((reconciliation_hold->>'first')::timestamptz, at) end))
    where account = p->>'account' and greatest((reconciliation_hold->>'since')::timestamptz, (reconciliation_hold->>'first')::timestamptz) > at;
  perform leave_nothing_ahead(p->>'account');
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
