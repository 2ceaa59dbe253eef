-- A limit that is tightened holds at once, also where two people have let more than it pass for a time: they agreed to that over the limit as it was.
-- And what is asked of a second person over a limit is not approved over another one.

-- Whether it may let an order pass from now on. What is used by an order that has not been sent may be given back by it.
create function may_let_pass(v limit_overrides) returns boolean language sql stable as $$
  select v.ended_at is null and v.expires_at > clock_timestamp()
    and (v.used_at is null or exists (select from orders o where o.intent_id = v.used_by and o.status = 'authorised'))
$$;

-- Of a limit at a place, those that may let an order pass that it binds.
create function overrides_in_reach(p jsonb) returns setof limit_overrides language sql stable as $$
  select v.* from limit_overrides v
  where v.account = any (accounts_of_limit(p)) and v.limit_key = p->>'key' and may_let_pass(v)
    and case p->>'scope' when 'strategy' then coalesce(v.strategy, p->>'scopeValue') = p->>'scopeValue'
      when 'instrument' then v.instrument = p->>'scopeValue' else true end
$$;

-- Ends them, but for those of which the gate's own code has found that they let nothing more pass than the new value (`keeps`). One that it has not seen ends, too.
-- The caller has locked, and moves the versions.
create function end_overrides_beyond(p jsonb) returns jsonb language plpgsql as $$
declare
  ended jsonb := '[]';
  v limit_overrides;
begin
  for v in update limit_overrides set ended_at = clock_timestamp(), ended_by = p->>'subject'
      where override_id in (select override_id from overrides_in_reach(p)) and not coalesce(p->'keeps', '[]') ? override_id::text
      returning * loop
    insert into audit_events (kind, account, subject, data) values ('override.ended', v.account, p->>'subject',
      jsonb_build_object('overrideId', v.override_id, 'instrument', v.instrument, 'limit', v.limit_key, 'value', v.value, 'reason', p->>'reason',
        'underKey', p->>'underKey', 'tightened', jsonb_build_object('scope', p->>'scope', 'scopeValue', p->>'scopeValue', 'to', p->>'value')));
    ended := ended || jsonb_build_object('overrideId', v.override_id, 'account', v.account, 'strategy', v.strategy, 'instrument', v.instrument,
      'value', v.value);
  end loop;
  return ended;
end $$;

-- As before, and: ends what lets more pass, and answers which overrides those were.
drop function tighten_limit(jsonb);
create function tighten_limit(p jsonb) returns jsonb language plpgsql as $$
declare
  touched text[] := accounts_of_limit(p);
  ended jsonb;
begin
  if touched is null then return jsonb_build_object('result', 'unknown'); end if;
  perform lock_accounts(touched);
  if not write_limit(p - 'requestId') then return jsonb_build_object('result', 'conflict'); end if;
  ended := end_overrides_beyond(p);
  perform move_versions(touched);
  return jsonb_build_object('result', 'done', 'ended', ended);
end $$;

-- As before, and: one that an unsent order has used ends as well, for that order may give it back.
create or replace function end_override(p jsonb) returns text language plpgsql as $$
declare
  v limit_overrides;
begin
  select * into v from limit_overrides where override_id = (p->>'overrideId')::uuid;
  if not found then return 'unknown'; end if;
  perform lock_accounts(array[v.account]);
  update limit_overrides as o set ended_at = clock_timestamp(), ended_by = p->>'subject' where override_id = v.override_id and may_let_pass(o);
  if not found then return 'done'; end if;
  perform move_versions(array[v.account]);
  insert into audit_events (kind, account, subject, data) values ('override.ended', v.account, p->>'subject',
    jsonb_build_object('overrideId', v.override_id, 'instrument', v.instrument, 'limit', v.limit_key, 'reason', p->>'reason',
      'underKey', p->>'underKey'));
  return 'done';
end $$;

-- As before, but: locks in the order of those that end overrides, the risk state first.
create or replace function give_back_override() returns trigger language plpgsql as $$
begin
  if exists (select from limit_overrides where account = new.account and used_by = new.intent_id and for_one_order) then
    perform from risk_state where account = new.account for update;
    update limit_overrides set used_at = null, used_by = null where account = new.account and used_by = new.intent_id and for_one_order;
  end if;
  return null;
end $$;

-- The newest version of each row that binds orders which an override would be for.
create function limit_versions(the_account text, p jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'scopeValue', scope_value, 'version', version) order by scope, scope_value), '[]')
  from (select scope, scope_value, max(version) as version from limits l
    where limit_key = p->>'key' and case scope
      when 'venue' then scope_value = (select venue from accounts a where a.account = the_account)
      when 'strategy' then l.account = the_account and scope_value = coalesce(p->>'strategy', scope_value)
      when 'instrument' then l.account = the_account and scope_value = p->>'instrument'
      else l.account = the_account end
    group by scope, scope_value) newest
$$;

-- What limits an override was asked over. It is not in the payload: who asks again with the same id asks for the same, whatever the limits are by then.
alter table approval_requests add column asked_over jsonb;
-- Nobody has changed a limit since: those are what they were asked over. The others have lapsed.
update approval_requests r set asked_over = limit_versions(r.account, r.payload)
  where action = 'overrideLimit' and used_at is null and not exists (select from limits l where l.limit_key = r.payload->>'key' and l.created_at >= r.created_at);
create trigger approval_requests_asked_over before update of asked_over on approval_requests for each row execute function refuse_change();

-- As before, and: of an override it is kept which versions of its limit it was asked over; an older build, which does not say what it has read, asks over those of now.
create or replace function request_approval(p jsonb) returns jsonb language plpgsql as $$
declare
  r approval_requests;
  over jsonb := case when p->>'action' = 'overrideLimit' then coalesce(p->'askedOver', limit_versions(p->>'account', p->'payload')) end;
begin
  insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at, asked_over)
    values ((p->>'requestId')::uuid, p->>'action', p->>'account', p->'payload', p->>'subject', (p->>'underKey')::uuid, p->>'reason',
      clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond', over)
    on conflict (request_id) do nothing;
  if found then
    insert into audit_events (kind, account, subject, data) values ('approval.requested', p->>'account', p->>'subject',
      jsonb_build_object('requestId', p->>'requestId', 'action', p->>'action', 'reason', p->>'reason', 'payload', p->'payload')
      || case when over is null then '{}' else jsonb_build_object('askedOver', over) end);
  end if;
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  return jsonb_build_object('result', case when r.action = p->>'action' and r.requested_by = p->>'subject'
      and r.payload_sha256 = payload_hash(p->'payload') then approval_state(r) else 'otherPayload' end,
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;

-- Whether a limit is another by now than when a request about it was made.
create function is_of_other_limit(r approval_requests) returns boolean language sql stable as $$
  select case r.action
    when 'loosenLimit' then (r.payload->>'version')::integer <> coalesce((select max(version) from limits l
      where l.scope = r.payload->>'scope' and l.scope_value = r.payload->>'scopeValue'
        and l.account is not distinct from r.payload->>'account' and l.limit_key = r.payload->>'key'), 0)
    when 'overrideLimit' then r.asked_over is distinct from limit_versions(r.account, r.payload)
    else false end
$$;

-- As before, and: an override is of the limits that it was asked over.
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
    if is_of_other_limit(r) then return 'changed'; end if;
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

-- As before, and: the same of an override.
create or replace function approval_course(r approval_requests) returns jsonb language plpgsql volatile as $$
declare
  m commands;
  c control;
  u runbook_runs;
  lapsed text;
  stands text;
  became text;
begin
  if r.action = 'resume' then
    select * into m from commands where command_id = r.request_id;
    select * into c from control where account = m.account;
    if r.used_at is not null then
      null;
    elsif m.applied_at is not null then
      lapsed := 'the account was in that mode already when it was to be carried out';
    elsif m.expected_version is not null and c.version <> m.expected_version
        and not is_as_wished(m, c, coalesce(m.mode, 'normal')) then
      lapsed := format('the account has changed since it was asked for: it was at version %s, and is at %s', m.expected_version, c.version);
    elsif exists (select from commands q where q.account = m.account and q.kind in ('pause', 'mode') and q.applied_at > m.created_at) then
      lapsed := 'a pause or another mode came after it was asked for';
    elsif r.payload_sha256 <> payload_hash(resume_payload(m, c.held_by)) then
      lapsed := 'the pause that it would end has ended, or is another one now';
    elsif c.reconciliation_hold is not null and not is_reconciled_now(c) then
      stands := 'the account is not reconciled';
    elsif mode_strictness(coalesce(m.mode, 'normal')) < mode_strictness('reduceOnly') then
      stands := loss_stands(m.account);
    end if;
  elsif r.action = 'runbook' then
    select * into u from runbook_runs where run_id = r.request_id;
    if r.used_at is not null then
      became := u.status || coalesce(': ' || u.detail, '');
    elsif u.ended_at is not null then
      lapsed := 'its run has ended: ' || u.status || coalesce(', ' || u.detail, '');
    elsif u.epoch <> (select epoch from instance) then
      lapsed := 'the ledger was restored since it was asked for';
    else
      stands := case when u.status <> 'waitingForApproval' then 'its run is ' || u.status end;
    end if;
  elsif r.used_at is null and is_of_other_limit(r) then
    lapsed := 'the limit was changed since it was asked for';
  end if;
  if r.used_at is null and lapsed is null and not may_still(r.key_id, case r.action when 'loosenLimit' then 'changeLimits'
      when 'overrideLimit' then 'askOverride' when 'runbook' then 'askRunbook' else r.action end) then
    lapsed := 'who asked for it has left, may not ask for it any more, or the key is revoked';
  end if;
  return jsonb_build_object('lapsed', lapsed, 'stands', stands, 'became', became, 'mode', c.mode, 'expectedVersion', m.expected_version);
end $$;

-- As before, and: which overrides may let an order pass.
create or replace function read_limit_state(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('rows', limit_rows(the_account), 'configured', r.configured_limits,
      'overrides', (select coalesce(jsonb_agg(jsonb_build_object('overrideId', v.override_id, 'key', v.limit_key, 'value', v.value)), '[]')
        from limit_overrides v where v.account = the_account and may_let_pass(v)))
    from risk_state r where r.account = the_account);
end $$;

-- As before, and: what the file tightens ends the overrides that let more pass.
create or replace function apply_configuration(p jsonb) returns boolean language plpgsql as $$
declare
  changed boolean := false;
  touched integer;
  c jsonb;
begin
  insert into accounts (account, venue) values (p->>'account', p->>'venue') on conflict do nothing;
  insert into control (account) values (p->>'account') on conflict do nothing;
  insert into risk_state (account, limits) values (p->>'account', p->'limits') on conflict do nothing;
  get diagnostics touched = row_count;
  changed := touched > 0;
  perform lock_accounts(array[p->>'account']);
  for c in select * from jsonb_array_elements(coalesce(p->'limitChanges', '[]')) loop
    c := c || jsonb_build_object('scope', 'account', 'scopeValue', p->>'account', 'account', p->>'account',
      'subject', 'configuration', 'reason', 'the configuration says so');
    if not write_limit(c) then
      raise exception 'limits changed meanwhile' using errcode = 'KE002';
    end if;
    perform end_overrides_beyond(c);
    changed := true;
  end loop;
  if p ? 'limitChanges' then
    update risk_state set configured_limits = p->'limits' where account = p->>'account' and configured_limits is distinct from p->'limits';
  end if;
  if p ? 'strategies' and is_first_of_start(p) then
    delete from active_strategies where account = p->>'account' and not exists (
      select from jsonb_array_elements(p->'strategies') s
      where s->>'strategy' = active_strategies.strategy and s->>'instrument' = active_strategies.instrument);
    changed := changed or found;
    insert into active_strategies as had (account, strategy, instrument, version, model_hash)
      select p->>'account', s->>'strategy', s->>'instrument', s->>'version', s->>'modelHash'
      from jsonb_array_elements(p->'strategies') s
      on conflict (account, strategy, instrument) do update set version = excluded.version, model_hash = excluded.model_hash
      where (had.version, had.model_hash) is distinct from (excluded.version, excluded.model_hash);
    changed := changed or found;
  end if;
  if changed then
    perform move_versions(array[p->>'account']);
    insert into audit_events (kind, account, subject, data) values ('config.applied', p->>'account', p->>'subject', p - 'account');
  end if;
  return changed;
end $$;
