-- A clock of the database's that was ahead and is set back, for the outbox: what somebody had claimed who died then was nobody's until that time.

-- As before, but: a claim of a time to come is over.
create or replace function claim_outbox(p jsonb) returns jsonb language plpgsql as $$
declare
  rows jsonb;
  for_so_long constant interval := make_interval(secs => (p->>'forMs')::double precision / 1000);
begin
  if not is_current_epoch(p) then return '[]'; end if;
  with claimed as (
    update outbox set claimed_until = clock_timestamp() + for_so_long
    where outbox_id in (
      select outbox_id from outbox where done_at is null and (claimed_until is null or claimed_until < clock_timestamp()
          -- No claim is longer than a minute, however short the one that is asked for.
          or claimed_until > clock_timestamp() + greatest(interval '1 minute', for_so_long))
        and kind in (select jsonb_array_elements_text(p->'kinds'))
      order by outbox_id limit (p->>'most')::integer for update skip locked)
    returning outbox_id, kind, data)
  select coalesce(jsonb_agg(jsonb_build_object('id', outbox_id::text, 'kind', kind, 'data', data) order by outbox_id), '[]')
    into rows from claimed;
  return rows;
end $$;
