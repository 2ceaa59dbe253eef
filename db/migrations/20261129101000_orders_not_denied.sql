-- What the gate and the owner of a position ask of the orders of a strategy that were not denied, and of those that bought, is found by its key, too: a
-- strategy that is denied at each bar, or that nobody sells to, had all of them read with each verdict and each look, back to its last exit.

create index orders_not_denied on orders (account, strategy, instrument, purpose, created_at desc, sequence)
  where status <> 'denied' and purpose in ('entry', 'exit');
create index orders_bought on orders (account, strategy, instrument, created_at desc) where purpose = 'entry' and executed_quantity > 0;

-- As before, but no further than the highest limit that there may be (`maxRepeats`).
create or replace function entries_in_a_row(the_account text, the_strategy text, the_instrument text) returns integer language plpgsql stable as $$
begin
  return (
  select count(*)::integer from (
    select from orders o
    where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
      and o.sequence = 1 and o.status <> 'denied' and o.created_at > greatest(
        (select e.created_at from orders e where e.account = the_account and e.strategy = the_strategy and e.instrument = the_instrument
          and e.purpose = 'exit' and e.status <> 'denied' order by e.created_at desc limit 1),
        (select counted_from from strategy_switches where account = the_account and strategy = the_strategy),
        '-infinity')
    order by o.created_at desc limit 1000) newest);
end $$;
