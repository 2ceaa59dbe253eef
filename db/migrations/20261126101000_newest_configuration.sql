-- Which of two configurations of the economic calendar is the newer one, and what answers for a drawdown.

-- Starts of the system that have said which calendar there is, in the order in which they came. A process that comes back belongs to the
-- start that it began with: so one that is left of an older start is known as such.
create table calendar_starts (
  start_id text primary key,
  came_at timestamptz not null default clock_timestamp()
);

-- As before, and: only a newer start takes the place of what another start has configured. What cannot be put in an order (two processes of
-- one start, or of none) takes it, and people are told. Answers same | configured | older.
create function configure_calendar_of_start(p jsonb) returns text language plpgsql as $$
declare
  had calendar;
  wanted jsonb := nullif(p->'calendar', 'null');
  the_start text := nullif(p->>'start', '');
  newest text;
  is_known boolean;
  is_same boolean;
begin
  -- Two that come at once come one after the other.
  perform pg_advisory_xact_lock(hashtextextended('calendar', 0));
  select start_id into newest from calendar_starts order by came_at desc limit 1;
  is_known := the_start is not null and exists (select from calendar_starts where start_id = the_start);
  if the_start is not null and not is_known then insert into calendar_starts (start_id) values (the_start); end if;
  select * into had from calendar for update;
  is_same := case when wanted is null then had.source_sha256 is null
    else (had.source_sha256, had.before_ms, had.after_ms, had.max_age_ms)
      is not distinct from (wanted->>'sourceSha256', (wanted->>'beforeMs')::bigint, (wanted->>'afterMs')::bigint, (wanted->>'maxAgeMs')::bigint) end;
  if is_same then return 'same'; end if;
  if is_known and the_start <> newest then
    perform raise_alert(jsonb_build_object('key', 'calendar:older:' || the_start, 'kind', 'calendar.differs', 'severity', 'error',
      'summary', 'A process of an older start is configured with another economic calendar, or with none. What the newer start has configured stays: stop that process, or start it anew.'));
    return 'older';
  end if;
  if the_start is null or is_known then
    perform raise_alert(jsonb_build_object('key', 'calendar:differs:' || gen_random_uuid(), 'kind', 'calendar.differs', 'severity', 'error',
        'summary', 'The economic calendar is configured otherwise than a moment ago, by a process of no newer start. Where nobody has changed it, two processes have different configurations: start all of them anew.'))
      where had.source_sha256 is not null;
  end if;
  perform configure_calendar(coalesce(wanted, 'null'));
  return 'configured';
end $$;

-- As before, but: that a run was aborted answers for nothing. People begin another.
create or replace function missing_drawdown_report(the_latch uuid) returns text language sql stable as $$
  select 'the report of the drawdown is not signed: keelson runbooks show ' || d.run_id || ', then sign or skip its step signature'
    || case when r.ended_at is null then '' else ' of a new run (keelson runbooks run drawdown)' end
  from drawdown_runs d join runbook_runs r using (run_id)
  where d.latch_id = the_latch and not exists (
    select from drawdown_runs e join runbook_parts t using (run_id) where e.latch_id = the_latch and t.name = 'signature'
      and t.part in ('signature', 'skip'))
  order by r.created_at desc limit 1
$$;

-- As before, and: at which price a stop is triggered.
create or replace function read_left(the_account text) returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object(
    'working', (select coalesce(jsonb_agg(jsonb_build_object('intentId', intent_id, 'clientOrderId', client_order_id, 'instrument', instrument,
        'purpose', purpose, 'status', status, 'stopPrice', stop_price::text) order by created_at, intent_id), '[]')
      from orders where account = the_account and final_at is null),
    'positions', (select coalesce(jsonb_agg(jsonb_build_object('strategy', strategy, 'instrument', instrument, 'quantity', quantity::text)
        order by instrument, strategy), '[]') from positions where account = the_account and quantity > 0),
    'unprotected', unprotected_positions(the_account),
    'outbox', (select count(*) from outbox where done_at is null and data->>'account' = the_account));
end $$;

-- As before, and: a run that has ended, as one that a new start of the system has taken the place of, waits for nothing any more either, and
-- what it would still do it leaves to its successor.
create or replace function read_runbook_hold(p jsonb) returns jsonb language sql stable as $$
  select jsonb_build_object('mode', c.mode, 'told', mode_told(c.account), 'halt', halt_over(c.account),
    'isAborted', exists (select from runbook_commands m where m.run_id = (p->>'runId')::uuid and m.kind = 'abort' and m.applied_at is not null)
      or exists (select from runbook_runs r where r.run_id = (p->>'runId')::uuid and r.ended_at is not null),
    'hold', c.runbook_hold, 'isOurs', coalesce(c.runbook_hold->>'runId' = p->>'runId', false))
  from control c where c.account = p->>'account'
$$;
