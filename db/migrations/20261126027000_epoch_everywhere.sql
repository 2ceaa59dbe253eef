-- P31: also what a forgotten worker records as not traded, and what it takes out of the outbox, is refused after a restore. A build
-- from before says no epoch, and is let through.

create or replace function record_untraded_signal(p jsonb) returns boolean language plpgsql as $$
begin
  if not is_current_epoch(p) then return false; end if;
  perform store_signal(p->'signal', false);
  if (select outcome from signals where signal_id = p->'signal'->>'signalId') <> 'notTraded' then return false; end if;
  if exists (select from audit_events where kind = 'signal.notTraded' and data->>'signalId' = p->'signal'->>'signalId') then
    return false;
  end if;
  perform write_events(p);
  return true;
end $$;

create or replace function claim_outbox(p jsonb) returns jsonb language plpgsql as $$
declare
  rows jsonb;
begin
  if not is_current_epoch(p) then return '[]'; end if;
  with claimed as (
    update outbox set claimed_until = clock_timestamp() + make_interval(secs => (p->>'forMs')::double precision / 1000)
    where outbox_id in (
      select outbox_id from outbox where done_at is null and (claimed_until is null or claimed_until < clock_timestamp())
        and kind in (select jsonb_array_elements_text(p->'kinds'))
      order by outbox_id limit (p->>'most')::integer for update skip locked)
    returning outbox_id, kind, data)
  select coalesce(jsonb_agg(jsonb_build_object('id', outbox_id::text, 'kind', kind, 'data', data) order by outbox_id), '[]')
    into rows from claimed;
  return rows;
end $$;
