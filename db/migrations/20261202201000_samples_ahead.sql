-- Who watches an account, where the database's clock was ahead and is set back.

-- A sample of a time to come was made nobody knows when: whoever made it may be dead, and would look alive once that time has come. The next sample mends it.
create function leave_no_sample_ahead() returns void language sql as $$
  update account_watch set sampled_at = coalesce(not_ahead(sampled_at), 'epoch'), equity_at = not_ahead(equity_at)
    where not_ahead(sampled_at) is null or (equity_at is not null and not_ahead(equity_at) is null)
$$;

-- As before, and: who may enter leaves no sample of a time to come.
create or replace function keep_contact(p jsonb) returns jsonb language plpgsql as $$
declare
  c ledger_contacts;
  latest constant timestamptz := clock_timestamp() + interval '2 seconds';
begin
  perform leave_no_sample_ahead();
  insert into ledger_contacts as had (worker, contact_at) values (p->>'worker', clock_timestamp())
    on conflict (worker) do update set contact_at = excluded.contact_at, has_ended = false,
      doubt_since = case when not had.has_ended and had.contact_at > latest then latest
        when not had.has_ended and had.contact_at < excluded.contact_at - (p->>'lostAfterMs')::integer * interval '1 millisecond'
        then excluded.contact_at when had.doubt_since > latest then latest else had.doubt_since end
    returning * into c;
  return read_clearance() || jsonb_build_object('doubtSince', epoch_ms(c.doubt_since));
end $$;

-- As before, and: who watches leaves no sample of a time to come.
create or replace function tell_watching(the_accounts text[], the_watcher uuid) returns jsonb language plpgsql as $$
begin
  perform leave_no_sample_ahead();
  insert into account_watchers as w (account, watcher) select one, the_watcher from unnest(the_accounts) one order by one
    on conflict (account, watcher) do update set seen_at = clock_timestamp();
  -- A clock that was set back makes nobody young.
  delete from account_watchers where watcher <> the_watcher
    and abs(extract(epoch from clock_timestamp() - seen_at)) > 20;
  return (select coalesce(jsonb_object_agg(account, living), '{}') from (
    select account, count(*) as living from account_watchers where account = any (the_accounts) group by account) counted);
end $$;
