-- What the gate reads, in one statement and so of one moment.
create function read_risk(the_account text, the_strategy text, the_instrument text) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'account', a.account, 'venue', a.venue, 'epoch', (select epoch from instance), 'mode', c.mode,
    'controlVersion', c.version::text, 'riskVersion', r.version::text, 'limits', r.limits,
    'latches', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account)))
      from latches l where l.released_at is null), '[]'),
    'activeVersion', (select s.version from active_strategies s
      where s.account = a.account and s.strategy = the_strategy and s.instrument = the_instrument),
    'positions', coalesce((select jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument,
        'quantity', p.quantity::text, 'cost', p.cost::text))
      from positions p where p.account = a.account and p.quantity <> 0), '[]'),
    'workingOrders', coalesce((select jsonb_agg(jsonb_build_object('intentId', o.intent_id, 'strategy', o.strategy,
        'instrument', o.instrument, 'leg', o.leg, 'side', o.side, 'status', o.status,
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
  from accounts a join control c using (account) join risk_state r using (account)
  where a.account = the_account
$$;
