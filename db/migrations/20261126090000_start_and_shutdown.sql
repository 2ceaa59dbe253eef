-- Start-up and graceful shutdown: what a runbook does to the mode of an account, and how a start of the system is known (ADR 16).

-- That a runbook holds an account in a stricter mode: {runId, runbook, mode, from, was, since}. `mode` is what it holds it in, `from`
-- what this run found, `was` what a start-up may bring back. As long as it stands, `mode` is the account's, but for the pause of a
-- reconciliation above it. Whoever else decides about the mode ends it: a person, the watch, a change of the database.
alter table control add column runbook_hold jsonb;

create function stricter_mode(one text, other text) returns text language sql immutable as $$
  select case when mode_strictness(one) >= mode_strictness(other) then one else other end
$$;

-- The mode of an account without the pause of a reconciliation, which lies above everything else.
create function mode_beneath(c control) returns text language sql immutable as $$
  select case when c.mode = 'paused' then coalesce(c.reconciliation_hold->>'was', c.mode) else c.mode end
$$;

-- ---- what was there before

-- As before, and: a person's decision ends what a runbook holds.
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
    -- Whoever has left, or whose key was taken, may still have paused, but starts nothing any more.
    if loosens and exists (select from people p join api_keys k using (subject)
        where k.key_id = m.key_id and (p.deactivated_at is not null or k.revoked_at is not null)) then
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

-- As before, and: nor is it a runbook's to bring back.
create or replace function check_instance_identity() returns text language plpgsql as $$
declare
  known instance;
  found_identifier text := (select system_identifier::text from pg_control_system());
  found_timeline integer := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;
  change jsonb;
begin
  select * into known from instance;
  if known.system_identifier = found_identifier and known.timeline = found_timeline then return 'same'; end if;
  select * into known from instance for update;
  if known.system_identifier is null then
    update instance set system_identifier = found_identifier, timeline = found_timeline;
    return 'recorded';
  end if;
  if known.system_identifier = found_identifier and known.timeline = found_timeline then return 'same'; end if;
  update instance set system_identifier = found_identifier, timeline = found_timeline;
  change := jsonb_build_object(
    'mode', 'paused', 'reason', 'the database is another than before: compare the books with the venue, then resume',
    'was', jsonb_build_object('systemIdentifier', known.system_identifier, 'timeline', known.timeline),
    'is', jsonb_build_object('systemIdentifier', found_identifier, 'timeline', found_timeline));
  update control set mode = 'paused', version = version + 1, updated_at = clock_timestamp(),
      reconciliation_hold = jsonb_build_object('since', clock_timestamp(), 'was', 'paused', 'classes', '[]'::jsonb),
      runbook_hold = null;
  insert into audit_events (kind, account, subject, data) select 'mode.changed', account, 'instance identity', change from control;
  insert into incidents (incident_key, account, kind, data)
    select 'databaseChanged:' || account || ':' || found_identifier || ':' || found_timeline, account, 'databaseChanged', change
    from control on conflict (incident_key) do nothing;
  return 'changed';
end $$;

-- As before, and: what a runbook holds goes back to no looser mode than the watch has asked for.
create or replace function tighten_mode(the_account text, the_mode text, the_reason text) returns boolean language plpgsql as $$
declare
  was control;
begin
  select * into was from control where account = the_account for update;
  -- It is paused by a reconciliation, which would end that by itself: then it goes back to this mode, and to no looser one.
  if mode_strictness(was.reconciliation_hold->>'was') < mode_strictness(the_mode) then
    update control set reconciliation_hold = reconciliation_hold || jsonb_build_object('was', the_mode) where account = the_account;
    insert into audit_events (kind, account, subject, data) values ('mode.tightened', the_account, 'watch',
      jsonb_build_object('mode', was.mode, 'after', the_mode, 'was', was.reconciliation_hold->>'was', 'reason', the_reason));
  end if;
  -- A runbook holds it: when that lets go, it goes back to this mode and to no looser one.
  if was.runbook_hold is not null then
    if mode_strictness(mode_beneath(was)) < mode_strictness(the_mode) then
      update control set runbook_hold = null where account = the_account;
    elsif mode_strictness(was.runbook_hold->>'was') < mode_strictness(the_mode) then
      update control set runbook_hold = runbook_hold || jsonb_build_object('was', the_mode,
        'from', stricter_mode(runbook_hold->>'from', the_mode)) where account = the_account;
      insert into audit_events (kind, account, subject, data) values ('mode.tightened', the_account, 'watch',
        jsonb_build_object('mode', was.mode, 'after', the_mode, 'was', was.runbook_hold->>'was', 'reason', the_reason));
    end if;
  end if;
  if mode_strictness(was.mode) >= mode_strictness(the_mode) then return false; end if;
  update control set mode = the_mode, version = version + 1, updated_at = clock_timestamp() where account = the_account;
  insert into audit_events (kind, account, subject, data) values ('mode.changed', the_account, 'watch',
    jsonb_build_object('mode', the_mode, 'was', was.mode, 'reason', the_reason));
  return true;
end $$;

-- As before, and: people are told where a run leaves an account held.
create or replace function end_runbook(p jsonb) returns void language plpgsql as $$
declare
  r runbook_runs;
  hold jsonb;
  above text;
begin
  update runbook_runs set status = p->>'status', detail = p->>'detail', ended_at = clock_timestamp()
    where run_id = (p->>'runId')::uuid and ended_at is null returning * into r;
  if not found then return; end if;
  delete from runbook_locks where run_id = r.run_id;
  -- What it has held it does not let go by ending: people are told how to go on.
  select c.runbook_hold, paused_above(c) into hold, above from control c where c.account = r.account and c.runbook_hold->>'runId' = r.run_id::text;
  insert into audit_events (kind, account, subject, data) values ('runbook.ended', r.account, r.requested_by,
    jsonb_strip_nulls(jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'status', r.status, 'detail', r.detail)));
  perform raise_alert(jsonb_build_object('key', 'runbook:' || r.run_id, 'account', r.account, 'kind', 'runbook.' || r.status,
    'severity', case when r.status = 'completed' then 'info' when r.status = 'aborted' then 'warning' else 'error' end,
    'summary', 'Runbook ' || r.runbook || ' of ' || r.account || ': ' || r.status || coalesce(' (' || r.detail || ')', '')
      || case when hold is null or r.runbook = 'gracefulShutdown' and r.status in ('completed', 'completedWithFailures') then '' else
        coalesce('. The account stays as it is: ' || above || ', and then', '. It leaves the account in mode ' || (hold->>'mode') || ':') || ' keelson runbooks run startUp checks it and lets it go on, keelson resume does so unchecked' end
      || '. See keelson runbooks show ' || r.run_id || '.'));
end $$;

-- ---- what runbooks do

-- As before, and: one over a strategy or an instrument ends no run, since the account goes on.
create or replace function halted_since(the_account text, since timestamptz) returns text language sql stable as $$
  select 'a halt (' || btrim(l.scope || ' ' || l.scope_value) || ') stands over ' || the_account from latches l
    where l.released_at is null and l.scope not in ('strategy', 'instrument')
      and the_account in (select accounts_under(l.scope, l.scope_value, l.account))
      and l.engaged_at > since
    order by l.engaged_at limit 1
$$;

-- A halt over all that an account does, in words; null: none.
create function halt_over(the_account text) returns text language sql stable as $$
  select halted_since(the_account, '-infinity')
$$;

-- Why an account is in its mode, for people: who set it last, and for what reason.
create function mode_told(the_account text) returns text language sql stable as $$
  select coalesce((select 'mode ' || (e.data->>'mode') || ', set by ' || coalesce(e.subject, 'nobody') || coalesce(': ' || (e.data->>'reason'), '')
    from audit_events e where e.account = the_account and e.kind = 'mode.changed' order by e.event_id desc limit 1),
    'mode ' || (select mode from control where account = the_account))
$$;

-- What pauses an account above whatever a runbook holds, with what people do about it; null: nothing.
create function paused_above(c control) returns text language sql stable as $$
  select 'it is paused for ' || coalesce((select string_agg(one, ', ') from jsonb_array_elements_text(c.reconciliation_hold->'classes') one),
      'what a reconciliation has found') || ': keelson resume ends that when a comparison is clean'
    where c.mode = 'paused' and c.reconciliation_hold is not null
$$;

-- Changes what a runbook holds, and the mode with it, audited. The row of `c` is locked.
create function write_runbook_hold(c control, wanted text, hold jsonb, run uuid, runbook text, why text) returns void language plpgsql as $$
declare
  is_above boolean := c.mode = 'paused' and c.reconciliation_hold is not null;
  told jsonb := jsonb_build_object('runId', run, 'runbook', runbook, 'reason', why, 'version', c.version::text);
begin
  update control set mode = case when is_above then mode else wanted end,
      reconciliation_hold = case when is_above then reconciliation_hold || jsonb_build_object('was', wanted) else reconciliation_hold end,
      runbook_hold = hold, version = version + 1, updated_at = clock_timestamp()
    where account = c.account;
  if is_above or wanted = c.mode then
    insert into audit_events (kind, account, subject, data) values ('mode.held', c.account, runbook,
      told || jsonb_build_object('mode', c.mode, 'after', wanted, 'was', mode_beneath(c)));
  else
    insert into audit_events (kind, account, subject, data) values ('mode.changed', c.account, runbook,
      told || jsonb_build_object('mode', wanted, 'was', c.mode));
  end if;
end $$;

-- Makes an account as strict as `mode`, or takes over what an earlier run holds, which is no looser then. What anybody else has made
-- so strict stays theirs: nothing is held.
create function take_runbook_hold(the_account text, run uuid, runbook text, the_mode text, why text) returns void language plpgsql as $$
declare
  c control;
  seen text;
  wanted text;
  is_mine boolean;
begin
  select * into c from control where account = the_account for update;
  seen := mode_beneath(c);
  is_mine := c.runbook_hold->>'runId' = run::text;
  wanted := stricter_mode(the_mode, seen);
  if is_mine and wanted = seen then return; end if;
  if c.runbook_hold is null and wanted = seen then return; end if;
  perform write_runbook_hold(c, wanted, jsonb_build_object('runId', run, 'runbook', runbook, 'mode', wanted, 'since', epoch_ms(clock_timestamp()),
    'from', case when is_mine then c.runbook_hold->>'from' else seen end, 'was', coalesce(c.runbook_hold->>'was', seen)), run, runbook, why);
end $$;

-- What a step of a run does to the mode. Answers done | notHeld | halted | notReconciled, with what is found.
--   hold: as strict as `mode`;  ease: from a shutdown's pause to `mode`, where nothing stricter is asked for;
--   release: to what was before the first runbook;  undo: to what this run found.
create function change_runbook_hold(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  c control;
  run uuid := (p->>'runId')::uuid;
  wanted text;
begin
  select * into r from runbook_runs where run_id = run;
  select * into c from control where account = r.account for update;
  -- Whoever was stopped for long and wakes finds its run ended, and does nothing.
  if r.epoch <> (select epoch from instance) or not exists (select from runbook_locks l where l.run_id = run) then
    return jsonb_build_object('result', 'notHeld', 'found', 'the run does not hold ' || r.resource || ' any more');
  end if;
  if halt_over(r.account) is not null then return jsonb_build_object('result', 'halted', 'found', halt_over(r.account)); end if;
  -- Who was asked to end in the middle of a part lets nothing go by what that part still does.
  if p->>'what' <> 'undo' and exists (select from runbook_commands m where m.run_id = run and m.kind = 'abort' and m.applied_at is not null) then
    return jsonb_build_object('result', 'notHeld', 'found', 'a person has given the run up');
  end if;
  if p->>'what' = 'hold' then
    perform take_runbook_hold(r.account, run, r.runbook, p->>'mode', p->>'reason');
    return jsonb_build_object('result', 'done');
  end if;
  if c.runbook_hold->>'runId' is distinct from run::text then
    return jsonb_build_object('result', 'notHeld', 'found', mode_told(r.account));
  end if;
  if p->>'what' = 'ease' then
    wanted := stricter_mode(p->>'mode', c.runbook_hold->>'was');
    if wanted <> c.runbook_hold->>'mode' then
      perform write_runbook_hold(c, wanted, c.runbook_hold || jsonb_build_object('mode', wanted), run, r.runbook, p->>'reason');
    end if;
    return jsonb_build_object('result', 'done');
  end if;
  if p->>'what' = 'undo' then
    wanted := c.runbook_hold->>'from';
    -- What an earlier run had held is held again, by nobody who is at work.
    perform write_runbook_hold(c, wanted, case when wanted = c.runbook_hold->>'was' then null
      else c.runbook_hold || jsonb_build_object('mode', wanted) end, run, r.runbook, p->>'reason');
    return jsonb_build_object('result', 'done');
  end if;
  -- Only a comparison that began after the run did tells that the account may do more.
  if c.mode = 'paused' and c.reconciliation_hold is not null or not exists (select from reconciliations q
      where q.account = r.account and q.last_clean_at > r.started_at) then
    return jsonb_build_object('result', 'notReconciled', 'found', coalesce(paused_above(c), reconciliation_findings(r.account)));
  end if;
  perform write_runbook_hold(c, c.runbook_hold->>'was', null, run, r.runbook, p->>'reason');
  return jsonb_build_object('result', 'done');
end $$;

-- How an account stands, for the steps: its mode, who made it so, and whether this run holds it.
create function read_runbook_hold(p jsonb) returns jsonb language sql stable as $$
  select jsonb_build_object('mode', c.mode, 'told', mode_told(c.account), 'halt', halt_over(c.account),
    'isAborted', exists (select from runbook_commands m where m.run_id = (p->>'runId')::uuid and m.kind = 'abort' and m.applied_at is not null),
    'hold', c.runbook_hold, 'isOurs', coalesce(c.runbook_hold->>'runId' = p->>'runId', false))
  from control c where c.account = p->>'account'
$$;

-- ---- a start of the system

-- Each start of the whole system is known by the name that all its processes share: the first of them that works for an account
-- begins its start-up, and a process that comes back begins nothing.
create table system_starts (
  account text not null references accounts,
  start_id text not null,
  run_id uuid not null,
  -- Runs of the start before: nobody carries them out any more.
  superseded uuid[] not null,
  begun_at timestamptz not null default clock_timestamp(),
  primary key (account, start_id)
);

create function begin_system_start(p jsonb) returns jsonb language plpgsql as $$
declare
  s system_starts;
  old uuid[];
  one uuid;
begin
  perform from control where account = p->>'account' for update;
  select * into s from system_starts where account = p->>'account' and start_id = p->>'start';
  if not found then
    select coalesce(array_agg(run_id), '{}') into old from runbook_runs
      where account = p->>'account' and resource = p->>'resource' and ended_at is null;
    insert into system_starts (account, start_id, run_id, superseded) values (p->>'account', p->>'start', (p->>'runId')::uuid, old) returning * into s;
    perform ask_runbook(p || jsonb_build_object('runbook', 'startUp', 'inputs', '{}'::jsonb, 'subject', null, 'reason', 'the system was started'));
    -- Before they end: what they hold is the new one's.
    -- Under a halt, too: when people end that, the checks have not been made.
    perform take_runbook_hold(p->>'account', s.run_id, 'startUp', 'observation', 'the system was started: nothing is opened before its checks are over');
    foreach one in array old loop
      perform end_runbook(jsonb_build_object('runId', one, 'status', 'preempted', 'detail', 'the system was started anew'));
    end loop;
  else
    -- Under the name of an earlier start nothing is brought back: who has shut down, and starts again under it, is told.
    perform raise_alert(jsonb_build_object('key', 'heldByRunbook:' || r.run_id, 'account', r.account, 'kind', 'runbook.holds', 'severity', 'error',
        'summary', 'Run ' || r.run_id || ' of ' || r.runbook || ' has ended and ' || r.account || ' is in mode ' || (c.runbook_hold->>'mode')
          || ', under the name of a start that was made before: keelson runbooks run startUp checks it and lets it go on.'))
      from control c join runbook_runs r on r.run_id = (c.runbook_hold->>'runId')::uuid
      where c.account = p->>'account' and r.ended_at is not null;
  end if;
  return jsonb_build_object('runId', s.run_id, 'superseded', to_jsonb(s.superseded),
    'isEnded', (select ended_at is not null from runbook_runs where run_id = s.run_id));
end $$;

-- ---- what the steps look at

-- The newest bars of what an account trades, with how late each came (its clock is the venue's; `skewMs` is what that is ahead of ours).
create function read_stored_bars(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (select jsonb_build_object('databaseTime', epoch_ms(clock_timestamp()), 'streams', coalesce(jsonb_agg(jsonb_build_object(
      'instrument', w->>'instrument', 'intervalMs', (w->>'intervalMs')::bigint, 'bars', (
        select coalesce(jsonb_agg(jsonb_build_object('openTime', b.open_time, 'closeTime', b.close_time, 'source', b.source,
          'receivedTime', epoch_ms(b.received_at)) order by b.open_time desc), '[]')
        from (select * from bars where venue = p->>'venue' and instrument = w->>'instrument' and interval_ms = (w->>'intervalMs')::bigint
          order by open_time desc limit (w->>'count')::integer) b))), '[]'))
    from jsonb_array_elements(p->'streams') w);
end $$;

-- What is on its way, and what is held.
create function read_left(the_account text) returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object(
    'working', (select coalesce(jsonb_agg(jsonb_build_object('intentId', intent_id, 'clientOrderId', client_order_id, 'instrument', instrument,
        'purpose', purpose, 'status', status) order by created_at, intent_id), '[]')
      from orders where account = the_account and final_at is null),
    'positions', (select coalesce(jsonb_agg(jsonb_build_object('strategy', strategy, 'instrument', instrument, 'quantity', quantity::text)
        order by instrument, strategy), '[]') from positions where account = the_account and quantity > 0),
    'unprotected', unprotected_positions(the_account),
    'outbox', (select count(*) from outbox where done_at is null and data->>'account' = the_account));
end $$;
