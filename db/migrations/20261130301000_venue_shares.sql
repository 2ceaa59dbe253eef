-- How trading's share of what a venue allows an address is divided among the processes that enter from there.
create table venue_shares (
  address text not null,
  -- One run of a process: the next one is another, since what this one has entered still counts.
  holder uuid not null,
  granted integer not null,
  -- It has less than it may have.
  is_wanting boolean not null,
  -- Counts up with each question; one that was overtaken changes nothing.
  question integer not null,
  seen_at timestamptz not null default clock_timestamp(),
  primary key (address, holder)
);

-- Gives a process its part for the next seconds. It tells what it goes by (`held`), which the ledger never takes back: it lowers that
-- itself, and asks again. Half of what is free is left, so that one that is started anew has something at once. Null: overtaken.
create function take_venue_share(p jsonb) returns jsonb language plpgsql as $$
declare
  total integer := (p->>'total')::integer;
  held integer := (p->>'held')::integer;
  others record;
  base integer;
  wanted integer;
  now_granted integer;
begin
  -- One after the other: each sees what those before it were given.
  perform pg_advisory_xact_lock(hashtextextended('venue shares', 0));
  delete from venue_shares where address = p->>'address' and holder <> (p->>'holder')::uuid
    and seen_at < clock_timestamp() - (p->>'keptForMs')::bigint * interval '1 millisecond';
  select count(*)::integer as holders, coalesce(sum(granted), 0)::integer as granted,
      coalesce(bool_or(is_wanting and seen_at > clock_timestamp() - interval '5 seconds'), false) as is_wanting
    into others from venue_shares where address = p->>'address' and holder <> (p->>'holder')::uuid;
  base := total / (others.holders + 2);
  wanted := case when (p->>'isLast')::boolean then 0 when others.is_wanting then base else greatest(base, 2 * (p->>'used')::integer) end;
  now_granted := held + least(greatest(wanted - held, 0), (greatest(total - others.granted - held, 0) + 1) / 2);
  insert into venue_shares as s (address, holder, granted, is_wanting, question) values (p->>'address', (p->>'holder')::uuid, now_granted,
      not (p->>'isLast')::boolean and now_granted < base, (p->>'question')::integer)
    on conflict (address, holder) do update set granted = excluded.granted, is_wanting = excluded.is_wanting,
      question = excluded.question, seen_at = clock_timestamp()
    where s.question < excluded.question;
  if not found then return null; end if;
  return jsonb_build_object('granted', now_granted, 'base', base, 'isWanted', others.is_wanting);
end $$;
