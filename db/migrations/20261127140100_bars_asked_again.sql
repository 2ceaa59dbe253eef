-- Neighbouring holes in the stored bars are one request and one notice; and what a venue did not have is asked for again some days long, since
-- some venues fill their own holes later.

-- When it was asked for last, and how often it was not there.
alter table absent_bars add column asked_at timestamptz, add column asked int not null default 1 check (asked > 0);
update absent_bars set asked_at = noted_at;
alter table absent_bars alter column asked_at set not null, alter column asked_at set default clock_timestamp();

-- The newest hole between stored bars that begins before a moment, as far as it lies before it, and the further ones that lie within `span` bars
-- with it: {isNew, holes: [{from, to}]}, the newest first, the open times of their first and last bars; null: there is none. Bars from `since` on
-- are looked at. What the venue does not have is no hole until it is to be asked for again: after `againMs`, `times` times in all. `isNew`: not all
-- of it was asked for before.
create function newest_bar_holes(p jsonb) returns jsonb language sql stable as $$
  with asked as (
    select p->>'venue' as venue, p->>'instrument' as instrument, (p->>'intervalMs')::bigint as step, (p->>'since')::bigint as since,
      (p->>'before')::bigint as before, (p->>'span')::bigint as span, (p->>'againMs')::bigint as again_ms, (p->>'times')::int as times),
  noted as (
    select n.* from absent_bars n, asked a
      where n.venue = a.venue and n.instrument = a.instrument and n.interval_ms = a.step and n.to_open_time >= a.since),
  known as (
    select b.open_time as first, b.open_time as last from bars b, asked a
      where b.venue = a.venue and b.instrument = a.instrument and b.interval_ms = a.step and b.open_time >= a.since
    union all
    select n.from_open_time, n.to_open_time from noted n, asked a
      where n.asked >= a.times or n.asked_at > clock_timestamp() - a.again_ms * interval '1 millisecond'
    union all
    -- A hole that began before is looked at from there on.
    select a.since - a.step, a.since - a.step from asked a where exists (select from bars b
      where b.venue = a.venue and b.instrument = a.instrument and b.interval_ms = a.step and b.open_time < a.since)),
  followed as (
    select first, max(last) over (order by first, last rows between unbounded preceding and 1 preceding) as ended from known),
  holes as (
    select f.ended + a.step as from_time, least(f.first, a.before) - a.step as to_time from followed f, asked a
      where f.first > f.ended + a.step and f.ended + a.step < a.before),
  near as (
    select h.* from holes h, asked a, (select max(to_time) as to_time from holes) newest
      where h.to_time = newest.to_time or h.from_time > newest.to_time - a.span * a.step)
  select case when count(*) > 0 then jsonb_build_object(
      'isNew', bool_or(not exists (select from noted n where n.from_open_time <= near.from_time and n.to_open_time >= near.to_time)),
      'holes', jsonb_agg(jsonb_build_object('from', from_time, 'to', to_time) order by to_time desc)) end
    from near
$$;

-- What a venue did not have when it was asked, of several holes in one statement, which tells it. What was noted before was asked for once more.
create function note_bars_absent(p jsonb) returns void language sql as $$
  with given as (
    select p->>'venue' as venue, p->>'instrument' as instrument, (p->>'intervalMs')::bigint as step, (r->>'from')::bigint as from_time,
      (r->>'to')::bigint as to_time from jsonb_array_elements(p->'ranges') r),
  noted as (
    insert into absent_bars as had (venue, instrument, interval_ms, from_open_time, to_open_time, asked)
      select g.venue, g.instrument, g.step, g.from_time, g.to_time, 1 + coalesce((select max(n.asked) from absent_bars n
          where n.venue = g.venue and n.instrument = g.instrument and n.interval_ms = g.step
            and n.from_open_time <= g.from_time and n.to_open_time >= g.to_time), 0) from given g
      on conflict (venue, instrument, interval_ms, from_open_time) do update set asked_at = clock_timestamp(), asked = excluded.asked,
        to_open_time = greatest(had.to_open_time, excluded.to_open_time)
      returning asked)
  insert into audit_events (kind, account, data)
    select 'bars.absent', p->>'account', jsonb_build_object('venue', p->>'venue', 'instrument', p->>'instrument',
      'intervalMs', (p->>'intervalMs')::bigint, 'from', (select min(from_time) from given), 'to', (select max(to_time) from given),
      'ranges', jsonb_array_length(p->'ranges'), 'asked', (select max(asked) from noted))
    where exists (select from given)
$$;
