-- A calendar that is read anew takes no window away that stands or is to come: a feed that lists only what is to come leaves out what has
-- just been, and one that is broken leaves out everything.

-- Since when no reading lists an event that is kept.
alter table calendar_events add column left_out_at timestamptz;

-- As before, but: a marked event whose window stands is kept, and so is one to come that the same source does not list any more; of those
-- people are told, once each. What is listed counts as it is listed, so that an event that is listed as not marked blocks nothing.
create or replace function store_calendar(p jsonb) returns boolean language plpgsql as $$
declare
  had calendar;
  at bigint := epoch_ms(clock_timestamp());
  left_out record;
begin
  select * into had from calendar where source_sha256 = p->>'sourceSha256' for update;
  if not found then return false; end if;
  if had.content_sha256 is distinct from p->>'contentSha256' or had.refreshed_at is null then
    delete from calendar_events e where not e.is_marked or e.event_time + had.after_ms < at
      -- Of another source nothing is known of what is to come.
      or (e.event_time > at and had.refreshed_at is null);
    insert into calendar_events (event_time, title, currency, instruments, is_marked)
      select (e->>'time')::bigint, e->>'title', e->>'currency', nullif(e->'instruments', 'null'), (e->>'isMarked')::boolean
      from jsonb_array_elements(p->'events') e
      on conflict (event_time, title) do update set currency = excluded.currency, instruments = excluded.instruments,
        is_marked = excluded.is_marked, left_out_at = null;
    with gone as (
        update calendar_events e set left_out_at = clock_timestamp() where left_out_at is null and not exists (
          select from jsonb_array_elements(p->'events') l where (l->>'time')::bigint = e.event_time and l->>'title' = e.title)
        returning e.event_time, e.title)
      select count(*) as events, min(event_time) as first, md5(string_agg(event_time || title, ',' order by event_time, title)) as hash,
          -- A minute for the clocks of those who leave out what has just begun.
          (array_agg(title order by event_time))[1] as title into left_out
        from gone where event_time > at + 60000;
    if left_out.events > 0 then
      perform raise_alert(jsonb_build_object('key', 'calendar:fewer:' || left_out.hash, 'kind', 'calendar.fewer', 'severity', 'error',
        'summary', format('The economic calendar lists %s marked event%s to come no more, the first of them %s at %s UTC. Entries are blocked around them all the same; where that is not meant, list them as not marked.',
          left_out.events, case when left_out.events = 1 then '' else 's' end, left_out.title,
          to_char(to_timestamp(left_out.first / 1000.0) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'))));
    end if;
    insert into audit_events (kind, subject, data) values ('calendar.changed', 'calendar', jsonb_build_object(
      'contentSha256', p->>'contentSha256', 'events', jsonb_array_length(p->'events'), 'keptToCome', left_out.events));
  end if;
  update calendar set refreshed_at = clock_timestamp(), content_sha256 = p->>'contentSha256', failed_at = null, failure = null;
  update alerts set next_at = null where kind = 'calendar.unreadable' and next_at is not null;
  return true;
end $$;

-- As before, and: while a window of the calendar stands over its instrument. It was entered before, and would fill at the event.
create or replace function why_withdrawn(o orders) returns text language plpgsql stable as $$
declare
  the_mode text;
  the_version text;
  the_reason text;
begin
  if o.purpose <> 'entry' or o.leg <> 'open' or o.status not in ('accepted', 'partiallyFilled') or o.venue_status is not null then
    return null;
  end if;
  select mode into the_mode from control where account = o.account and o.control_version < entries_stopped_version
    and not (reconciliation_hold is null and coalesce(runbook_hold->>'runbook' = 'gracefulShutdown' and runbook_hold->>'was' = 'normal', false));
  if found then return format('%s is in mode %s', o.account, the_mode); end if;
  select reason into the_reason from blocked_instruments where account = o.account and instrument = o.instrument;
  if found then return format('entries in %s are blocked: %s', o.instrument, the_reason); end if;
  select e.title into the_reason from calendar c join calendar_events e on e.is_marked
    and e.event_time between epoch_ms(clock_timestamp()) - c.after_ms and epoch_ms(clock_timestamp()) + c.before_ms
    and (e.instruments is null or e.instruments ? o.instrument)
    order by e.event_time limit 1;
  if found then return format('entries in %s are blocked around the event: %s', o.instrument, the_reason); end if;
  select disabled_reason into the_reason from strategy_switches
    where account = o.account and strategy = o.strategy and disabled_reason is not null;
  if found then return format('%s is disabled: %s', o.strategy, the_reason); end if;
  select version into the_version from active_strategies where account = o.account and strategy = o.strategy and instrument = o.instrument;
  if not found then return format('%s is active in %s no more', o.strategy, o.instrument); end if;
  if the_version <> o.strategy_version then
    return format('version %s of %s is the active one, not %s', the_version, o.strategy, o.strategy_version);
  end if;
  return null;
end $$;
