-- Which guardians live that watch an account: all together they spend at its venue what one alone would.
create table account_watchers (
  account text not null references accounts,
  -- One run of a guardian.
  watcher uuid not null,
  seen_at timestamptz not null default clock_timestamp(),
  primary key (account, watcher)
);

-- A guardian lives, and watches these. How many do, of each, with it; one that has not told for 20 s does not.
create function tell_watching(the_accounts text[], the_watcher uuid) returns jsonb language plpgsql as $$
begin
  insert into account_watchers as w (account, watcher) select one, the_watcher from unnest(the_accounts) one order by one
    on conflict (account, watcher) do update set seen_at = clock_timestamp();
  -- A clock that was set back makes nobody young.
  delete from account_watchers where watcher <> the_watcher
    and abs(extract(epoch from clock_timestamp() - seen_at)) > 20;
  return (select coalesce(jsonb_object_agg(account, living), '{}') from (
    select account, count(*) as living from account_watchers where account = any (the_accounts) group by account) counted);
end $$;
