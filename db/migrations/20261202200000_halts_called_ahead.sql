-- The end of a halt that was called, asked for, approved, looked at or carried out while the database's clock was ahead of what it is now: nobody
-- waits until that time has come, and nothing that was before the halt counts once it has.

-- Requests that were there when the halt was called last, in whatever order their times are: by these alone the clock does not say it.
alter table latches add column overtaken uuid[] not null default '{}';

create function call_overtakes() returns trigger language plpgsql as $$
begin
  new.overtaken := array(select r.request_id from approval_requests r
    -- None lives longer; and what is of a time to come is among the newest.
    where r.created_at > clock_timestamp() - interval '7 days' and r.action = 'rearm' and r.used_at is null
      and r.payload->>'latchId' = new.latch_id::text);
  return new;
end $$;
create trigger latches_call_overtakes before update of called_at on latches for each row execute function call_overtakes();

-- As before, and: whatever the clock says, what was there when it was called is overtaken.
create or replace function is_overtaken(r approval_requests) returns boolean language sql stable as $$
  select r.action = 'rearm' and exists (select from latches l where l.latch_id = (r.payload->>'latchId')::uuid
    and (l.called_at >= r.created_at or r.request_id = any (l.overtaken) or l.policy <> r.payload->>'policy' or l.released_at is not null))
$$;

-- A halt of a time to come is called now: who approves its end, looks at it or compares does so after this. A sale of such a time has ended now, and
-- what was looked at then was looked at nobody knows when.
create function leave_no_halt_ahead() returns void language plpgsql as $$
declare
  latest constant timestamptz := clock_timestamp() + interval '2 seconds';
begin
  with brought as (
    select latch_id, called_at, engaged_at from latches where released_at is null and greatest(called_at, engaged_at) > latest
      order by latch_id for update),
  called as (
    update latches l set called_at = clock_timestamp(), engaged_at = least(l.engaged_at, clock_timestamp())
      from brought b where l.latch_id = b.latch_id returning l.*)
  insert into audit_events (kind, account, data)
    select 'halt.clockSetBack', case when c.scope = 'account' then c.scope_value else c.account end,
      jsonb_build_object('latchId', c.latch_id, 'scope', c.scope, 'scopeValue', c.scope_value, 'calledAt', b.called_at, 'engagedAt', b.engaged_at)
    from called c join brought b using (latch_id);
  update orders set final_at = clock_timestamp()
    where account = any (array(select account from accounts)) and purpose = 'flatten' and final_at > latest;
  update kills set looked_at = null where looked_at > latest;
  update reconciliations set last_compared_at = not_ahead(last_compared_at),
      -- Where the comparison that ended last is of a time to come, the clean one before it is not the newest.
      last_clean_at = case when not_ahead(greatest(last_clean_at, last_compared_at)) is not null then last_clean_at end
    where greatest(last_clean_at, last_compared_at) > latest;
end $$;

-- As before, and: nothing is left of a time to come.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  look jsonb := case when p->>'phase' <> 'released' then p->'state'->'look' end;
  looked timestamptz := to_timestamp((look->>'time')::numeric / 1000);
  told jsonb := (p->'state') - 'look';
  file jsonb := file_with_latches(p->>'account', nullif(p->'evidence', 'null'));
  is_file_new boolean;
  is_direct boolean := coalesce((p->>'isDirect')::boolean, false);
  due timestamptz := clock_timestamp() + kill_grace() + (p->>'againMs')::bigint * interval '1 millisecond';
begin
  perform leave_no_halt_ahead();
  select * into had from kills where account = p->>'account' for update;
  is_file_new := file is not null and file is distinct from had.evidence;
  insert into kills as k (account, phase, verified_at, state, evidence, evidence_at, looked_at, looked_under, due_at, workflow_at)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then coalesce(looked, clock_timestamp()) end, told, file,
      case when file is not null then clock_timestamp() end, looked, look->'under', due, case when not is_direct then clock_timestamp() end)
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      due_at = excluded.due_at, workflow_at = coalesce(excluded.workflow_at, k.workflow_at), looked_at = excluded.looked_at, looked_under = excluded.looked_under,
      verified_at = case excluded.phase when 'verified' then excluded.verified_at when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      evidence_at = case when excluded.phase = 'running' and k.phase = 'released' then null when is_file_new then excluded.evidence_at
        else k.evidence_at end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', told) or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase' - 'againMs' - 'isDirect'
      || jsonb_build_object('state', told, 'evidence', file, 'wasPhase', had.phase, 'isFileNew', is_file_new,
        'halted', (select coalesce(jsonb_agg(trim(l.scope || ' ' || l.scope_value) order by l.engaged_at), '[]') from latches l
          where l.released_at is null and p->>'account' in (select accounts_under(l.scope, l.scope_value, l.account)))));
  end if;
  if p->>'phase' = 'verified' then perform close_told_unverified(p->>'account'); end if;
end $$;

-- As before, and: nothing is left of a time to come, before anybody asks for the end of it.
create or replace function request_rearm(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  the_payload jsonb;
begin
  perform leave_no_halt_ahead();
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  if not found then
    select * into l from latches where latch_id = (p->>'latchId')::uuid and released_at is null;
    if not found then return jsonb_build_object('result', 'notStanding'); end if;
    the_payload := jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account,
      'policy', l.policy, 'incidents', coalesce(p->'incidents', '[]'), 'reason', p->>'reason', 'subject', p->>'subject');
    insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
      values ((p->>'requestId')::uuid, 'rearm', case when l.scope = 'account' then l.scope_value else l.account end, the_payload,
        p->>'subject', (p->>'underKey')::uuid, p->>'reason', clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond')
      on conflict (request_id) do nothing;
    if found then
      insert into audit_events (kind, account, subject, data) values ('approval.requested',
        case when l.scope = 'account' then l.scope_value else l.account end,
        p->>'subject', jsonb_build_object('requestId', p->>'requestId', 'action', 'rearm', 'reason', p->>'reason', 'payload', the_payload));
    end if;
    select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  end if;
  -- Asking again under the same id is for whoever asked first, and for the same.
  if r.action <> 'rearm' or r.requested_by <> p->>'subject' then return jsonb_build_object('result', 'otherPayload'); end if;
  return jsonb_build_object('result', approval_state(r), 'latchId', r.payload->>'latchId',
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;

-- As before, but: nothing is left of a time to come, and of what it has sold counts all that has ended since it was called.
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
