-- When a worker had its ledger last, where the database's clock was ahead and is set back.

-- As before, but: a doubt of a time to come is of now, so that the next comparison ends it; and who had the ledger at such a time had it nobody
-- knows when. No comparison that counts now, which may be of up to two seconds to come, is of after that.
create or replace function keep_contact(p jsonb) returns jsonb language plpgsql as $$
declare
  c ledger_contacts;
  latest constant timestamptz := clock_timestamp() + interval '2 seconds';
begin
  insert into ledger_contacts as had (worker, contact_at) values (p->>'worker', clock_timestamp())
    on conflict (worker) do update set contact_at = excluded.contact_at, has_ended = false,
      doubt_since = case when not had.has_ended and had.contact_at > latest then latest
        when not had.has_ended and had.contact_at < excluded.contact_at - (p->>'lostAfterMs')::integer * interval '1 millisecond'
        then excluded.contact_at when had.doubt_since > latest then latest else had.doubt_since end
    returning * into c;
  return read_clearance() || jsonb_build_object('doubtSince', epoch_ms(c.doubt_since));
end $$;

-- As before, but: who had the ledger at a time to come had it nobody knows when.
create or replace function end_contact(the_worker text) returns void language sql as $$
  update ledger_contacts set has_ended = true, contact_at = clock_timestamp(),
    -- Cut off for long enough, and back only for this: it is no more sure than who was killed.
    doubt_since = case when not has_ended and not_ahead(contact_at) is null then clock_timestamp() + interval '2 seconds'
      when not has_ended and contact_at < clock_timestamp() - interval '5 seconds' then clock_timestamp() else doubt_since end
    where worker = the_worker
$$;
