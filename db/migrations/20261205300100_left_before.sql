-- A halt over accounts that had all left long before it was called (a venue of last year, a mistyped name) ends like any over no account: nothing was
-- sent there under it. Nobody could end it without configuring one of them again, whose key may be gone for good.

-- Which had left when it was called, each with when it had, in seconds: one that came back, and left again, is another. It is written down then, since
-- a clock that is set back meanwhile puts what came later before it. Of what is not written down each counts.
alter table latches add column left_before jsonb not null default '{}';

create function left_now(the_scope text, the_value text, the_account text) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(a.account, extract(epoch from a.retired_at)::text), '{}')
    from accounts_named(the_scope, the_value, the_account) a where a.retired_at is not null
$$;

-- Those that stand: as far as the times tell, but for what a restore has called, and what was kept halted because it had left.
update latches l set left_before = coalesce((select jsonb_object_agg(a.account, extract(epoch from a.retired_at)::text)
    from accounts_named(l.scope, l.scope_value, l.account) a where a.retired_at < not_ahead(l.engaged_at)), '{}')
  where released_at is null and subject <> 'restore' and reason not like 'it left the configuration before its halt was verified%'
    and not exists (select from audit_events e where e.kind = 'halt.engaged' and e.data->>'latchId' = l.latch_id::text and e.data->>'by' = 'restore')
    and not exists (select from audit_events e where e.kind = 'halt.clockSetBack' and e.data->>'latchId' = l.latch_id::text);

-- As before, and: what had left already is written down with it.
create or replace function engage_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  touched text[];
  concerned text[];
  known text[];
  what text := 'halt.repeated';
  is_by_person boolean := p->>'underKey' is not null or p->>'by' is not null;
begin
  perform from instance for update;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_reached(p->>'scope', p->>'scopeValue', p->>'account'))
    order by c.account for update) locked;
  select * into l from latches where released_at is null and scope = p->>'scope' and scope_value = p->>'scopeValue'
    and account is not distinct from p->>'account';
  if not found then
    what := 'halt.engaged';
    insert into latches (scope, scope_value, account, reason, subject, key_id, policy, left_before)
      values (p->>'scope', p->>'scopeValue', p->>'account', p->>'reason', p->>'subject', (p->>'underKey')::uuid, p->>'policy',
        -- Of a restored ledger it is not known what has come back and traded since.
        case when p->>'by' = 'restore' then '{}' else left_now(p->>'scope', p->>'scopeValue', p->>'account') end)
      returning * into l;
  elsif l.policy = 'none' and p->>'policy' = 'atOnce' then
    what := 'halt.tightened';
    update latches set policy = 'atOnce', called_at = clock_timestamp() where latch_id = l.latch_id returning * into l;
  else
    update latches set called_at = clock_timestamp() where latch_id = l.latch_id returning * into l;
  end if;
  -- Who is asked to end it reads each person's reason, and not only the first one's.
  if what <> 'halt.engaged' and is_by_person and position(p->>'reason' in l.reason) = 0 then
    update latches set reason = left(l.reason || '; called again by ' || (p->>'subject') || ': ' || (p->>'reason'), 2000)
      where latch_id = l.latch_id returning * into l;
  end if;
  if what <> 'halt.repeated' then
    update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  end if;
  -- Read when nobody authorises anything in them any more.
  concerned := accounts_under_until(l, clock_timestamp() + interval '300 milliseconds');
  if concerned = '{}' or l.account is not null then known := known_instead(l.scope, l.scope_value, l.account); end if;
  -- A part of ours may repeat itself each second; what a person does is always written down.
  if what <> 'halt.repeated' or is_by_person then
    insert into audit_events (kind, account, subject, data)
      select what, account, p->>'subject', jsonb_strip_nulls(jsonb_build_object('by', p->>'by', 'known', known))
        || jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value, 'policy', l.policy, 'reason', p->>'reason', 'underKey', p->>'underKey')
      -- A latch over what nobody has any more is in the audit, too.
      from unnest(case when touched = '{}' then array[null] else touched end) account;
  end if;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(concerned) account;
  return jsonb_build_object('latchId', l.latch_id, 'isNew', what = 'halt.engaged', 'policy', l.policy, 'accounts', to_jsonb(concerned),
    'known', to_jsonb(known));
end $$;

-- As before, but: only what has left under it keeps it from being ended.
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
  -- Where all that it is about have left the configuration under it nobody has looked, and nobody can: that is no account clean.
  if concerned = '{}' then
    select string_agg(one.account, ', ' order by one.account) into found_there
      from retired_under(l.scope, l.scope_value, l.account) one (account) join accounts a using (account)
      where l.left_before->>one.account is distinct from extract(epoch from a.retired_at)::text;
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
