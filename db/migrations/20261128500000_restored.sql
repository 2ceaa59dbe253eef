-- P31: a database that is another than before halts everything.

-- As before, and: it halts, and only two people and a clean comparison end that (P30). A halt that was called after the copy was made is
-- covered by it, whether or not somebody could read it.
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
  perform engage_latch(jsonb_build_object('scope', 'everything', 'scopeValue', '', 'account', null, 'subject', 'restore', 'policy', 'none',
    'by', 'restore', 'reason', 'restore: the database is another than before, and what was done since it was copied is not in it'));
  change := jsonb_build_object(
    'mode', 'paused', 'reason', 'the database is another than before: compare the books with the venue, then end the halt and resume',
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

-- ---- runs of runbooks that a person has given up

-- Who has given a run up, and why; null: nobody.
create function given_up(the_run uuid) returns jsonb language sql stable as $$
  select jsonb_build_object('subject', m.subject, 'reason', m.reason) from runbook_commands m
    where m.run_id = the_run and m.kind = 'abort' and m.applied_at is not null order by m.applied_at limit 1
$$;

-- As before, and: of a run that a person has given up nothing begins any more but what takes it back.
create or replace function begin_runbook_part(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  had runbook_parts;
  found_there text;
  giver jsonb;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid;
  select * into had from runbook_parts where run_id = r.run_id and position = (p->>'position')::integer
    and attempt = (p->>'attempt')::integer and part = p->>'part';
  giver := case when p->>'part' <> 'undo' and had.outcome is distinct from 'done' then given_up(r.run_id) end;
  if giver is not null then return jsonb_build_object('result', 'aborted') || giver; end if;
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

-- As before, and: answers who has given the run up; null: nobody.
drop function end_runbook_part(jsonb);
create function end_runbook_part(p jsonb) returns jsonb language plpgsql as $$
begin
  update runbook_parts set ended_at = clock_timestamp(), outcome = p->>'outcome', output = p->'output', detail = p->>'detail'
    where run_id = (p->>'runId')::uuid and position = (p->>'position')::integer and attempt = (p->>'attempt')::integer
      and part = p->>'part' and ended_at is null;
  return given_up((p->>'runId')::uuid);
end $$;

-- As before, and: who has given the run up.
create or replace function read_outage(the_run uuid) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('outageId', o.outage_id, 'account', o.account, 'causes', o.causes, 'now', epoch_ms(clock_timestamp()),
      'beganTime', epoch_ms(o.began_at), 'foundTime', epoch_ms(o.found_at), 'overTime', epoch_ms(o.over_at), 'returned', o.returned,
      'answeredTime', epoch_ms(o.answered_at), 'resumedTime', epoch_ms(o.resumed_at),
      'tries', (select count(*) from outage_tries t where t.outage_id = o.outage_id),
      -- Since when the part that is at work has been at work, whoever began it.
      'partTime', (select epoch_ms(max(started_at)) from runbook_parts where run_id = o.run_id and ended_at is null),
      'mode', c.mode, 'halt', halt_over(o.account),
      'watch', (select jsonb_build_object('sampleAgeMs', epoch_ms(clock_timestamp()) - epoch_ms(w.sampled_at), 'isEquityKnown', w.equity is not null,
          'standing', (select coalesce(jsonb_agg(k order by k), '[]') from jsonb_object_keys(w.runs) k))
        from account_watch w where w.account = o.account),
      'cleanTime', last_clean_reconciliation(o.account), 'holdTime', epoch_ms((c.reconciliation_hold->>'since')::timestamptz),
      'differences', (select string_agg(d.difference_id || ' (' || d.class || ' ' || d.subject || ')', ', ' order by d.difference_id)
        from reconciliation_differences d where d.account = o.account and d.status = 'open'),
      'givenUp', given_up(the_run))
    from outages o join control c using (account) where o.run_id = the_run);
end $$;

-- As before, and: who has given the run up.
create or replace function read_drawdown(the_run uuid) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('account', d.account, 'latchId', d.latch_id, 'now', epoch_ms(clock_timestamp()), 'isStanding', l.released_at is null,
      'engagedTime', epoch_ms(l.engaged_at), 'reason', l.reason,
      'partTime', (select epoch_ms(max(started_at)) from runbook_parts where run_id = d.run_id and ended_at is null),
      'kill', (select jsonb_build_object('phase', k.phase, 'verifiedTime', epoch_ms(k.verified_at),
        'hasEvidence', coalesce(k.evidence->'latchIds' ? d.latch_id::text, false)) from kills k where k.account = d.account),
      'evidence', d.evidence, 'incidentId', (select incident_id::text from incidents where incident_key = 'drawdown:' || d.latch_id),
      'totals', d.report->'totals', 'givenUp', given_up(the_run))
    from drawdown_runs d join latches l using (latch_id) where d.run_id = the_run);
end $$;

-- ---- keys that may withdraw

-- As before, and: whatever names the version that it was decided on is done on no other (a pause need not name one), and nothing trades again
-- with a key that may withdraw. Whoever can ask the venue says so (`asksKey`), is told to where it
-- matters, and comes again with what it has told (`keyWithdraws`; null: it tells nothing).
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
    if c.version <> m.expected_version then
      return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text);
    end if;
    if loosens and c.reconciliation_hold is not null and not is_reconciled(c) then
      return jsonb_build_object('result', 'notReconciled', 'found', reconciliation_findings(m.account));
    end if;
    -- Whoever has left, whose key was taken, or who has lost the role may still have paused, but starts nothing any more.
    if loosens and not may_still(m.key_id, 'resume') then
      return jsonb_build_object('result', 'noCommand');
    end if;
    if loosens and wanted = 'normal' and coalesce((p->>'asksKey')::boolean, false) and not p ? 'keyWithdraws' then
      return jsonb_build_object('result', 'askKey');
    end if;
    if loosens and wanted = 'normal' and coalesce((p->>'keyWithdraws')::boolean, false) then
      return jsonb_build_object('result', 'keyWithdraws', 'venue', (select venue from accounts where account = m.account));
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
      jsonb_strip_nulls(jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id,
        'expectedVersion', m.expected_version))
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- ---- what the evening's checks look at

-- As before, and: the transactions since the last evening that was checked, and yesterday's in any case, are held to their entries, too: what
-- happened after a check is in no later one's day.
create or replace function read_day_statement(the_account text, today date) returns jsonb language plpgsql stable as $$
declare
  from_ms bigint := epoch_ms(today::timestamp at time zone 'UTC');
  until_ms bigint := epoch_ms((today + 1)::timestamp at time zone 'UTC');
  checked date := (select (max(q.ended_at) at time zone 'UTC')::date from runbook_parts q join runbook_runs r using (run_id)
    where r.account = the_account and r.runbook = 'eveningChecks' and q.name = 'statement' and q.outcome = 'done');
  -- No longer ago than a month: what no check has looked at for so long is looked at by hand.
  since_ms bigint := epoch_ms(greatest(today - 31, least(today - 1, checked))::timestamp at time zone 'UTC');
begin
  return (
    with recent_fills as (
      select f.*, coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote
        from fills f left join orders o using (intent_id)
        where f.account = the_account and f.event_time >= since_ms and f.event_time < until_ms),
    recent_movements as (
      select movement_id, kind, event_time, asset, case when account = the_account then amount else -amount end as amount from ledger_movements
        where the_account in (account, counter_account) and kind <> 'foreignFill' and event_time >= since_ms and event_time < until_ms),
    said as (
      select 'trade ' || venue_trade_id || ' of order ' || venue_order_id as what, booking, null::uuid as movement_id, change.asset,
          sum(change.delta) as delta
        from recent_fills cross join lateral (values
          (base, case side when 'buy' then quantity else -quantity end),
          (quote, case side when 'buy' then -quantity * price else quantity * price end),
          (fee_asset, -fee)) change (asset, delta)
        group by booking, venue_trade_id, venue_order_id, change.asset
      union all
      select kind || ' ' || movement_id, null, movement_id, asset, amount from recent_movements),
    posted as (
      select f.booking, f.event_time, null::uuid as movement_id, e.asset, sum(e.delta) filter (where e.ledger_account = 'venue') as delta, sum(e.delta) as rest
        from recent_fills f join ledger_entries e on e.account = the_account and e.venue_trade_id = f.venue_trade_id
          and e.intent_id is not distinct from f.intent_id and e.movement_id is not distinct from f.movement_id
        group by f.booking, f.event_time, e.asset
      union all
      select null, m.event_time, m.movement_id, e.asset, sum(e.delta) filter (where e.ledger_account = 'venue'), sum(e.delta)
        from recent_movements m join ledger_entries e on e.account = the_account and e.movement_id = m.movement_id
        group by m.movement_id, m.event_time, e.asset),
    wrong as (
      select distinct coalesce(said.what, 'trade ' || f.venue_trade_id || ' of order ' || f.venue_order_id, 'movement ' || posted.movement_id) as what
        from said full join posted on posted.asset = said.asset and posted.booking is not distinct from said.booking
            and posted.movement_id is not distinct from said.movement_id
          left join recent_fills f on f.booking = posted.booking
        where coalesce(said.delta, 0) <> coalesce(posted.delta, 0) or coalesce(posted.rest, 0) <> 0),
    entries as (
      select asset, sum(delta) as delta from ledger_entries where account = the_account and ledger_account = 'venue' group by asset),
    days as (
      select asset, sum(delta) as delta from posted where event_time >= from_ms group by asset),
    lines as (
      select asset, coalesce(i.quantity - i.moved, 0) + coalesce(e.delta, 0) as closing, coalesce(d.delta, 0) as changed,
          coalesce(i.quantity, 0) + coalesce(b.quantity, 0) as kept
        from (select * from inventory where account = the_account) i
          full join (select * from ledger_balances where account = the_account) b using (asset)
          full join entries e using (asset) left join days d using (asset))
    select jsonb_build_object('day', today::text, 'fills', (select count(*) from recent_fills where event_time >= from_ms), 'movements', (select count(*) from recent_movements where event_time >= from_ms),
      'wrong', coalesce((select jsonb_agg(what order by what) from (select what from wrong order by what limit 20) w), '[]'),
      'wrongCount', (select count(*) from wrong),
      'lines', coalesce((select jsonb_agg(jsonb_build_object('asset', asset, 'opening', trim_scale(closing - changed)::text,
        'closing', trim_scale(closing)::text, 'kept', trim_scale(kept)::text) order by asset) from lines), '[]')));
end $$;

-- ---- reports of drawdowns

-- As before, and: nor can a run of before a restore be signed any more.
create or replace function missing_drawdown_report(the_latch uuid) returns text language sql stable as $$
  select 'the report of the drawdown is not signed: keelson runbooks show ' || d.run_id || ', then sign or skip its step signature'
    || case when r.ended_at is null and r.epoch = (select epoch from instance) then '' else ' of a new run (keelson runbooks run drawdown)' end
  from drawdown_runs d join runbook_runs r using (run_id)
  where d.latch_id = the_latch and not exists (
    select from drawdown_runs e join runbook_parts t using (run_id) where e.latch_id = the_latch and t.name = 'signature'
      and t.part in ('signature', 'skip'))
  order by r.created_at desc limit 1
$$;
