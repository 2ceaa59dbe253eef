-- Starts of the system come one after the other, and only the newest brings its calendar and its schedules.

-- Which build has put the start into the order, null: one from before there was an order; and when a process of it first said which calendar
-- there is.
alter table calendar_starts add column build text, add column spoke_at timestamptz;
update calendar_starts set spoke_at = came_at;

-- Puts a start into the order: the launcher before anything of it runs, else the first of its processes. One that is left of an older start
-- stays where it was. Answers newest | older | unordered (it belongs to no start).
create function order_start(p jsonb) returns text language plpgsql as $$
declare
  the_start text := nullif(p->>'start', '');
begin
  if the_start is null then return 'unordered'; end if;
  -- Two that come at once come one after the other.
  perform pg_advisory_xact_lock(hashtextextended('calendar', 0));
  -- A clock that was set back changes no order.
  insert into calendar_starts (start_id, build, came_at)
    select the_start, p->>'build', greatest(clock_timestamp(), max(came_at) + interval '1 microsecond') from calendar_starts
    on conflict (start_id) do nothing;
  return case when the_start = (select start_id from calendar_starts order by came_at desc limit 1) then 'newest' else 'older' end;
end $$;

alter function configure_calendar(jsonb) rename to set_calendar;

-- As before, and: a build that knows of no order takes no place in it where a newer build has one. It changes nothing, as a process of an older
-- start does, and people are told. Answers same | configured | older.
create or replace function configure_calendar_of_start(p jsonb) returns text language plpgsql as $$
declare
  had calendar;
  wanted jsonb := nullif(p->'calendar', 'null');
  the_start text := nullif(p->>'start', '');
  knows_order boolean := p->>'build' is not null;
  newest calendar_starts;
  mine calendar_starts;
begin
  perform pg_advisory_xact_lock(hashtextextended('calendar', 0));
  select * into newest from calendar_starts order by came_at desc limit 1;
  if knows_order or newest.build is null then perform order_start(p); end if;
  select * into newest from calendar_starts order by came_at desc limit 1;
  select * into mine from calendar_starts where start_id = the_start;
  update calendar_starts set spoke_at = clock_timestamp() where start_id = the_start and spoke_at is null;
  select * into had from calendar for update;
  if (case when wanted is null then had.source_sha256 is null
      else (had.source_sha256, had.before_ms, had.after_ms, had.max_age_ms)
        is not distinct from (wanted->>'sourceSha256', (wanted->>'beforeMs')::bigint, (wanted->>'afterMs')::bigint, (wanted->>'maxAgeMs')::bigint) end) then
    return 'same';
  end if;
  if mine.start_id <> newest.start_id or (mine.start_id is null and not knows_order and newest.build is not null) then
    perform raise_alert(jsonb_build_object('key', 'calendar:older:' || coalesce(the_start, 'none'), 'kind', 'calendar.differs', 'severity', 'error',
      'summary', 'A process of an older start, or of an older build, is configured with another economic calendar, or with none. '
        || 'What the newest start has configured stays: stop that process, or start it anew.'));
    return 'older';
  end if;
  if mine.start_id is null or mine.spoke_at is not null then
    perform raise_alert(jsonb_build_object('key', 'calendar:differs:' || gen_random_uuid(), 'kind', 'calendar.differs', 'severity', 'error',
        'summary', 'The economic calendar is configured otherwise than a moment ago, by a process of no newer start. Where nobody has changed it, two processes have different configurations: start all of them anew.'))
      where had.source_sha256 is not null;
  end if;
  perform set_calendar(coalesce(wanted, 'null'));
  -- What could not be read was another one.
  update calendar set failed_at = null, failure = null where source_sha256 is distinct from had.source_sha256;
  return 'configured';
end $$;

-- What builds from before there was an order call.
create function configure_calendar(p jsonb) returns void language sql as $$
  select configure_calendar_of_start(jsonb_build_object('calendar', p, 'start', null))
$$;

-- Whose calendar it is; null: there is none.
create function calendar_source() returns text language sql stable as $$
  select source_sha256 from calendar
$$;
