-- Runs of runbooks: what is planned, what another person approved, and what each step of it did (core/runbook).

create table runbook_runs (
  run_id uuid primary key,
  runbook text not null,
  account text not null references accounts,
  -- What is done to one resource at a time; see runbook_locks.
  resource text not null,
  inputs jsonb not null,
  reason text not null,
  -- Null: a schedule's.
  requested_by text references people,
  key_id uuid,
  -- Null while it is being made. What is approved is this plan and no other.
  plan jsonb,
  plan_sha256 bytea generated always as (payload_hash(plan)) stored,
  needs_approval boolean,
  status text not null default 'planning',
  detail text,
  -- Of the ledger that it was begun under (P31).
  epoch integer not null,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  foreign key (key_id, requested_by) references api_keys (key_id, subject),
  check ((requested_by is null) = (key_id is null))
);
create index runbook_runs_newest on runbook_runs (account, created_at desc);
create trigger runbook_runs_fixed
  before update of run_id, runbook, account, resource, inputs, reason, requested_by, key_id, epoch, created_at on runbook_runs
  for each row execute function refuse_change();
create trigger runbook_runs_planned_once before update of plan, needs_approval on runbook_runs
  for each row when (old.plan is not null and (new.plan, new.needs_approval) is distinct from (old.plan, old.needs_approval))
  execute function refuse_change();
create trigger runbook_runs_ended before update on runbook_runs
  for each row when (old.ended_at is not null) execute function refuse_change();
create trigger runbook_runs_no_delete before delete on runbook_runs for each row execute function refuse_change();

-- One record for each part of a step that was begun.
create table runbook_parts (
  run_id uuid not null references runbook_runs,
  position integer not null,
  attempt integer not null,
  part text not null check (part in ('precondition', 'action', 'verification', 'signature', 'skip', 'undo')),
  name text not null,
  inputs_sha256 bytea not null,
  -- A person's subject, or the process that ran it.
  actor text not null,
  started_at timestamptz not null default clock_timestamp(),
  -- Null: begun, and not known to have ended.
  ended_at timestamptz,
  outcome text check (outcome in ('done', 'failed')),
  output jsonb,
  detail text,
  primary key (run_id, position, attempt, part),
  check ((ended_at is null) = (outcome is null))
);
create trigger runbook_parts_ended before update on runbook_parts
  for each row when (old.ended_at is not null) execute function refuse_change();
create trigger runbook_parts_no_delete before delete on runbook_parts for each row execute function refuse_change();

-- What people tell a run, each under their own key; a message to its workflow names such a row.
create table runbook_commands (
  command_id uuid primary key,
  run_id uuid not null references runbook_runs,
  kind text not null check (kind in ('pause', 'resume', 'retry', 'skip', 'sign', 'abort')),
  -- For retry, skip and sign: the step that the person saw.
  position integer,
  reason text not null,
  subject text not null references people,
  key_id uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  applied_at timestamptz,
  -- It came at the wrong moment: at another it would be another person's decision.
  refused_at timestamptz,
  foreign key (key_id, subject) references api_keys (key_id, subject),
  check ((position is null) = (kind not in ('retry', 'skip', 'sign')))
);

create table runbook_locks (
  resource text primary key,
  run_id uuid not null unique references runbook_runs,
  taken_at timestamptz not null default clock_timestamp()
);

create function key_stands(the_key uuid, the_subject text) returns boolean language sql stable as $$
  select exists (select from api_keys k join people p using (subject)
    where k.key_id = the_key and k.subject = the_subject and k.revoked_at is null and p.deactivated_at is null)
$$;

-- Writes down that somebody, or a schedule, wants a runbook run; the same id again changes nothing.
create function ask_runbook(p jsonb) returns text language plpgsql as $$
declare
  r runbook_runs;
begin
  if p->>'subject' is not null and not key_stands((p->>'underKey')::uuid, p->>'subject') then return 'noKey'; end if;
  insert into runbook_runs (run_id, runbook, account, resource, inputs, reason, requested_by, key_id, epoch)
    select (p->>'runId')::uuid, p->>'runbook', p->>'account', p->>'resource', p->'inputs', p->>'reason', p->>'subject',
      (p->>'underKey')::uuid, i.epoch from instance i
    on conflict (run_id) do nothing returning * into r;
  if r.run_id is null then
    return case when exists (select from runbook_runs o where o.run_id = (p->>'runId')::uuid and o.runbook = p->>'runbook'
      and o.account = p->>'account' and o.inputs = p->'inputs' and o.requested_by is not distinct from p->>'subject') then 'stored' else 'other' end;
  end if;
  insert into audit_events (kind, account, subject, data) values ('runbook.asked', r.account, r.requested_by,
    jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'inputs', r.inputs, 'reason', r.reason));
  return 'asked';
end $$;

create function runbook_payload(r runbook_runs) returns jsonb language sql stable as $$
  select jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'account', r.account, 'planSha256', encode(r.plan_sha256, 'hex'),
    'plan', r.plan, 'reason', r.reason, 'subject', r.requested_by)
$$;

-- Stores the plan, once, and asks for the second person where one is needed. A schedule has no first person, so it gets no second.
create function plan_runbook(p jsonb) returns text language plpgsql as $$
declare
  r runbook_runs;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid for update;
  if r.ended_at is not null then return r.status; end if;
  if r.plan is null then
    update runbook_runs set plan = p->'plan', needs_approval = (p->>'needsApproval')::boolean where run_id = r.run_id returning * into r;
    insert into audit_events (kind, account, subject, data) values ('runbook.planned', r.account, r.requested_by,
      jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'planSha256', encode(r.plan_sha256, 'hex')));
    if r.needs_approval and r.requested_by is not null then
      insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
        values (r.run_id, 'runbook', r.account, runbook_payload(r), r.requested_by, r.key_id, r.reason,
          clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond');
      insert into audit_events (kind, account, subject, data) values ('approval.requested', r.account, r.requested_by,
        jsonb_build_object('requestId', r.run_id, 'action', 'runbook', 'reason', r.reason, 'payload', runbook_payload(r)));
    end if;
  end if;
  -- Begun, and its workflow lost: its approval is used, and it goes on.
  if not r.needs_approval or r.started_at is not null then return 'free'; end if;
  return coalesce((select approval_state(a) from approval_requests a where a.request_id = r.run_id), 'missing');
end $$;

-- A halt over the whole account or a part of it that began after `since`, in words; null: none.
create function halted_since(the_account text, since timestamptz) returns text language sql stable as $$
  select 'a halt (' || btrim(l.scope || ' ' || l.scope_value) || ') stands over ' || the_account from latches l
    where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))
      and l.engaged_at > since
    order by l.engaged_at limit 1
$$;

-- Begins the run: the plan as it is computed now must be the one that was stored, and approved where that is needed; nobody
-- else may be at work on the same resource. `begun`, or how the run ends instead.
create function begin_runbook(p jsonb) returns jsonb language plpgsql as $$
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
  if r.requested_by is not null and not key_stands(r.key_id, r.requested_by) then
    return jsonb_build_object('result', 'lapsed', 'detail', 'who asked for it has left, or the key is revoked');
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

-- Begins one part of a step. `begin`: do it (again, where who began it is not known to have ended it); `stored`: it was done.
create function begin_runbook_part(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  had runbook_parts;
  found_there text;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid;
  select * into had from runbook_parts where run_id = r.run_id and position = (p->>'position')::integer
    and attempt = (p->>'attempt')::integer and part = p->>'part';
  if had.outcome is not null then
    return jsonb_build_object('result', 'stored', 'outcome', had.outcome, 'output', had.output, 'detail', had.detail);
  end if;
  if r.epoch <> (select epoch from instance) or not exists (select from runbook_locks l where l.run_id = r.run_id) then
    return jsonb_build_object('result', 'preempted', 'detail', 'it does not hold ' || r.resource || ' any more');
  end if;
  if not (p->>'runsUnderHalt')::boolean then
    found_there := halted_since(r.account, r.started_at);
    if found_there is not null then return jsonb_build_object('result', 'preempted', 'detail', found_there); end if;
  end if;
  insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor)
    values (r.run_id, (p->>'position')::integer, (p->>'attempt')::integer, p->>'part', p->>'name', payload_hash(r.inputs), p->>'actor')
    on conflict do nothing;
  return jsonb_build_object('result', 'begin');
end $$;

-- Whoever ends a part first has ended it.
create function end_runbook_part(p jsonb) returns void language sql as $$
  update runbook_parts set ended_at = clock_timestamp(), outcome = p->>'outcome', output = p->'output', detail = p->>'detail'
    where run_id = (p->>'runId')::uuid and position = (p->>'position')::integer and attempt = (p->>'attempt')::integer
      and part = p->>'part' and ended_at is null
$$;

create function tell_runbook(p jsonb) returns void language sql as $$
  update runbook_runs set status = p->>'status', detail = p->>'detail' where run_id = (p->>'runId')::uuid and ended_at is null
$$;

-- Ends the run and lets its resource go, once.
create function end_runbook(p jsonb) returns void language plpgsql as $$
declare
  r runbook_runs;
begin
  update runbook_runs set status = p->>'status', detail = p->>'detail', ended_at = clock_timestamp()
    where run_id = (p->>'runId')::uuid and ended_at is null returning * into r;
  if not found then return; end if;
  delete from runbook_locks where run_id = r.run_id;
  insert into audit_events (kind, account, subject, data) values ('runbook.ended', r.account, r.requested_by,
    jsonb_strip_nulls(jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'status', r.status, 'detail', r.detail)));
  perform raise_alert(jsonb_build_object('key', 'runbook:' || r.run_id, 'account', r.account, 'kind', 'runbook.' || r.status,
    'severity', case when r.status = 'completed' then 'info' when r.status = 'aborted' then 'warning' else 'error' end,
    'summary', 'Runbook ' || r.runbook || ' of ' || r.account || ': ' || r.status || coalesce(' (' || r.detail || ')', '')
      || '. See keelson runbooks show ' || r.run_id || '.'));
end $$;

-- People are called: a run waits for one of them.
create function call_for_runbook(p jsonb) returns void language plpgsql as $$
declare
  r runbook_runs;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid;
  perform raise_alert(jsonb_build_object('key', 'runbook:' || r.run_id || ':' || (p->>'about'), 'account', r.account, 'kind', 'runbook.waits',
    'severity', p->>'severity', 'summary', 'Runbook ' || r.runbook || ' of ' || r.account || ' waits for a person: ' || (p->>'detail')
      || '. See keelson runbooks show ' || r.run_id || '.'));
end $$;

-- What a person tells a run, under that person's own key.
create function command_runbook(p jsonb) returns text language plpgsql as $$
begin
  if not key_stands((p->>'underKey')::uuid, p->>'subject') then return 'noKey'; end if;
  if not exists (select from runbook_runs where run_id = (p->>'runId')::uuid) then return 'unknown'; end if;
  insert into runbook_commands (command_id, run_id, kind, position, reason, subject, key_id)
    values ((p->>'commandId')::uuid, (p->>'runId')::uuid, p->>'kind', (p->>'position')::integer, p->>'reason', p->>'subject', (p->>'underKey')::uuid)
    on conflict (command_id) do nothing;
  return case when exists (select from runbook_commands c where c.command_id = (p->>'commandId')::uuid and c.run_id = (p->>'runId')::uuid
    and c.kind = p->>'kind' and c.position is not distinct from (p->>'position')::integer and c.subject = p->>'subject') then 'written' else 'other' end;
end $$;

-- The row that a message names, while its person is one of us; null: there is none, and the message does nothing. What was refused, or
-- could not be told for long, is over: nobody sends it later, at a moment that its person has not seen.
create function read_runbook_command(the_command uuid, the_run uuid) returns jsonb language sql volatile as $$
  select jsonb_build_object('kind', c.kind, 'position', c.position, 'subject', c.subject, 'reason', c.reason, 'isApplied', c.applied_at is not null)
    from runbook_commands c where c.command_id = the_command and c.run_id = the_run and key_stands(c.key_id, c.subject)
      and c.refused_at is null and (c.applied_at is not null or c.created_at > clock_timestamp() - interval '10 minutes')
$$;

create function refuse_runbook_command(the_command uuid) returns void language sql as $$
  update runbook_commands set refused_at = clock_timestamp() where command_id = the_command and applied_at is null and refused_at is null
$$;

-- Notes that a command was carried out; a skip and a signature are parts of their step.
create function apply_runbook_command(p jsonb) returns void language plpgsql as $$
declare
  c runbook_commands;
  r runbook_runs;
begin
  update runbook_commands set applied_at = clock_timestamp() where command_id = (p->>'commandId')::uuid and applied_at is null returning * into c;
  if not found then return; end if;
  select * into r from runbook_runs where run_id = c.run_id;
  if c.kind in ('skip', 'sign') then
    insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor, ended_at, outcome, detail)
      values (c.run_id, c.position, (p->>'attempt')::integer, case c.kind when 'skip' then 'skip' else 'signature' end, p->>'name',
        payload_hash(r.inputs), c.subject, clock_timestamp(), 'done', c.reason)
      on conflict do nothing;
  end if;
  insert into audit_events (kind, account, subject, data) values ('runbook.' || c.kind, r.account, c.subject,
    jsonb_strip_nulls(jsonb_build_object('runId', c.run_id, 'runbook', r.runbook, 'position', c.position, 'step', p->>'name',
      'reason', c.reason, 'commandId', c.command_id, 'underKey', c.key_id)));
end $$;

create function runbook_run_json(r runbook_runs) returns jsonb language sql stable as $$
  select jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'account', r.account, 'inputs', r.inputs, 'reason', r.reason,
    'subject', r.requested_by, 'plan', r.plan, 'planSha256', encode(r.plan_sha256, 'hex'), 'needsApproval', r.needs_approval,
    'status', r.status, 'detail', r.detail, 'askedTime', epoch_ms(r.created_at), 'startedTime', epoch_ms(r.started_at),
    'endedTime', epoch_ms(r.ended_at))
$$;

-- What the daily checks look at, in one reading.
create function read_checks(the_account text) returns jsonb language plpgsql stable as $$
declare
  day_ago timestamptz := clock_timestamp() - interval '24 hours';
begin
  return jsonb_build_object(
    'mode', (select mode from control where account = the_account),
    'halt', halted_since(the_account, '-infinity'),
    'blocked', (select coalesce(jsonb_agg(instrument order by instrument), '[]') from blocked_instruments where account = the_account),
    'disabled', (select coalesce(jsonb_agg(strategy order by strategy), '[]') from strategy_switches
      where account = the_account and disabled_reason is not null),
    'alerts', (select coalesce(jsonb_agg(jsonb_build_object('alertId', alert_id::text, 'kind', kind) order by alert_id), '[]') from (
      select * from alerts where (account = the_account or account is null) and severity in ('error', 'critical')
        and acknowledged_at is null and next_at is not null order by alert_id desc limit 20) a),
    'incidents', (select coalesce(jsonb_agg(jsonb_build_object('incidentId', incident_id::text, 'kind', kind) order by incident_id), '[]') from (
      select * from incidents where account = the_account and closed_at is null order by incident_id desc limit 20) i),
    'cleanAgeMs', (select floor(extract(epoch from clock_timestamp() - last_clean_at) * 1000)::bigint from reconciliations where account = the_account),
    'differences', (select coalesce(jsonb_agg(jsonb_build_object('differenceId', difference_id::text, 'class', class) order by difference_id), '[]')
      from (select * from reconciliation_differences where account = the_account and status = 'open' order by difference_id limit 20) d),
    'watch', (select jsonb_build_object('ageMs', floor(extract(epoch from clock_timestamp() - sampled_at) * 1000)::bigint,
        'equityAgeMs', floor(extract(epoch from clock_timestamp() - equity_at) * 1000)::bigint,
        'conditions', coalesce((select jsonb_agg(key order by key) from jsonb_object_keys(runs) key), '[]'),
        'venueMs', details->'ages'->'venueMs', 'clockSkewMs', details->'clockSkewMs')
      from account_watch where account = the_account),
    'positions', (select count(*) from positions where account = the_account and quantity > 0),
    'unprotected', unprotected_positions(the_account),
    'account', the_account, 'venue', (select venue from accounts where account = the_account),
    'limitRows', limit_rows(the_account),
    'overrides', (select count(*) from limit_overrides where account = the_account and ended_at is null and expires_at > clock_timestamp()
      and (not for_one_order or used_at is null)),
    'signals', (select jsonb_build_object('traded', count(*) filter (where outcome = 'traded'),
        'notTraded', count(*) filter (where outcome = 'notTraded'),
        'withoutOrder', coalesce(jsonb_agg(signal_id) filter (where outcome = 'traded'
          and not exists (select from orders o where o.signal_id = s.signal_id)), '[]'))
      from signals s where account = the_account and recorded_at > day_ago),
    -- Those whose fate is not known are looked up within seconds; what is older has been forgotten by somebody.
    'unresolved', (select coalesce(jsonb_agg(jsonb_build_object('intentId', intent_id, 'status', status) order by created_at), '[]') from (
      select * from orders where account = the_account and final_at is null
        and status in ('authorised', 'submitting', 'unknown', 'pendingCancel') and updated_at < clock_timestamp() - interval '1 minute'
      order by created_at limit 20) o),
    'misbooked', (select coalesce(jsonb_agg(intent_id order by intent_id), '[]') from (
      select o.intent_id from orders o left join fills f using (intent_id)
        where o.account = the_account and o.final_at > day_ago
        group by o.intent_id having coalesce(sum(f.quantity), 0) <> o.executed_quantity
          or o.executed_quantity <> coalesce(o.venue_executed_quantity, o.executed_quantity) limit 20) m));
end $$;

-- What a person does to a schedule, which Temporal keeps: written down before it is done.
create function audit_schedule(p jsonb) returns text language plpgsql as $$
begin
  if not key_stands((p->>'underKey')::uuid, p->>'subject') then return 'noKey'; end if;
  insert into audit_events (kind, subject, data) values ('schedule.' || (p->>'kind'), p->>'subject',
    jsonb_build_object('schedule', p->>'schedule', 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'written';
end $$;
