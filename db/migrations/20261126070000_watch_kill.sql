-- P26: whether nobody carries out a halt of the account watch. Five seconds after its latch a kill must have told how far it is;
-- the workflow tells with every round, and so does whoever does its work without Temporal.
create function is_kill_missing(the_account text, after_ms integer) returns boolean language plpgsql stable as $$
begin
  return exists (
    select from account_watch w join latches l on l.latch_id = w.latch_id
    where w.account = the_account and l.released_at is null
      and l.engaged_at <= clock_timestamp() - make_interval(secs => after_ms / 1000.0)
      and not exists (select from kills k where k.account = the_account and k.phase <> 'released' and k.updated_at >= l.engaged_at));
end $$;
