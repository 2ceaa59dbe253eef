-- What two people agree on is done under the roles that they have when it is done: who approved or asked, and may not any more, does
-- not count. The same table as ACTIONS in core/people/actions.ts, as far as requests need it; a test compares them.

create function roles_for(the_action text) returns text[] language sql immutable as $$
  select case the_action
    when 'decideApproval' then array['risk', 'admin']
    when 'rearm' then array['risk', 'admin']
    when 'resume' then array['risk', 'operator', 'admin']
    when 'changeLimits' then array['risk', 'admin']
    when 'askOverride' then array['trader', 'risk', 'admin']
    when 'askRunbook' then array['risk', 'operator', 'admin']
  end
$$;

-- Whether a person, under a key that stands, may do something now. Of an action that is not in the table: nobody.
create function may_still(the_key uuid, the_action text) returns boolean language sql stable as $$
  select exists (select from api_keys k join people p using (subject)
    where k.key_id = the_key and k.revoked_at is null and p.deactivated_at is null and p.roles && coalesce(roles_for(the_action), '{}'))
$$;

-- As before, and: who may not approve any more has approved nothing.
create or replace function approval_state(r approval_requests) returns text language sql volatile as $$
  select case
    when r.used_at is not null then 'used'
    when exists (select from approvals d where d.request_id = r.request_id and d.decision = 'refused') then 'refused'
    when is_overtaken(r) then 'overtaken'
    when r.expires_at <= clock_timestamp() then 'expired'
    when exists (select from approvals d
      where d.request_id = r.request_id and d.decision = 'approved' and may_still(d.key_id, 'decideApproval')) then 'approved'
    else 'pending'
  end
$$;

-- As before, and: who may not ask for it any more, or approve it, has not.
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
    where not exists (select from kills k where k.account = one.account and k.phase = 'verified'
      and k.verified_at > greatest(clock_timestamp() - interval '1 minute',
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from reconciliations c where c.account = one.account
      and c.last_clean_at > clock_timestamp() - interval '1 minute');
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
      'approvedBy', (select jsonb_agg(subject order by decided_at) from approvals where request_id = r.request_id and decision = 'approved'))
    from unnest(touched) account;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  insert into outbox (kind, data) select 'positionChanged', jsonb_build_object('account', q.account, 'strategy', q.strategy,
      'instrument', q.instrument, 'because', 'bought')
    from positions q where q.account = any (touched) and q.quantity <> 0;
  perform answer_pages_of_halt(l.latch_id, touched, r);
  return jsonb_build_object('result', 'released');
end $$;

-- As before, and: who may not resume any more starts nothing.
create or replace function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
  granted text;
  wanted text;
  loosens boolean;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid for update;
  if not found or m.account <> p->>'account' or m.kind <> p->>'kind' or m.key_id is null then
    return jsonb_build_object('result', 'noCommand');
  end if;
  select * into c from control where account = m.account for update;
  wanted := coalesce(m.mode, p->>'mode');
  loosens := m.kind = 'resume' or (m.kind = 'mode' and mode_strictness(wanted) < mode_strictness(c.mode));
  if m.applied_at is null then
    if m.kind = 'mode' and c.version <> m.expected_version then
      return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text);
    end if;
    if loosens and c.reconciliation_hold is not null and not is_reconciled(c) then
      return jsonb_build_object('result', 'notReconciled', 'found', reconciliation_findings(m.account));
    end if;
    -- Whoever has left, whose key was taken, or who has lost the role may still have paused, but starts nothing any more.
    if loosens and not may_still(m.key_id, 'resume') then
      return jsonb_build_object('result', 'noCommand');
    end if;
    -- A resume that could not be carried out when it was asked for is not lying about for whoever finds its id later.
    -- Nor does it end a pause that came after it.
    if loosens and (m.created_at < clock_timestamp() - interval '1 hour' or exists (select from commands q
        where q.account = m.account and q.kind in ('pause', 'mode') and q.applied_at > m.created_at)) then
      return jsonb_build_object('result', 'notApproved', 'state', 'expired');
    end if;
    -- What was asked of a second person stays theirs to decide, also when the pause that needed it has ended meanwhile.
    if loosens and (c.held_by is not null
        or exists (select from approval_requests where request_id = m.command_id)) then
      granted := use_approval(m.command_id, 'resume', resume_payload(m, c.held_by));
      if granted <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', granted); end if;
    end if;
    update commands set applied_at = clock_timestamp() where command_id = m.command_id;
    -- What two people have let an account do is not all that a hold forbids: it lasts until they let it do everything.
    update control set mode = wanted, version = version + 1, updated_at = clock_timestamp(),
        held_by = case when loosens and wanted = 'normal' then null when m.holds and not loosens then m.command_id else held_by end,
        -- A person's pause is not a reconciliation's to end.
        reconciliation_hold = case when loosens then null when wanted = 'paused' then reconciliation_hold || '{"was": "paused"}' else reconciliation_hold end,
        -- What a person has decided is not a runbook's to take back.
        runbook_hold = null
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id)
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- As before, and: who may not ask for it any more has not.
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
        (select jsonb_agg(subject order by decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  end if;
  perform move_versions(touched);
  return 'granted';
end $$;

-- As before, and: who may not ask for a run any more begins none.
create or replace function begin_runbook(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  holder uuid;
  state text;
  found_there text;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid for update;
  if r.started_at is not null and r.ended_at is null then return jsonb_build_object('result', 'begun'); end if;
  if r.ended_at is not null then return jsonb_build_object('result', r.status, 'detail', r.detail); end if;
  if r.epoch <> (select epoch from instance) then
    return jsonb_build_object('result', 'lapsed', 'detail', 'the ledger was restored since it was asked for');
  end if;
  if r.plan_sha256 is distinct from payload_hash(p->'plan') then
    return jsonb_build_object('result', 'lapsed', 'detail', 'what it would do now is not what was planned: ask for it again');
  end if;
  if r.requested_by is not null and not may_still(r.key_id, 'askRunbook') then
    return jsonb_build_object('result', 'lapsed', 'detail', 'who asked for it has left, may not ask for it any more, or the key is revoked');
  end if;
  if not (p->>'runsUnderHalt')::boolean then
    -- A halt that is being written is waited for: one is before the run, or after its beginning, and never in between.
    perform from control where account = r.account for share;
    found_there := halted_since(r.account, '-infinity');
    if found_there is not null then return jsonb_build_object('result', 'preempted', 'detail', found_there); end if;
  end if;
  -- What was begun before a restore holds nothing any more.
  delete from runbook_locks l using runbook_runs o where l.resource = r.resource and o.run_id = l.run_id and o.epoch <> r.epoch;
  insert into runbook_locks (resource, run_id) values (r.resource, r.run_id) on conflict do nothing;
  select l.run_id into holder from runbook_locks l where l.resource = r.resource;
  if holder is distinct from r.run_id then
    return jsonb_build_object('result', 'locked', 'holder', holder, 'detail', 'run ' || coalesce(holder::text, 'of another') || ' is at work on ' || r.resource);
  end if;
  if r.needs_approval then
    state := use_approval(r.run_id, 'runbook', runbook_payload(r));
    if state <> 'granted' then
      delete from runbook_locks where run_id = r.run_id;
      return jsonb_build_object('result', 'refused', 'detail', 'its approval is ' || state);
    end if;
  end if;
  update runbook_runs set status = 'running', started_at = clock_timestamp() where run_id = r.run_id;
  insert into audit_events (kind, account, subject, data) values ('runbook.begun', r.account, r.requested_by,
    jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'planSha256', encode(r.plan_sha256, 'hex'), 'resource', r.resource));
  return jsonb_build_object('result', 'begun');
end $$;
