-- P2: which version of a strategy is the active one is said by a start of the system, once, and not by whichever of its processes
-- happens to be restarted last: a worker of an older build that comes back would take the account away from the newer one.

create table strategy_activations (
  account text not null references accounts,
  start_id text not null,
  activated_at timestamptz not null default clock_timestamp(),
  primary key (account, start_id)
);

-- True when the start that this process belongs to has not activated its versions yet. A process that belongs to none, of a build
-- from before or run by hand, activates each time.
create function is_first_of_start(p jsonb) returns boolean language plpgsql as $$
begin
  if p->>'start' is null then return true; end if;
  insert into strategy_activations (account, start_id) values (p->>'account', p->>'start') on conflict do nothing;
  return found;
end $$;
