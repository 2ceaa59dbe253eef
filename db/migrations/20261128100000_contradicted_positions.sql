-- What the fills of a position add up to, for those that decide on its row: where that says otherwise, nobody knows how much is held. Both are
-- written in one transaction, and read here in one statement, so they never differ by the moment.

-- As before, and: what its fills add up to.
create or replace function read_protection(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'risk', read_risk(the_account, the_strategy, the_instrument),
      'working', coalesce((select jsonb_agg(order_json(o) order by o.created_at, o.intent_id) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.final_at is null), '[]'),
      'recent', coalesce((select jsonb_agg(order_json(o) order by o.created_at desc, o.sequence desc) from (
        (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
          and o.purpose = 'stop' order by o.created_at desc, o.sequence desc limit 12)
        union all
        -- Whether the position is escaping, and how wide, is told by what came since its newest stop, however much that is.
        (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
          and o.purpose = 'escape' order by o.created_at desc, o.sequence desc limit 24)) o), '[]'),
      'stops', (select coalesce(max(sequence), 0) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'stop'),
      'escapes', (select coalesce(max(sequence), 0) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'escape'),
      'basis', (select jsonb_build_object('intentId', o.intent_id, 'averagePrice', (o.executed_notional / o.executed_quantity)::text,
          'stopDistanceRatio', s.stop_distance_ratio, 'strategyVersion', o.strategy_version,
          'createdTime', floor(extract(epoch from o.created_at) * 1000)::bigint)
        from orders o left join signals s using (signal_id)
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
          and o.executed_quantity > 0 order by o.created_at desc limit 1),
      'filled', coalesce((select s.quantity from position_sums s
        where s.account = the_account and s.strategy = the_strategy and s.instrument = the_instrument), 0)::text));
end $$;

-- As before, and with each position that is kept otherwise: what its fills add up to.
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
          'reservedQuantity', o.reserved_quantity::text, 'reservedNotional', o.reserved_notional::text, 'quote', o.quote))
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

-- As before, but without those that are kept otherwise: their owner rests until they are right again, and the next comparison tells of them.
create or replace function unprotected_positions(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with pairs as (
      select t.*, coalesce((t.rules->>'minQuantity')::numeric, 0) as min_quantity, coalesce((t.rules->>'minNotional')::numeric, 0) as min_notional
      from stop_targets(the_account) t),
    lacking as (
      -- What its owner has to see to; none where nothing is to be done.
      select p.*, case when p.sellable > p.target and not told_of_uncovered(the_account, p.strategy, p.instrument) then p.sellable
          when p.resting <> p.target then p.target end as lack
      from pairs p)
    select coalesce(jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument)), '[]')
    from lacking p left join position_sums s on s.account = the_account and s.strategy = p.strategy and s.instrument = p.instrument
    where p.held = coalesce(s.quantity, 0) and (p.stops > 1
      -- Its owner has to see that it sells.
      or p.awake > 0
      or p.misplaced > 0
      or p.taken_over > p.held
      or p.lack is not null
        -- Less than the venue would take is dust, and nobody waits for it. A part is worth its share of the whole.
        and (p.stops > 0 or (p.lack >= p.min_quantity
          -- The newest bar of the shortest interval, by the key of the bars; looked up only for what cost too little.
          and (p.cost * p.lack >= p.min_notional * p.sellable
            or p.held * (select b.close from bars b where b.venue = p.venue and b.instrument = p.instrument
              and b.interval_ms = (select c.interval_ms from bars c where c.venue = p.venue and c.instrument = p.instrument
                order by c.interval_ms limit 1)
              order by b.open_time desc limit 1) * p.lack >= p.min_notional * p.sellable)))));
end $$;
