-- A process that comes up under the name of an older start is told of: in a rollback under a name that was used before, that is every process.

-- Where a start stands among the others: newest | older | unordered (it belongs to none that is known). Changes nothing.
create function start_place(the_start text) returns text language sql stable as $$
  select coalesce((select case when start_id = (select start_id from calendar_starts order by came_at desc limit 1) then 'newest' else 'older' end
    from calendar_starts where start_id = the_start), 'unordered')
$$;

-- As before, and: people are told of an older one, once for each that is newer than it. Whether it has crashed and comes back beside a rolling
-- deployment, or the system goes back to its build, nobody but them knows.
create or replace function order_start(p jsonb) returns text language plpgsql as $$
declare
  the_start text := nullif(p->>'start', '');
  newest text;
begin
  if the_start is null then return 'unordered'; end if;
  -- Two that come at once come one after the other.
  perform pg_advisory_xact_lock(hashtextextended('calendar', 0));
  -- A clock that was set back changes no order.
  insert into calendar_starts (start_id, build, came_at)
    select the_start, p->>'build', greatest(clock_timestamp(), max(came_at) + interval '1 microsecond') from calendar_starts
    on conflict (start_id) do nothing;
  select start_id into newest from calendar_starts order by came_at desc limit 1;
  if the_start = newest then return 'newest'; end if;
  perform raise_alert(jsonb_build_object('key', 'start:older:' || the_start || ':' || newest, 'kind', 'start.older', 'severity', 'warning',
    'summary', 'A process has come up that belongs to the start ' || the_start || ', which is older than ' || newest
      || ': strategy versions, calendar, schedules and accounts stay those of the newer one. Where this is a rollback, start all processes under '
      || 'a name (KEELSON_START) that was never used before. Where a rolling deployment is under way, there is nothing to do.',
    'data', jsonb_build_object('start', the_start, 'newest', newest)));
  return 'older';
end $$;
