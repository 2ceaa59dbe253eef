-- Who has approved under a key that was changed since has approved nothing, and can do it again: by a further row, since none is ever changed.
alter table approvals drop constraint approvals_pkey, add primary key (request_id, subject, key_id);

-- As before, and: what is stored of the same person is a decision only where it counts. A refusal counts for ever. Nothing is decided under a key
-- that could not count.
create or replace function decide_approval(p jsonb) returns text language plpgsql as $$
declare
  r approval_requests;
  earlier text;
  state text;
begin
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid for update;
  if not found then return 'unknown'; end if;
  if r.requested_by = p->>'subject' then return 'own'; end if;
  if encode(r.payload_sha256, 'hex') <> p->>'payloadHash' then return 'otherPayload'; end if;
  select decision into earlier from approvals d where d.request_id = r.request_id and d.subject = p->>'subject'
    and (d.decision = 'refused' or may_still(d.key_id, 'decideApproval')) limit 1;
  if found then return case when earlier = p->>'decision' then 'stored' else 'decided' end; end if;
  state := approval_state(r);
  if state not in ('pending', 'approved') then return state; end if;
  if not exists (select from api_keys where key_id = (p->>'keyId')::uuid and subject = p->>'subject')
      or not may_still((p->>'keyId')::uuid, 'decideApproval') then
    return 'noKey';
  end if;
  insert into approvals (request_id, requested_by, payload_sha256, subject, key_id, decision, reason)
    values (r.request_id, r.requested_by, r.payload_sha256, p->>'subject', (p->>'keyId')::uuid, p->>'decision', p->>'reason');
  insert into audit_events (kind, account, subject, data) values ('approval.' || (p->>'decision'), r.account, p->>'subject',
    jsonb_build_object('requestId', r.request_id, 'action', r.action, 'requestedBy', r.requested_by, 'reason', p->>'reason',
      'payloadHash', p->>'payloadHash'));
  return 'written';
end $$;

-- As before, and: who approved twice is named once.
create or replace function release_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  touched text[];
  found_there text;
  state text;
begin
  perform from instance for update;
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
    select c.account from control c where c.account in (select accounts_under(l.scope, l.scope_value, l.account))
    order by c.account for update) locked;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from kills k where k.account = one.account and has_seen(k, l)
      and k.looked_at > greatest(clock_timestamp() - interval '1 minute',
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    -- One that began before the halt was called, before it has sold the last, or before the last person looked is of another state of things; and
    -- what a later one has seen counts.
    where not is_clean_since(one.account, greatest(clock_timestamp() - interval '1 minute', l.called_at,
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved'),
        (select max(o.final_at) from orders o where o.account = one.account and o.purpose = 'flatten' and o.created_at >= l.engaged_at)));
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
    where i.account = any (touched) and i.closed_at is null
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
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  insert into outbox (kind, data) select 'positionChanged', jsonb_build_object('account', q.account, 'strategy', q.strategy,
      'instrument', q.instrument, 'because', 'bought')
    from positions q where q.account = any (touched) and q.quantity <> 0;
  perform answer_pages_of_halt(l.latch_id, touched, r);
  return jsonb_build_object('result', 'released');
end $$;

-- As before, and: who approved twice is named once.
create or replace function apply_limit_request(p jsonb) returns text language plpgsql as $$
declare
  r approval_requests;
  touched text[];
  state text;
begin
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  if not found or r.action not in ('loosenLimit', 'overrideLimit') then return 'missing'; end if;
  touched := case when r.action = 'loosenLimit' then accounts_of_limit(r.payload) else array[r.account] end;
  perform lock_accounts(touched);
  if r.used_at is null then
    if not may_still(r.key_id, case r.action when 'loosenLimit' then 'changeLimits' else 'askOverride' end) then return 'expired'; end if;
    if r.action = 'loosenLimit' and (r.payload->>'version')::integer <> coalesce((select max(version) from limits l
        where l.scope = r.payload->>'scope' and l.scope_value = r.payload->>'scopeValue'
          and l.account is not distinct from r.payload->>'account' and l.limit_key = r.payload->>'key'), 0) then return 'changed'; end if;
  end if;
  state := use_approval(r.request_id, r.action, r.payload);
  if state <> 'granted' then return state; end if;
  if r.action = 'loosenLimit' then
    perform write_limit(r.payload || jsonb_build_object('subject', r.requested_by, 'underKey', r.key_id, 'reason', r.reason,
      'requestId', r.request_id));
  else
    insert into limit_overrides (override_id, account, strategy, instrument, limit_key, value, for_one_order, subject, reason, expires_at)
      values (r.request_id, r.account, r.payload->>'strategy', r.payload->>'instrument', r.payload->>'key', r.payload->>'value',
        (r.payload->>'isForOneOrder')::boolean, r.requested_by, r.reason,
        clock_timestamp() + (r.payload->>'validForMs')::bigint * interval '1 millisecond');
    insert into audit_events (kind, account, subject, data) values ('limit.overridden', r.account, r.requested_by,
      r.payload || jsonb_build_object('requestId', r.request_id, 'reason', r.reason, 'approvedBy',
        approvers(r.request_id)));
  end if;
  perform move_versions(touched);
  return 'granted';
end $$;
