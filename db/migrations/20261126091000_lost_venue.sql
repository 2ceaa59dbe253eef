-- An account whose venue is lost: what stops it, the run that brings it back, and what that run has found (core/outage).

-- One outage of an account: from the first sample of the watch that confirmed it to the end of its run. That it comes again while its
-- run goes on is the same outage.
create table outages (
  outage_id uuid primary key default gen_random_uuid(),
  account text not null references accounts,
  -- What the watch has confirmed: conditions of core/watch.
  causes jsonb not null,
  -- When the venue, or the market, was heard of last before it.
  began_at timestamptz not null,
  found_at timestamptz not null default clock_timestamp(),
  -- Null while the watch sees it.
  over_at timestamptz,
  -- How often it came again while its run went on.
  returned integer not null default 0,
  -- When the run had its first answer after the newest beginning.
  answered_at timestamptz,
  resumed_at timestamptz,
  run_id uuid not null unique references runbook_runs,
  report jsonb
);
create unique index outages_one_standing on outages (account) where over_at is null;
create index outages_newest on outages (account, found_at desc);
create trigger outages_no_delete before delete on outages for each row execute function refuse_change();

-- Each time that the run asked the venue whether it is there.
create table outage_tries (
  outage_id uuid not null references outages,
  number integer not null,
  tried_at timestamptz not null default clock_timestamp(),
  has_answered boolean not null,
  detail text,
  primary key (outage_id, number)
);
create trigger outage_tries_append_only before update or delete on outage_tries for each row execute function refuse_change();

-- A run that a part of ours starts for a cause, in nobody's name. Its workflow is the outbox's to start, so it waits for no Temporal.
create function begin_for_cause(the_runbook text, the_account text, the_inputs jsonb, the_reason text) returns uuid language plpgsql as $$
declare
  id uuid := gen_random_uuid();
begin
  perform ask_runbook(jsonb_build_object('runId', id, 'runbook', the_runbook, 'account', the_account,
    'resource', the_runbook || ':' || the_account, 'inputs', the_inputs, 'reason', the_reason));
  insert into outbox (kind, data) values ('runbookAsked', jsonb_build_object('runId', id, 'runbook', the_runbook, 'account', the_account));
  return id;
end $$;

-- Pauses an account because of what the watch has confirmed, and keeps in mind which mode it was in, since when, and why. Every resume
-- waits for a clean comparison that began later (is_reconciled); of what a person has paused nothing ends by itself.
create function hold_for_watch(the_account text, the_cause text, the_reason text) returns void language plpgsql as $$
declare
  c control;
begin
  select * into c from control where account = the_account for update;
  update control set mode = 'paused', version = version + case when c.mode = 'paused' then 0 else 1 end, updated_at = clock_timestamp(),
      reconciliation_hold = coalesce(c.reconciliation_hold, '{}') || jsonb_build_object('since', clock_timestamp(),
        'first', coalesce(c.reconciliation_hold->>'first', c.reconciliation_hold->>'since', clock_timestamp()::text),
        'was', coalesce(c.reconciliation_hold->>'was', c.mode),
        -- An older build names no cause.
        'classes', (select jsonb_agg(distinct one)
          from jsonb_array_elements(coalesce(c.reconciliation_hold->'classes', '[]') || to_jsonb(coalesce(the_cause, 'equityUnknown'))) one))
    where account = the_account;
  if c.mode = 'paused' then
    insert into audit_events (kind, account, subject, data) values ('mode.tightened', the_account, 'watch',
      jsonb_build_object('mode', c.mode, 'was', coalesce(c.reconciliation_hold->>'was', c.mode), 'cause', the_cause, 'reason', the_reason));
  else
    insert into audit_events (kind, account, subject, data) values ('mode.changed', the_account, 'watch',
      jsonb_build_object('mode', 'paused', 'was', c.mode, 'cause', the_cause, 'reason', the_reason));
  end if;
end $$;

-- As before, and: when the account was paused first is kept, whoever paused it.
create or replace function pause_for_differences(d reconciliation_differences, classes jsonb) returns void language plpgsql as $$
declare
  c control;
begin
  select * into c from control where account = d.account for update;
  update control set mode = 'paused', updated_at = clock_timestamp(),
      version = version + case when c.mode = 'paused' then 0 else 1 end,
      reconciliation_hold = jsonb_build_object('since', clock_timestamp(), 'was', coalesce(c.reconciliation_hold->>'was', c.mode),
        'first', coalesce(c.reconciliation_hold->>'first', c.reconciliation_hold->>'since', clock_timestamp()::text),
        'classes', (select coalesce(jsonb_agg(distinct one), '[]')
          from jsonb_array_elements(coalesce(c.reconciliation_hold->'classes', '[]') || classes) one))
    where account = d.account;
  if c.mode <> 'paused' then
    insert into audit_events (kind, account, subject, data) values ('mode.changed', d.account, 'reconciliation', jsonb_build_object(
      'mode', 'paused', 'was', c.mode, 'reason', 'reconciliation: ' || d.class || ' ' || d.subject, 'differenceId', d.difference_id::text));
  end if;
end $$;

-- What a sample says of an outage. The samples of an account are written one after the other, so one outage begins once, whoever of
-- two guardians sees it, and whether Temporal is there or not.
create function see_outage(the_account text, seen jsonb) returns void language plpgsql as $$
declare
  o outages;
  the_causes jsonb := seen->'causes';
begin
  select * into o from outages where account = the_account and over_at is null;
  if jsonb_array_length(the_causes) = 0 then
    if o.outage_id is null then return; end if;
    update outages set over_at = clock_timestamp() where outage_id = o.outage_id;
    insert into audit_events (kind, account, subject, data) values ('outage.over', the_account, 'watch', jsonb_build_object('outageId', o.outage_id));
    perform raise_alert(jsonb_build_object('key', 'outage:' || o.outage_id || ':over', 'account', the_account, 'kind', 'outage.over', 'severity', 'error',
        'summary', 'The venue of ' || the_account || ' is back, and its run ' || o.run_id || ' has ended without it: the account stays paused until a person resumes it (keelson resume).'))
      from runbook_runs r, control c where r.run_id = o.run_id and r.ended_at is not null and o.resumed_at is null
        and c.account = the_account and c.mode = 'paused' and c.reconciliation_hold is not null;
    return;
  end if;
  -- A run that could not do its work, or is of a ledger before a restore, is followed by another; one that a person has ended is not. The
  -- minute keeps one that always fails from being begun each second.
  if exists (select from runbook_runs r where r.run_id = o.run_id and (r.epoch <> (select epoch from instance)
      or r.status <> 'aborted' and r.ended_at < clock_timestamp() - interval '1 minute')) then
    update outages set over_at = clock_timestamp() where outage_id = o.outage_id;
    o := null;
  end if;
  if o.outage_id is not null then
    if not o.causes @> the_causes then
      update outages set causes = (select jsonb_agg(distinct one) from jsonb_array_elements(o.causes || the_causes) one) where outage_id = o.outage_id;
    end if;
    return;
  end if;
  select o2.* into o from outages o2 join runbook_runs r using (run_id) where o2.account = the_account and r.ended_at is null
    and r.epoch = (select epoch from instance);
  if o.outage_id is not null then
    update outages set over_at = null, answered_at = null, resumed_at = null, returned = returned + 1,
        causes = (select jsonb_agg(distinct one) from jsonb_array_elements(o.causes || the_causes) one) where outage_id = o.outage_id;
    -- Where its workflow was lost with its server it goes on where its records end.
    insert into outbox (kind, data) values ('runbookAsked', jsonb_build_object('runId', o.run_id, 'runbook', 'venueDisconnected', 'account', the_account));
    insert into audit_events (kind, account, subject, data) values ('outage.returned', the_account, 'watch',
      jsonb_build_object('outageId', o.outage_id, 'causes', the_causes, 'reason', seen->>'reason'));
    return;
  end if;
  o.outage_id := gen_random_uuid();
  insert into outages (outage_id, account, causes, began_at, run_id)
    values (o.outage_id, the_account, the_causes, clock_timestamp() - (seen->>'ageMs')::bigint * interval '1 millisecond',
      begin_for_cause('venueDisconnected', the_account, jsonb_build_object('outageId', o.outage_id), seen->>'reason'));
  insert into audit_events (kind, account, subject, data) values ('outage.found', the_account, 'watch',
    jsonb_build_object('outageId', o.outage_id, 'causes', the_causes, 'reason', seen->>'reason'));
end $$;

-- ---- a drawdown that has halted an account

-- The runs that look into such a halt: the first is begun with it, others by people.
create table drawdown_runs (
  run_id uuid primary key references runbook_runs,
  account text not null references accounts,
  latch_id uuid not null references latches,
  -- The file, and its SHA-256.
  evidence jsonb,
  report jsonb
);
create index drawdown_runs_of_latch on drawdown_runs (latch_id);
create trigger drawdown_runs_no_delete before delete on drawdown_runs for each row execute function refuse_change();

-- The samples of an account are written one after the other, so one halt begins one run, whoever of two guardians has written the latch.
create function see_drawdown_halt(the_account text, the_latch uuid) returns void language plpgsql as $$
declare
  l latches;
begin
  if exists (select from drawdown_runs where latch_id = the_latch) then return; end if;
  select * into l from latches where latch_id = the_latch and released_at is null;
  if not found then return; end if;
  insert into drawdown_runs (run_id, account, latch_id)
    values (begin_for_cause('drawdown', the_account, jsonb_build_object('latchId', l.latch_id), l.reason), the_account, l.latch_id);
end $$;

-- As before, and: a pause is kept in mind with its cause, and an outage and the halt of a drawdown begin their runs.
create or replace function write_watch_sample(p jsonb) returns text language plpgsql as $$
declare
  s jsonb := p->'performance';
  w account_watch;
  at timestamptz := clock_timestamp();
begin
  if (p->>'version')::bigint = 0 then
    insert into account_watch (account, quote) values (p->>'account', p->>'quote') on conflict (account) do nothing returning * into w;
  else
    select * into w from account_watch where account = p->>'account' and version = (p->>'version')::bigint for update;
  end if;
  if w.account is null then return null; end if;
  update account_watch set version = version + 1, sampled_at = at, quote = p->>'quote',
      equity = (p->>'equity')::numeric, equity_at = case when p->>'equity' is null then equity_at else at end,
      known_equity = (s->>'equity')::numeric, peak = (s->>'peak')::numeric, day = (s->>'day')::bigint,
      day_opening = (s->>'dayOpening')::numeric, day_flows = (s->>'dayFlows')::numeric, day_basis = (s->>'dayBasis')::numeric,
      drawdown_ratio = (p->>'drawdownRatio')::numeric, daily_pnl = (p->>'dailyPnl')::numeric,
      daily_loss_ratio = (p->>'dailyLossRatio')::numeric, exposure = (p->>'exposure')::numeric,
      external = p->'external', runs = p->'runs', latch_id = (p->>'latchId')::uuid, details = p->'details'
    where account = w.account returning * into w;
  if p->>'mode' = 'paused' then perform hold_for_watch(w.account, p->>'cause', p->>'reason');
  elsif p->>'mode' is not null then perform tighten_mode(w.account, p->>'mode', p->>'reason');
  end if;
  if p->'outage' is not null then perform see_outage(w.account, p->'outage'); end if;
  if w.latch_id is not null then perform see_drawdown_halt(w.account, w.latch_id); end if;
  insert into audit_events (kind, account, subject, data)
    select e->>'kind', w.account, 'watch', e->'data' from jsonb_array_elements(p->'audit') e;
  perform raise_alert(e || jsonb_build_object('account', w.account)) from jsonb_array_elements(p->'alerts') e;
  insert into account_watch_samples values (w.account, w.sampled_at, w.equity, w.drawdown_ratio, w.daily_pnl, w.exposure)
    on conflict do nothing;
  delete from account_watch_samples where account = w.account and sampled_at < w.sampled_at - interval '6 hours';
  -- Who holds the account's risk state hears the heartbeat itself, and reads nothing for it.
  perform pg_notify('keelson_risk', 'watch ' || jsonb_build_object('account', w.account,
    'sampledTime', epoch_ms(w.sampled_at), 'equityTime', epoch_ms(w.equity_at))::text);
  return w.version::text;
end $$;

-- As before, and: of a pause that ends by itself the watch sees why the account is paused and the mode that it would go back to, and
-- so of what a runbook holds.
create or replace function read_watch_inputs(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()),
      'mode', case when c.reconciliation_hold is null then coalesce(c.runbook_hold->>'was', c.mode) else c.mode end,
      'hold', c.reconciliation_hold || case when c.runbook_hold is null then '{}' else jsonb_build_object('was', c.runbook_hold->>'was') end,
      'version', coalesce(w.version, 0)::text, 'sampledTime', epoch_ms(w.sampled_at),
      'performance', case when w.known_equity is not null then jsonb_build_object('equity', w.known_equity::text, 'peak', w.peak::text,
        'day', w.day, 'dayOpening', w.day_opening::text, 'dayFlows', w.day_flows::text, 'dayBasis', w.day_basis::text) end,
      'seen', w.details->'ages', 'external', w.external, 'runs', coalesce(w.runs, '{}'), 'latchId', w.latch_id,
      'latch', case when w.latch_id is null then 'none'
        when exists (select from latches l where l.latch_id = w.latch_id and l.released_at is null) then 'stands' else 'released' end,
      'ledger', coalesce((select jsonb_object_agg(held.asset, held.quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity - moved as quantity from inventory i where i.account = a.account
            union all select asset, quantity from ledger_balances b where b.account = a.account) both_parts
          group by asset) held), '{}'),
      'openOrders', (select count(*) from orders o where o.account = a.account and o.final_at is null),
      'closes', coalesce((select jsonb_object_agg(i->>'instrument', jsonb_build_object('price', b.close::text, 'closeTime', b.close_time))
        from jsonb_array_elements(p->'instruments') i cross join lateral (
          select close, close_time from bars where venue = a.venue and instrument = i->>'instrument'
            and interval_ms = (i->>'intervalMs')::bigint order by open_time desc limit 1) b), '{}'))
    from accounts a join control c using (account) left join account_watch w using (account)
    where a.account = p->>'account');
end $$;

-- ---- what the run of an outage asks and does

-- Null: the run has none.
create function read_outage(the_run uuid) returns jsonb language plpgsql stable as $$
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
        from reconciliation_differences d where d.account = o.account and d.status = 'open'))
    from outages o join control c using (account) where o.run_id = the_run);
end $$;

-- Whether a run may still change anything: it has its resource, is of this ledger, and nobody has given it up.
create function is_at_work(the_run uuid) returns boolean language sql stable as $$
  select exists (select from runbook_locks l join runbook_runs r using (run_id) where l.run_id = the_run and r.epoch = (select epoch from instance))
    and not exists (select from runbook_commands m where m.run_id = the_run and m.kind = 'abort' and m.applied_at is not null)
$$;

-- Entries stay stopped until the run has ended well: also where a person has let them go on too early.
create function freeze_for_outage(the_run uuid) returns void language plpgsql as $$
declare
  o outages;
begin
  select * into o from outages where run_id = the_run;
  if is_at_work(the_run) and exists (select from control where account = o.account and (mode <> 'paused' or not coalesce(reconciliation_hold->'classes', '[]') @> o.causes)) then
    perform hold_for_watch(o.account, cause, 'its venue is lost') from jsonb_array_elements_text(o.causes) cause;
  end if;
end $$;

create function note_outage_try(p jsonb) returns void language plpgsql as $$
declare
  o outages;
begin
  select * into o from outages where run_id = (p->>'runId')::uuid for update;
  insert into outage_tries (outage_id, number, has_answered, detail)
    select o.outage_id, 1 + coalesce(max(number), 0), (p->>'hasAnswered')::boolean, p->>'detail' from outage_tries where outage_id = o.outage_id;
  if (p->>'hasAnswered')::boolean then update outages set answered_at = coalesce(answered_at, clock_timestamp()) where outage_id = o.outage_id; end if;
end $$;

-- The highest call that there is: nobody but a person can go on.
create function page_for_outage(p jsonb) returns void language plpgsql as $$
declare
  o outages;
begin
  select * into o from outages where run_id = (p->>'runId')::uuid;
  perform raise_alert(jsonb_build_object('key', 'outage:' || o.outage_id || ':' || (p->>'about'), 'account', o.account, 'kind', 'outage.lasts',
    'severity', 'critical', 'summary', 'The venue of ' || o.account || ' is lost and the account stays paused: ' || (p->>'detail')
      || '. See keelson runbooks show ' || o.run_id || '.'));
end $$;

-- Ends the pause that the outage has caused, and no other: `resumed`, or why not. All that it depends on is looked at under the lock of
-- the control row. `notSteady` and `notReconciled` may be otherwise a moment later; all else stays so.
create function resume_after_outage(p jsonb) returns text language plpgsql as $$
declare
  o outages;
  c control;
  w account_watch;
begin
  select * into c from control where account = (select account from outages where run_id = (p->>'runId')::uuid) for update;
  select * into o from outages where run_id = (p->>'runId')::uuid for update;
  if o.resumed_at is not null then return 'resumed'; end if;
  if not is_at_work(o.run_id) then return 'givenUp'; end if;
  select * into w from account_watch where account = o.account;
  if o.over_at is null or o.answered_at is null or w.equity is null or w.sampled_at < clock_timestamp() - interval '5 seconds'
      or w.runs ?| array['equityUnknown', 'venueUnreachable', 'noMarketData'] then
    return 'notSteady';
  end if;
  if halt_over(o.account) is not null then return 'halted'; end if;
  if c.mode <> 'paused' then return 'going'; end if;
  if c.reconciliation_hold is null or c.reconciliation_hold->>'was' = 'paused' or c.held_by is not null then return 'personsPause'; end if;
  if coalesce(c.reconciliation_hold->>'first', c.reconciliation_hold->>'since')::timestamptz < o.began_at then return 'before'; end if;
  -- Begun after the venue was back, and after everything that has paused the account since.
  if not exists (select from reconciliations r where r.account = o.account
      and r.last_clean_at > greatest(o.over_at, o.answered_at, (c.reconciliation_hold->>'since')::timestamptz)) then
    return 'notReconciled';
  end if;
  if exists (select from jsonb_array_elements_text(c.reconciliation_hold->'classes') one
      where one not in ('equityUnknown', 'venueUnreachable', 'noMarketData') and not p->'lifts' ? one) then
    return 'differences';
  end if;
  if exists (select from outages before where before.account = o.account and before.outage_id <> o.outage_id
      and before.resumed_at > o.found_at - (p->>'repeatedWithinMs')::bigint * interval '1 millisecond') then
    return 'repeated';
  end if;
  update control set mode = c.reconciliation_hold->>'was', reconciliation_hold = null, version = version + 1, updated_at = clock_timestamp()
    where account = o.account;
  update outages set resumed_at = clock_timestamp() where outage_id = o.outage_id;
  insert into audit_events (kind, account, subject, data) values ('mode.changed', o.account, 'venueDisconnected', jsonb_build_object(
    'mode', c.reconciliation_hold->>'was', 'was', 'paused', 'reason', 'its venue is back, and a new reconciliation is clean',
    'outageId', o.outage_id, 'runId', o.run_id));
  return 'resumed';
end $$;

-- What the outage was, from the rows: again it tells the same or more.
create function report_outage(the_run uuid) returns jsonb language plpgsql as $$
declare
  o outages;
begin
  select * into o from outages where run_id = the_run for update;
  o.report := jsonb_build_object('outageId', o.outage_id, 'causes', o.causes, 'beganTime', epoch_ms(o.began_at), 'foundTime', epoch_ms(o.found_at),
    'answeredTime', epoch_ms(o.answered_at), 'overTime', epoch_ms(o.over_at), 'resumedTime', epoch_ms(o.resumed_at), 'returned', o.returned,
    'tries', (select count(*) from outage_tries where outage_id = o.outage_id),
    'orders', (select coalesce(jsonb_agg(jsonb_build_object('intentId', i.intent_id, 'instrument', i.instrument, 'status', i.status)
        order by i.created_at, i.intent_id), '[]') from (
      select * from orders f where f.account = o.account and f.created_at <= coalesce(o.answered_at, clock_timestamp())
        and (f.final_at is null or f.final_at >= o.began_at) order by f.created_at desc limit 100) i),
    'fills', (select count(*) from fills f where f.account = o.account and f.event_time >= epoch_ms(o.began_at)
      and f.event_time <= epoch_ms(coalesce(o.answered_at, clock_timestamp()))),
    'found', (select coalesce(jsonb_agg(jsonb_build_object('differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject,
        'status', d.status) order by d.difference_id), '[]') from (
      select * from reconciliation_differences e where e.account = o.account and e.first_seen_at >= o.began_at
        and e.first_seen_at <= coalesce(o.resumed_at, clock_timestamp()) order by e.difference_id limit 100) d));
  update outages set report = o.report where outage_id = o.outage_id;
  insert into audit_events (kind, account, subject, data)
    values ('outage.reported', o.account, 'venueDisconnected', jsonb_build_object('runId', o.run_id) || o.report);
  return o.report;
end $$;
