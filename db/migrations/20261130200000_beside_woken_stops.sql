-- A stop that has woken sells what its position's entry had bought. What replaces the rest of that entry bought beside it, and its owner then took what was held for
-- a new position that had never had a stop: instead of leaving, it was given a new one.

-- As before, and: whether a stop has woken.
create or replace function read_risk(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'account', a.account, 'venue', a.venue, 'epoch', (select epoch from instance), 'mode', c.mode,
      'controlVersion', c.version::text, 'riskVersion', r.version::text, 'limits', r.limits,
      'latches', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
          'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account)))
        from latches l where l.released_at is null), '[]'),
      'activeVersion', (select s.version from active_strategies s
        where s.account = a.account and s.strategy = the_strategy and s.instrument = the_instrument),
      'positions', coalesce((select jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument,
          'quantity', p.quantity::text, 'cost', p.cost::text)
          || case when p.quantity = s.quantity then '{}' else jsonb_build_object('filled', coalesce(s.quantity, 0)::text) end)
        from positions p left join position_sums s using (account, strategy, instrument)
        where p.account = a.account and p.quantity <> 0), '[]'),
      'workingOrders', coalesce((select jsonb_agg(jsonb_build_object('intentId', o.intent_id, 'strategy', o.strategy,
          'instrument', o.instrument, 'leg', o.leg, 'side', o.side, 'purpose', o.purpose, 'status', o.status,
          'reservedQuantity', o.reserved_quantity::text, 'reservedNotional', o.reserved_notional::text, 'quote', o.quote)
          || case when o.triggered_at is null then '{}'::jsonb else '{"isTriggered": true}' end)
        from orders o where o.account = a.account and o.final_at is null), '[]'),
      'balances', coalesce((select jsonb_object_agg(held.asset, held.quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity from inventory i where i.account = a.account
            union all select asset, quantity from ledger_balances b where b.account = a.account) both_parts
          group by asset) held), '{}'),
      'blocked', (select b.reason from blocked_instruments b where b.account = a.account and b.instrument = the_instrument),
      'instrument', (select n.rules from instruments n where n.venue = a.venue and n.instrument = the_instrument),
      'databaseTime', floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
      || read_bounds(a.account, the_strategy, the_instrument)
    from accounts a join control c using (account) join risk_state r using (account)
    where a.account = the_account);
end $$;

-- The first order of the same signal that bought something: where a further one does (a replacement, say) the position is the one that this began.
create function first_bought_with(b orders) returns orders language plpgsql stable as $$
declare
  f orders;
begin
  if b.signal_id is null then return b; end if;
  -- No signal has more orders than these.
  select o.* into f from (select * from orders n where n.account = b.account and n.strategy = b.strategy and n.instrument = b.instrument
      and n.purpose = 'entry' and n.executed_quantity > 0 order by n.ordinal desc nulls last, n.created_at desc limit 20) o
    where o.signal_id = b.signal_id order by o.ordinal nulls first, o.created_at limit 1;
  return f;
end $$;

-- As before, but `recent` is of the position that the newest signal made, by whichever of its orders.
create or replace function read_protection(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
declare
  b orders := newest_bought(the_account, the_strategy, the_instrument);
  f orders := first_bought_with(b);
begin
  return (
    select jsonb_build_object(
      'risk', read_risk(the_account, the_strategy, the_instrument),
      'working', coalesce((select jsonb_agg(order_json(o) order by o.ordinal nulls first, o.created_at, o.intent_id) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.final_at is null), '[]'),
      'recent', coalesce((select jsonb_agg(order_json(o) order by o.ordinal desc nulls last, o.created_at desc, o.sequence desc) from (
        (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
          and o.purpose = 'stop' order by o.sequence desc limit 12)
        union all
        -- Whether the position is escaping, and how wide, is told by what came since its newest stop, however much that is.
        (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
          and o.purpose = 'escape' order by o.sequence desc limit 24)) o
        where f.intent_id is null or o.ordinal > f.ordinal
          or f.ordinal is null and (o.ordinal is not null or o.created_at >= f.created_at)), '[]'),
      'stops', (select coalesce(max(sequence), 0) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'stop'),
      'escapes', (select coalesce(max(sequence), 0) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'escape'),
      'basis', case when b.intent_id is not null then jsonb_build_object('intentId', b.intent_id,
        'averagePrice', (b.executed_notional / b.executed_quantity)::text,
        'stopDistanceRatio', (select s.stop_distance_ratio from signals s where s.signal_id = b.signal_id), 'strategyVersion', b.strategy_version,
        'createdTime', floor(extract(epoch from b.created_at) * 1000)::bigint) end,
      'filled', coalesce((select s.quantity from position_sums s
        where s.account = the_account and s.strategy = the_strategy and s.instrument = the_instrument), 0)::text));
end $$;
