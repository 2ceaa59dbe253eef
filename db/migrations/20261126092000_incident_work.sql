-- The work on what a reconciliation has found: the run that carries it until the account goes on, one incident for one cause, and
-- what is in nobody's use any more.

-- ---- the run that carries a paused episode (runbook reconciliationDiscrepancy)

create index runbook_runs_under_way on runbook_runs (account, runbook) where ended_at is null;
create index audit_events_modes on audit_events (account, event_id) where kind = 'mode.changed';

-- Sees to it that a run carries what an account is paused for: asks for one where there is none, and tells the one there is that
-- something has changed. Its name follows from the pause, so that whoever asks second asks for the same. What two people do within
-- one transaction is told once. Answers the run; null: there is nothing to carry.
create function carry_discrepancies(the_account text) returns uuid language plpgsql as $$
declare
  c control;
  now_epoch integer := (select epoch from instance);
  the_run uuid;
begin
  select * into c from control where account = the_account for update;
  select run_id into the_run from runbook_runs where account = the_account and runbook = 'reconciliationDiscrepancy' and ended_at is null
    and epoch = now_epoch order by created_at desc limit 1;
  if the_run is null then
    -- What the account watch alone has paused has a run of its own, or a person.
    if jsonb_typeof(c.reconciliation_hold->'classes') is distinct from 'array'
        or (c.reconciliation_hold->'classes') - array['equityUnknown', 'venueUnreachable', 'noMarketData'] = '[]' then
      return null;
    end if;
    -- One that ended before the pause did is followed by another; one that a person has ended is not.
    the_run := md5('reconciliationDiscrepancy:' || the_account || ':' || (c.reconciliation_hold->>'since') || ':' || now_epoch || ':' || (
      select count(*) from runbook_runs where account = the_account and runbook = 'reconciliationDiscrepancy' and status <> 'aborted'
        and ended_at is not null and created_at >= (c.reconciliation_hold->>'since')::timestamptz))::uuid;
    if ask_runbook(jsonb_build_object('runId', the_run, 'runbook', 'reconciliationDiscrepancy', 'account', the_account,
        'resource', 'reconciliationDiscrepancy:' || the_account, 'inputs', jsonb_build_object('was', c.reconciliation_hold->>'was'),
        'reason', 'a reconciliation has paused the account')) <> 'asked' then
      return null;
    end if;
  end if;
  if not exists (select from outbox where kind = 'runbookAsked' and done_at is null and data->>'runId' = the_run::text
      and xmin = pg_current_xact_id()::xid) then
    insert into outbox (kind, data) values ('runbookAsked',
      jsonb_build_object('account', the_account, 'runId', the_run, 'runbook', 'reconciliationDiscrepancy'));
  end if;
  return the_run;
end $$;

-- In the transaction that pauses an account, adds to what it is paused for, or ends the pause.
create function hold_is_carried() returns trigger language plpgsql as $$
begin
  perform carry_discrepancies(new.account);
  return null;
end $$;
create trigger control_discrepancies after update of reconciliation_hold on control for each row
  when (old.reconciliation_hold is distinct from new.reconciliation_hold) execute function hold_is_carried();

-- … in which somebody decides about a difference, or it goes by itself,
create trigger reconciliation_differences_carried after update of status on reconciliation_differences for each row
  when (old.status = 'open' and new.status <> 'open') execute function hold_is_carried();

-- … and in which the first comparison after all that has found the account clean.
create function clean_is_carried() returns trigger language plpgsql as $$
begin
  if exists (select from control c where c.account = new.account
      and (c.reconciliation_hold->>'since')::timestamptz >= coalesce(old.last_clean_at, '-infinity')
      and (c.reconciliation_hold->>'since')::timestamptz < new.last_clean_at) then
    perform carry_discrepancies(new.account);
  end if;
  return null;
end $$;
create trigger reconciliations_carried after update of last_clean_at on reconciliations for each row
  when (old.last_clean_at is distinct from new.last_clean_at) execute function clean_is_carried();

-- A run that was at its end when the account was paused again has not seen that.
create function end_is_followed() returns trigger language plpgsql as $$
begin
  perform carry_discrepancies(new.account);
  return null;
end $$;
create trigger runbook_runs_followed after update of ended_at on runbook_runs for each row
  when (old.ended_at is null and new.ended_at is not null and new.runbook = 'reconciliationDiscrepancy'
    and new.status in ('completed', 'completedWithFailures')) execute function end_is_followed();

-- What a run that carries them decides on, and reports: every difference that was a person's at any time since it was asked for, with
-- the hash of what its incident keeps of both sides.
create function read_discrepancies(the_run uuid) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'mode', c.mode, 'halt', halt_over(c.account),
      'was', c.reconciliation_hold->>'was', 'isHeld', c.reconciliation_hold is not null,
      'isClean', c.reconciliation_hold is null or is_reconciled(c),
      'differences', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('differenceId', d.difference_id::text,
          'class', d.class, 'subject', d.subject, 'status', d.status, 'incidentId', d.incident_id::text,
          'sha256', encode(payload_hash(i.data), 'hex'), 'decision', d.decision, 'decidedBy', d.decided_by, 'reason', d.reason))
          order by d.difference_id)
        from reconciliation_differences d left join incidents i using (incident_id)
        where d.account = r.account and d.opened_at is not null
          and coalesce(d.decided_at, d.ended_at, 'infinity') >= r.created_at), '[]'),
      'modes', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('mode', e.data->>'mode', 'was', e.data->>'was',
          'by', e.subject, 'reason', e.data->>'reason')) order by e.event_id)
        from audit_events e where e.kind = 'mode.changed' and e.account = r.account and e.occurred_at >= r.created_at), '[]'))
    from runbook_runs r join control c using (account) where r.run_id = the_run);
end $$;

-- Whoever was called because a run waited is not called any more when it goes on.
create function quiet_alerts_of_run() returns trigger language plpgsql as $$
begin
  update alerts set next_at = null where account = new.account and kind = 'runbook.waits' and next_at is not null
    and alert_key like 'runbook:' || new.run_id || ':%';
  return null;
end $$;
create trigger runbook_runs_quiet after update of status on runbook_runs for each row
  when (old.status = 'waitingForPerson' and new.status <> 'waitingForPerson') execute function quiet_alerts_of_run();

-- ---- one incident for one cause

-- A fill that no order of ours explains is told at once by whoever sees it. As soon as a reconciliation has the order that it belongs to,
-- with all its fills, that incident is the one that a person decides, and closes.
create function take_over_foreign_fills() returns trigger language plpgsql as $$
declare
  f jsonb;
  i incidents;
begin
  for f in select * from jsonb_array_elements(new.evidence->'venue'->'fills') loop
    select * into i from incidents where closed_at is null
      and incident_key = 'foreignFill:' || new.account || ':' || (f->>'instrument') || ':' || (f->>'venueTradeId') || ':' || (f->>'venueOrderId');
    if found then
      perform close_incident(jsonb_build_object('incidentId', i.incident_id::text, 'subject', 'reconciliation',
        'reason', 'difference ' || new.difference_id || ' has it, with incident ' || new.incident_id));
    end if;
  end loop;
  return null;
end $$;
create trigger reconciliation_differences_take_over after update of status, evidence on reconciliation_differences for each row
  when (new.class = 'orphanOrder' and new.incident_id is not null and jsonb_typeof(new.evidence->'venue'->'fills') = 'array')
  execute function take_over_foreign_fills();

-- All of it or nothing.
create function assert_booked(booked jsonb) returns void language plpgsql as $$
begin
  if booked->>'kind' not in ('booked', 'known') then
    raise exception 'the ledger refuses: %', coalesce(booked->>'why', booked->>'kind') using errcode = 'KE003';
  end if;
end $$;

-- As before, and: what an order by another hand has filled is booked as the fills that it is. What else has moved balances is entered as
-- a movement.
create or replace function decide_difference(p jsonb) returns jsonb language plpgsql as $$
declare
  d reconciliation_differences;
  answer text := 'done';
  moved record;
  f jsonb;
  fills_told jsonb;
  cause jsonb;
  booked jsonb;
begin
  select * into d from reconciliation_differences where difference_id = (p->>'differenceId')::bigint;
  if not found then return jsonb_build_object('result', 'unknown'); end if;
  -- In the order in which everything takes its locks.
  perform from control where account = d.account for update;
  update risk_state set version = version + 1 where account = d.account;
  select * into d from reconciliation_differences where difference_id = d.difference_id for update;
  if d.decision = p->>'decision' and d.decided_by = p->>'subject' then return jsonb_build_object('result', 'done'); end if;
  if d.status <> 'open' then return jsonb_build_object('result', 'notOpen', 'why', d.status); end if;

  if p->>'decision' = 'adopt' then
    answer := adopt_order(d, p->>'strategy');
  elsif p->>'decision' = 'cancel' then
    answer := coalesce(cancel_refusal(d), answer);
  elsif p->>'decision' = 'book' then
    answer := coalesce(booking_refusal(d), answer);
    if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;
    fills_told := case when d.class = 'orphanOrder' then coalesce(d.evidence->'venue'->'fills', '[]') else '[]' end;
    cause := jsonb_build_object('account', d.account, 'incidentId', d.incident_id::text, 'reason', p->>'reason', 'subject', p->>'subject',
      'underKey', p->>'underKey');
    if jsonb_array_length(fills_told) > 0 then
      -- Trades by another hand stand in the books as what they are: fills, of no order of ours.
      for f in select * from jsonb_array_elements(fills_told) loop
        booked := book_foreign_fill(cause || jsonb_build_object('fill', f, 'movementId', md5('reconciliation:' || d.difference_id || ':'
          || d.incident_id || ':' || (f->>'venueTradeId') || ':' || (f->>'venueOrderId'))::uuid));
        perform assert_booked(booked);
      end loop;
    else
      for moved in select key as asset, value as amount from jsonb_each_text(d.deltas) order by key loop
        -- Its own name for each asset and each time that it is a person's, so that the decision made twice books once; the venue has none
        -- for what it does not explain.
        booked := book_movement(cause || jsonb_build_object(
          'movementId', md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || moved.asset)::uuid,
          'asset', moved.asset, 'amount', moved.amount,
          'kind', case when d.class <> 'balanceMovement' then 'correction' when moved.amount like '-%' then 'withdrawal' else 'deposit' end,
          'eventTime', coalesce(d.event_time, epoch_ms(d.first_seen_at))));
        perform assert_booked(booked);
      end loop;
    end if;
  end if;
  if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;

  update reconciliation_differences set status = 'decided', decision = p->>'decision', decided_at = clock_timestamp(),
      decided_by = p->>'subject', key_id = (p->>'underKey')::uuid, reason = p->>'reason'
    where difference_id = d.difference_id;
  insert into audit_events (kind, account, subject, data) values ('reconciliation.decided', d.account, p->>'subject', jsonb_build_object(
    'differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'decision', p->>'decision', 'strategy', p->'strategy',
    'reason', p->>'reason', 'underKey', p->>'underKey', 'evidence', d.evidence));
  perform close_incident(jsonb_build_object('incidentId', d.incident_id::text, 'subject', p->>'subject', 'underKey', p->>'underKey',
    'reason', p->>'reason'));
  return jsonb_build_object('result', 'done');
end $$;

-- ---- economic calendar

-- The calendar that is configured, where one is: one row. What blocks is its marked events, so long before and after.
create table calendar (
  is_the_one boolean primary key default true check (is_the_one),
  -- The address may be a secret: only its hash is kept.
  source_sha256 text not null,
  before_ms bigint not null check (before_ms >= 0),
  after_ms bigint not null check (after_ms >= 0),
  max_age_ms bigint not null check (max_age_ms > 0),
  -- Null: it was not read yet, from this source.
  refreshed_at timestamptz,
  content_sha256 text,
  failed_at timestamptz,
  failure text
);
create table calendar_events (
  event_time bigint not null,
  title text not null,
  currency text,
  -- Null: every instrument.
  instruments jsonb,
  is_marked boolean not null,
  primary key (event_time, title)
);
create index calendar_events_marked on calendar_events (event_time) where is_marked;

-- What the gate decides on has changed for every account: what was authorised by another calendar is decided anew (P4).
create function calendar_moves_risk() returns trigger language plpgsql as $$
begin
  perform from risk_state order by account for update;
  update risk_state set version = version + 1;
  return null;
end $$;
create trigger calendar_changed after insert or delete on calendar for each statement execute function calendar_moves_risk();
create trigger calendar_refreshed after update of source_sha256, before_ms, after_ms, max_age_ms, refreshed_at on calendar
  for each statement execute function calendar_moves_risk();

-- What the configuration says of it; null: there is none. From another source nothing is known until that was read.
create function configure_calendar(p jsonb) returns void language plpgsql as $$
declare
  had calendar;
begin
  select * into had from calendar for update;
  if jsonb_typeof(p) = 'null' then
    if not found then return; end if;
    delete from calendar;
    delete from calendar_events;
  else
    if found and (had.source_sha256, had.before_ms, had.after_ms, had.max_age_ms)
        = (p->>'sourceSha256', (p->>'beforeMs')::bigint, (p->>'afterMs')::bigint, (p->>'maxAgeMs')::bigint) then
      return;
    end if;
    insert into calendar as c (source_sha256, before_ms, after_ms, max_age_ms)
      values (p->>'sourceSha256', (p->>'beforeMs')::bigint, (p->>'afterMs')::bigint, (p->>'maxAgeMs')::bigint)
      on conflict (is_the_one) do update set source_sha256 = excluded.source_sha256, before_ms = excluded.before_ms,
        after_ms = excluded.after_ms, max_age_ms = excluded.max_age_ms,
        refreshed_at = case when c.source_sha256 = excluded.source_sha256 then c.refreshed_at end;
  end if;
  insert into audit_events (kind, subject, data) values ('calendar.configured', 'configuration', coalesce(nullif(p, 'null'), '{}'));
end $$;

-- What was read of it takes the place of all that was there. `false`: it is not the source that is configured.
create function store_calendar(p jsonb) returns boolean language plpgsql as $$
declare
  had calendar;
begin
  select * into had from calendar where source_sha256 = p->>'sourceSha256' for update;
  if not found then return false; end if;
  if had.content_sha256 is distinct from p->>'contentSha256' or had.refreshed_at is null then
    delete from calendar_events;
    insert into calendar_events (event_time, title, currency, instruments, is_marked)
      select (e->>'time')::bigint, e->>'title', e->>'currency', nullif(e->'instruments', 'null'), (e->>'isMarked')::boolean
      from jsonb_array_elements(p->'events') e;
    insert into audit_events (kind, subject, data) values ('calendar.changed', 'calendar', jsonb_build_object(
      'contentSha256', p->>'contentSha256', 'events', jsonb_array_length(p->'events')));
  end if;
  update calendar set refreshed_at = clock_timestamp(), content_sha256 = p->>'contentSha256', failed_at = null, failure = null;
  update alerts set next_at = null where kind = 'calendar.unreadable' and next_at is not null;
  return true;
end $$;

-- It could not be read: what was read before holds until it is too old, and people are told, once until it is readable again.
create function fail_calendar(p jsonb) returns void language plpgsql as $$
declare
  had calendar;
begin
  select * into had from calendar where source_sha256 = p->>'sourceSha256' for update;
  if not found then return; end if;
  update calendar set failed_at = coalesce(had.failed_at, clock_timestamp()), failure = p->>'failure' returning * into had;
  perform raise_alert(jsonb_build_object('key', 'calendar:' || epoch_ms(had.failed_at), 'kind', 'calendar.unreadable', 'severity', 'error',
    'summary', 'The economic calendar could not be read: ' || (p->>'failure') || '. Without a newer one entries are denied from '
      || coalesce(to_char((had.refreshed_at + had.max_age_ms * interval '1 millisecond') at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), 'now') || ' UTC on.'));
end $$;

-- What of it the gate reads: windows that are not over, as far as they may matter before it has to be read again; null: none is configured.
create function calendar_view() returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('refreshedTime', epoch_ms(c.refreshed_at), 'maxAgeMs', c.max_age_ms,
      'windows', coalesce((select jsonb_agg(jsonb_build_object('from', e.event_time - c.before_ms, 'until', e.event_time + c.after_ms,
          'title', e.title, 'time', e.event_time, 'instruments', e.instruments) order by e.event_time)
        from calendar_events e where e.is_marked and e.event_time >= epoch_ms(clock_timestamp()) - c.after_ms - 60000
          and e.event_time <= epoch_ms(clock_timestamp()) + c.max_age_ms + c.before_ms + 60000), '[]'))
    from calendar c);
end $$;

-- As before, and the economic calendar.
create or replace function read_bounds(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
begin
  return (
  select jsonb_build_object(
    'calendar', calendar_view(),
    'limitRows', limit_rows(the_account),
    'overrides', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('overrideId', v.override_id, 'strategy', v.strategy,
        'instrument', v.instrument, 'key', v.limit_key, 'value', v.value, 'isForOneOrder', v.for_one_order,
        'expiresTime', floor(extract(epoch from v.expires_at) * 1000)::bigint)))
      from limit_overrides v where v.account = the_account and v.expires_at > statement_timestamp() and v.used_at is null
        and v.ended_at is null), '[]'),
    'recentOrders', recent_orders(the_account),
    'repeats', entries_in_a_row(the_account, the_strategy, the_instrument),
    'disabled', (select disabled_reason from strategy_switches where account = the_account and strategy = the_strategy),
    'neighbours', (select jsonb_build_object('version', coalesce(sum(r.version), 0)::text,
        'gross', coalesce(sum(held.gross + working.notional), 0)::text, 'net', coalesce(sum(held.net + working.notional), 0)::text)
      from accounts a join accounts n on n.venue = a.venue and n.account <> a.account join risk_state r on r.account = n.account,
        lateral (select coalesce(sum(abs(cost)), 0) as gross, coalesce(sum(cost), 0) as net
          from positions p where p.account = n.account and p.quantity <> 0) held,
        lateral (select coalesce(sum(reserved_notional), 0) as notional
          from orders o where o.account = n.account and o.final_at is null) working
      where a.account = the_account)));
end $$;

-- What people look at of it: how old it is, and the marked events of the next 24 hours; null: none is configured.
create function read_calendar() returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('ageMs', epoch_ms(clock_timestamp()) - epoch_ms(c.refreshed_at), 'maxAgeMs', c.max_age_ms,
      'failure', c.failure, 'beforeMs', c.before_ms, 'afterMs', c.after_ms, 'events', coalesce((
        select jsonb_agg(jsonb_build_object('time', event_time, 'title', title, 'currency', currency, 'instruments', instruments) order by event_time)
        from calendar_events where is_marked and event_time >= epoch_ms(clock_timestamp()) - c.after_ms
          and event_time < epoch_ms(clock_timestamp()) + 86400000), '[]'))
    from calendar c);
end $$;
