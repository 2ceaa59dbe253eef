-- A copy that takes the place of its original names its orders otherwise than that one has since (P31), so it gets another instance id. What
-- the original had placed by then rests at the venue under names of the id before: they are ours all the same.
create table former_instances (
  instance_id uuid primary key,
  given_up_at timestamptz not null default clock_timestamp()
);
create trigger former_instances_stay before update or delete on former_instances for each row execute function refuse_change();

create function keep_former_instance() returns trigger language plpgsql as $$
begin
  insert into former_instances (instance_id) values (old.instance_id) on conflict do nothing;
  return null;
end $$;
create trigger instance_was after update of instance_id on instance
  for each row when (old.instance_id is distinct from new.instance_id) execute function keep_former_instance();

-- As before, and: by the name that any instance has given it whose orders are in this ledger.
create or replace function lost_stop(the_account text, the_strategy text, the_instrument text, the_client_order_id text) returns table (
  intent_id text, sequence integer) language sql stable as $$
  select lost.intent_id, lost.n
  from (select i.instance_id from instance i union select f.instance_id from former_instances f) i
  cross join (select coalesce(max(o.sequence), 0) as last from orders o where o.account = the_account and o.strategy = the_strategy
    and o.instrument = the_instrument and o.purpose = 'stop') had
  cross join lateral (select n, 'stop:' || the_account || ':' || the_strategy || ':' || replace(the_instrument, '/', '-') || ':' || n as intent_id
    from generate_series(had.last + 1, had.last + 1000) n) lost
  where left(encode(sha256(convert_to(i.instance_id || E'\n' || lost.intent_id, 'UTF8')), 'hex'), 32) = the_client_order_id
$$;
