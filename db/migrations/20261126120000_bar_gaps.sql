-- Holes in the stored bars are found in what is stored, so that one which was not filled in its time is not forgotten.

-- What a venue was asked for and does not have of its own bars, from the first to the last. Nobody asks for it again.
create table absent_bars (
  venue text not null,
  instrument text not null,
  interval_ms bigint not null,
  from_open_time bigint not null,
  to_open_time bigint not null check (to_open_time >= from_open_time),
  noted_at timestamptz not null default clock_timestamp(),
  primary key (venue, instrument, interval_ms, from_open_time)
);

-- The newest hole between stored bars that begins before a moment, as far as it lies before it: {from, to}, the open times of its first and
-- last bar; null: there is none. Bars from `since` on are looked at; what the venue does not have is no hole.
create function newest_bar_hole(p jsonb) returns jsonb language sql stable as $$
  with asked as (
    select p->>'venue' as venue, p->>'instrument' as instrument, (p->>'intervalMs')::bigint as step, (p->>'since')::bigint as since,
      (p->>'before')::bigint as before),
  known as (
    select b.open_time as first, b.open_time as last from bars b, asked a
      where b.venue = a.venue and b.instrument = a.instrument and b.interval_ms = a.step and b.open_time >= a.since
    union all
    select n.from_open_time, n.to_open_time from absent_bars n, asked a
      where n.venue = a.venue and n.instrument = a.instrument and n.interval_ms = a.step and n.to_open_time >= a.since
    union all
    -- A hole that began before is looked at from there on.
    select a.since - a.step, a.since - a.step from asked a where exists (select from bars b
      where b.venue = a.venue and b.instrument = a.instrument and b.interval_ms = a.step and b.open_time < a.since)),
  followed as (
    select first, max(last) over (order by first, last rows between unbounded preceding and 1 preceding) as ended from known)
  select jsonb_build_object('from', f.ended + a.step, 'to', least(f.first, a.before) - a.step) from followed f, asked a
    where f.first > f.ended + a.step and f.ended + a.step < a.before
    order by f.first desc limit 1
$$;

-- Once, in the statement that tells it.
create function note_absent_bars(p jsonb) returns void language sql as $$
  with noted as (
    insert into absent_bars as had (venue, instrument, interval_ms, from_open_time, to_open_time)
      values (p->>'venue', p->>'instrument', (p->>'intervalMs')::bigint, (p->>'from')::bigint, (p->>'to')::bigint)
      on conflict (venue, instrument, interval_ms, from_open_time) do update set to_open_time = excluded.to_open_time
        where had.to_open_time < excluded.to_open_time
      returning from_open_time, to_open_time)
  insert into audit_events (kind, account, data)
    select 'bars.absent', p->>'account', jsonb_build_object('venue', p->>'venue', 'instrument', p->>'instrument',
      'intervalMs', (p->>'intervalMs')::bigint, 'from', from_open_time, 'to', to_open_time) from noted
$$;
