-- A person may take a stop over that is ours by its name, as one that a restored database has lost: it is a stop again, under its own name.
-- Any other sale is no order that the owner of a position could tend, and is not taken over any more.

-- The n for which the position's n-th stop has this client order id; null: for none of the next thousand. The id is a hash over the
-- instance and the intent, so that nothing but a stop of ours has it.
create function lost_stop(the_account text, the_strategy text, the_instrument text, the_client_order_id text) returns table (
  intent_id text, sequence integer) language sql stable as $$
  select lost.intent_id, lost.n
  from instance i
  cross join (select coalesce(max(o.sequence), 0) as last from orders o where o.account = the_account and o.strategy = the_strategy
    and o.instrument = the_instrument and o.purpose = 'stop') had
  cross join lateral (select n, 'stop:' || the_account || ':' || the_strategy || ':' || replace(the_instrument, '/', '-') || ':' || n as intent_id
    from generate_series(had.last + 1, had.last + 1000) n) lost
  where left(encode(sha256(convert_to(i.instance_id || E'\n' || lost.intent_id, 'UTF8')), 'hex'), 32) = the_client_order_id
$$;

-- As before, but for sales.
create or replace function adopt_order(d reconciliation_differences, the_strategy text) returns text language plpgsql as $$
declare
  v jsonb := d.evidence->'venue'->'order';
  s active_strategies;
  rules jsonb;
  lost_intent text;
  lost_sequence integer;
  is_buy boolean := v->>'side' = 'buy';
  leaves numeric := (v->>'quantity')::numeric;
  limit_price numeric := (v->>'price')::numeric;
  stop_price numeric := (v->>'stopPrice')::numeric;
begin
  if v is null or v = 'null' or d.subject not like 'order:%' then return 'the venue shows no open order'; end if;
  -- With the order all its fills would be booked, those that are in the books already once more.
  if exists (select from reconciliation_differences b where b.account = d.account and b.subject = d.subject and b.decision = 'book')
      or exists (select from fills b where b.account = d.account and b.instrument = v->>'instrument' and b.venue_order_id = v->>'venueOrderId') then
    return 'a fill of it is booked already; cancel the order, and book what else it has filled';
  end if;
  select * into s from active_strategies where account = d.account and strategy = the_strategy and instrument = v->>'instrument';
  if not found then return format('%s does not trade %s here', coalesce(the_strategy, 'no strategy'), v->>'instrument'); end if;
  select n.rules into rules from instruments n join accounts a using (venue) where a.account = d.account and n.instrument = v->>'instrument';
  if not found then return 'the filters of its instrument are not known'; end if;
  if not is_buy then
    select l.intent_id, l.sequence into lost_intent, lost_sequence from lost_stop(d.account, s.strategy, s.instrument, v->>'clientOrderId') l;
    if lost_intent is null or stop_price is null or coalesce((v->>'isTriggered')::boolean, true)
        or (v->>'executedQuantity')::numeric is distinct from 0 then
      return 'it is a sale, and no stop of this strategy that waits for its price: cancel it, and the owner of what is held places a stop';
    end if;
    if leaves > coalesce((select q.quantity from positions q where q.account = d.account and q.strategy = s.strategy
          and q.instrument = s.instrument), 0)
        - coalesce((select sum(o.reserved_quantity) from orders o where o.account = d.account and o.strategy = s.strategy
          and o.instrument = s.instrument and o.side = 'sell' and o.final_at is null), 0) then
      return 'it sells more than the strategy holds beside its stop';
    end if;
  end if;
  insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
      time_in_force, purpose, order_type, sequence, quantity, price, stop_price, reserved_quantity, reserved_notional, venue_order_id,
      control_version, epoch, signed_timestamp, failures)
    values (
      case when is_buy then 'adopted:' || d.account || ':' || replace(s.instrument, '/', '-') || ':' || (v->>'venueOrderId') else lost_intent end,
      v->>'clientOrderId', d.account, s.strategy, s.version, s.instrument, rules->>'base', rules->>'quote',
      case when is_buy then 'open' else 'close' end, v->>'side', 'accepted', 'GTC', case when is_buy then 'entry' else 'stop' end,
      -- A stop at the market has no limit, and is reckoned with at the price at which it wakes.
      case when is_buy then 'limit' when limit_price = 0 then 'stopMarket' else 'stopLimit' end, case when is_buy then 1 else lost_sequence end,
      leaves, case when is_buy or limit_price > 0 then limit_price else stop_price end, case when is_buy then null else stop_price end, leaves,
      case when is_buy then leaves * limit_price else 0 end, v->>'venueOrderId',
      (select version from control where account = d.account), (select epoch from instance), (v->>'createdTime')::bigint, '[]')
    on conflict do nothing;
  if not found then return 'an order of ours has its name already'; end if;
  return 'done';
end $$;

-- As before, and: what a sale that was taken over before may still sell is not a stop's to sell.
create or replace function unprotected_positions(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with held as (
      select strategy, instrument, quantity, cost from positions where account = the_account and quantity > 0),
    resting as (
      select strategy, instrument, sum(reserved_quantity) as quantity, count(*) filter (where purpose = 'stop') as orders,
          count(triggered_at) filter (where purpose = 'stop') as awake
        from orders where account = the_account and final_at is null
          and (purpose = 'stop' or (purpose = 'exit' and time_in_force = 'GTC' and status in ('accepted', 'partiallyFilled')))
        group by strategy, instrument),
    pairs as (
      select strategy, instrument, coalesce(held.quantity, 0) as held, held.cost, coalesce(resting.quantity, 0) as resting,
          coalesce(resting.orders, 0) as stops, coalesce(resting.awake, 0) as awake
        from held full join resting using (strategy, instrument))
    select coalesce(jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument)), '[]')
    from pairs p join accounts a on a.account = the_account
    left join instruments n on n.venue = a.venue and n.instrument = p.instrument
    where p.stops > 1
      -- Its owner has to see that it sells.
      or p.awake > 0
      or abs(p.held - p.resting) >= greatest(coalesce((n.rules->>'stepSize')::numeric, 0), 0.000000000000000001)
        -- Less than the venue would take is dust, and nobody waits for it.
        and (p.stops > 0 or (p.held >= coalesce((n.rules->>'minQuantity')::numeric, 0)
          -- The newest bar of the shortest interval, by the key of the bars; looked up only for what cost too little.
          and (p.cost >= coalesce((n.rules->>'minNotional')::numeric, 0)
            or p.held * (select b.close from bars b where b.venue = a.venue and b.instrument = p.instrument
              and b.interval_ms = (select c.interval_ms from bars c where c.venue = a.venue and c.instrument = p.instrument
                order by c.interval_ms limit 1)
              order by b.open_time desc limit 1) >= (n.rules->>'minNotional')::numeric))));
end $$;
