-- What has left the configuration while it was halted is not free because nobody looks at it any more: configured again it would trade.

-- Every account that a latch names, whether or not it is configured.
create function accounts_named(the_scope text, the_value text, the_account text) returns setof accounts language sql stable as $$
  select a.* from accounts a where case the_scope
    when 'everything' then true
    when 'venue' then a.venue = the_value
    when 'account' then a.account = the_value
    else a.account = coalesce(the_account, a.account) end
$$;

-- As before.
create or replace function accounts_reached(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select a.account from accounts_named(the_scope, the_value, the_account) a where a.retired_at is null
$$;

-- Those that a latch would be about if they were configured.
create function retired_under(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select a.account from accounts_named(the_scope, the_value, the_account) a where a.retired_at is not null
    and (the_scope not in ('strategy', 'instrument') or the_account is not null
      or has_part(a.account, the_scope, the_value, part_halted_since(the_scope, the_value)))
$$;

-- When a halt of several accounts ends: those that left the configuration under it, and that nobody has seen as it wanted them, stay halted by themselves.
create function keep_halted(l latches, r approval_requests) returns void language plpgsql as $$
declare
  kept latches;
  is_part boolean := l.scope in ('strategy', 'instrument');
begin
  for kept in
    insert into latches (scope, scope_value, account, reason, subject, policy)
      select case when is_part then l.scope else 'account' end, case when is_part then l.scope_value else a.account end,
          case when is_part then a.account end,
          left('it left the configuration before its halt was verified (' || trim(l.scope || ' ' || l.scope_value) || '): ' || l.reason, 2000),
          l.subject, l.policy
        from retired_under(l.scope, l.scope_value, l.account) one (account) join accounts a using (account)
        where a.retired_at >= coalesce(not_ahead(l.engaged_at), '-infinity')
          and not exists (select from kills k where k.account = a.account and has_seen(k, l))
        on conflict do nothing returning * loop
    insert into audit_events (kind, account, subject, data) values ('halt.engaged', coalesce(kept.account, kept.scope_value), kept.subject, jsonb_build_object(
      'latchId', kept.latch_id, 'scope', kept.scope, 'scopeValue', kept.scope_value, 'policy', kept.policy, 'reason', kept.reason, 'requestId', r.request_id));
  end loop;
end $$;

-- As before, but: an end over no account needs that there is none, and what has left meanwhile stays halted.
create or replace function release_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  touched text[];
  concerned text[];
  found_there text;
  state text;
begin
  perform from instance for update;
  perform leave_no_halt_ahead();
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid for update;
  if not found or r.action <> 'rearm' or r.payload->>'latchId' <> p->>'latchId' then
    return jsonb_build_object('result', 'notApproved', 'state', 'missing');
  end if;
  select * into l from latches where latch_id = (p->>'latchId')::uuid;
  if l.released_at is not null and l.released_by = r.request_id::text then return jsonb_build_object('result', 'released'); end if;
  state := approval_state(r);
  -- Who asked may have left since, or lost the role: then nobody starts anything in that name.
  if not may_still(r.key_id, 'rearm') then
    state := 'expired';
  end if;
  -- Whoever approved before it was called again has seen another halt.
  if state = 'approved' and not exists (select from approvals d
      where d.request_id = r.request_id and d.decision = 'approved' and may_still(d.key_id, 'decideApproval')
        and d.decided_at > l.called_at) then
    state := 'overtaken';
  end if;
  if state <> 'approved' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;

  found_there := missing_drawdown_report(l.latch_id);
  if found_there is not null then return jsonb_build_object('result', 'notClean', 'found', found_there); end if;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_reached(l.scope, l.scope_value, l.account))
    order by c.account for update) locked;
  concerned := array(select a from accounts_under(l.scope, l.scope_value, l.account) a order by a);
  -- Where all that it is about have left the configuration nobody has looked, and nobody can: that is no account clean.
  if concerned = '{}' then
    select string_agg(a, ', ' order by a) into found_there from retired_under(l.scope, l.scope_value, l.account) a;
    if found_there is not null then
      return jsonb_build_object('result', 'notClean', 'found', found_there
        || ' left the configuration: nobody looks there, and nothing is opened. Configure it again and restart, then its guardian looks');
    end if;
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(concerned) as one (account)
    where not exists (select from kills k where k.account = one.account and has_seen(k, l)
      and k.looked_at > greatest(clock_timestamp() - interval '1 minute',
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(concerned) as one (account)
    -- One that began before the halt was called, before it has sold the last, or before the last person looked is of another state of things; and
    -- what a later one has seen counts.
    where not is_clean_since(one.account, greatest(clock_timestamp() - interval '1 minute', l.called_at,
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved'),
        (select max(o.final_at) from orders o where o.account = one.account and o.purpose = 'flatten' and o.final_at >= l.called_at)));
  if found_there is not null then
    return jsonb_build_object('result', 'notReconciled', 'found', 'not found clean by a reconciliation: ' || found_there,
      'accounts', to_jsonb(string_to_array(found_there, ', ')));
  end if;
  select string_agg(o.intent_id || ' is ' || o.status, ', ' order by o.intent_id) into found_there
    from orders o join accounts a using (account)
    where o.account = any (touched) and o.final_at is null and o.status in ('authorised', 'submitting', 'unknown', 'pendingCancel')
      and is_latched(l, o.account, a.venue, o.strategy, o.instrument);
  if found_there is not null then return jsonb_build_object('result', 'notClean', 'found', found_there); end if;
  select string_agg('incident ' || i.incident_id || ' (' || i.kind || ')', ', ' order by i.incident_id) into found_there from incidents i
    where i.account = any (concerned) and i.closed_at is null
      and not (r.payload->'incidents') @> to_jsonb(i.incident_id::text);
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'open, and not named in the request: ' || found_there);
  end if;

  state := use_approval(r.request_id, 'rearm', r.payload);
  if state <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  perform keep_halted(l, r);
  update latches set released_at = clock_timestamp(), released_by = r.request_id::text where latch_id = l.latch_id;
  update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  insert into audit_events (kind, account, subject, data)
    select 'halt.ended', account, r.requested_by, jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value,
      'reason', r.reason, 'requestId', r.request_id, 'incidents', r.payload->'incidents', 'keyId', r.key_id,
      'approvedBy', approvers(r.request_id))
    from unnest(touched) account;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', one.account) from unnest(touched) as one (account)
    where one.account = any (concerned) or exists (select from kills k where k.account = one.account and k.phase <> 'released');
  insert into outbox (kind, data) select 'positionChanged', jsonb_build_object('account', q.account, 'strategy', q.strategy,
      'instrument', q.instrument, 'because', 'bought')
    from positions q where q.account = any (touched) and q.quantity <> 0;
  perform answer_pages_of_halt(l.latch_id, touched, r);
  return jsonb_build_object('result', 'released');
end $$;
