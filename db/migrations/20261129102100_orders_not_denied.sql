-- What the gate asks of the orders of a strategy that were not denied is found by its key, too: of one that is denied at each bar, or that nobody sells to,
-- all of them were read with each verdict, back to its last exit.

-- By the order in which they were written: no other index has that. In the order of their times the orders of all strategies could be gone through.
create index orders_not_denied on orders (account, strategy, instrument, purpose, ordinal desc nulls last, created_at desc, sequence)
  where status <> 'denied' and purpose in ('entry', 'exit');

-- As before, but no further than the highest limit that there may be (`maxRepeats`). Those of builds before have no place but their time.
create or replace function entries_in_a_row(the_account text, the_strategy text, the_instrument text) returns integer language plpgsql stable as $$
declare
  since timestamptz := coalesce((select counted_from from strategy_switches where account = the_account and strategy = the_strategy), '-infinity');
  e orders;
begin
  select * into e from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
    and o.purpose = 'exit' and o.status <> 'denied' order by o.ordinal desc nulls last, o.created_at desc limit 1;
  return (
    select count(*)::integer from (
      (select 1 from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
          and o.sequence = 1 and o.status <> 'denied' and o.ordinal > coalesce(e.ordinal, 0) and o.created_at > since
        order by o.ordinal desc nulls last limit 1000)
      union all
      (select 1 from orders o
        where e.ordinal is null and o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
          and o.sequence = 1 and o.status <> 'denied' and o.ordinal is null and o.created_at > greatest(e.created_at, since)
        order by o.ordinal desc nulls last, o.created_at desc limit 1000)
      limit 1000) newest);
end $$;
