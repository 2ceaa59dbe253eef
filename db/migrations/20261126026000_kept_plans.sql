-- A function in SQL is planned anew at every call; one in PL/pgSQL keeps its plans for as long as its connection lives. Planning
-- was most of what these cost, and they are behind every step of an order. What they answer is the same.

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
          and o.executed_quantity > 0 order by o.created_at desc limit 1)));
end $$;

create or replace function unprotected_positions(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with held as (
      select strategy, instrument, quantity, cost from positions where account = the_account and quantity > 0),
    resting as (
      select strategy, instrument, sum(reserved_quantity) as quantity, count(*) as orders, count(triggered_at) as awake from orders
        where account = the_account and purpose = 'stop' and final_at is null group by strategy, instrument),
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
          and p.cost >= coalesce((n.rules->>'minNotional')::numeric, 0))));
end $$;

create or replace function store_signal(p jsonb, traded boolean) returns void language plpgsql as $$
begin
  insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, model_hash,
    features, score, threshold, reference_price, stop_distance_ratio, volatility_ratio, reason, decided_time, valid_until,
    outcome, failures)
  values (p->>'signalId', p->>'account', p->>'strategy', p->>'instrument', (p->>'barCloseTime')::bigint, p->>'leg',
    p->>'strategyVersion', p->>'modelHash', p->'features', (p->>'score')::double precision,
    (p->>'threshold')::double precision, (p->>'referencePrice')::numeric, (p->>'stopDistanceRatio')::double precision,
    (p->>'volatilityRatio')::double precision, p->>'reason', (p->>'decidedTime')::bigint, (p->>'validUntil')::bigint,
    case when traded then 'traded' else 'notTraded' end, coalesce(p->'failures', '[]'))
  on conflict do nothing;
end $$;

create or replace function write_events(p jsonb) returns void language plpgsql as $$
begin
  if p ? 'audit' then
    insert into audit_events (kind, account, subject, data)
      select e->>'kind', e->>'account', e->>'subject', e->'data' from jsonb_array_elements(p->'audit') e;
  end if;
  if p ? 'outbox' then
    insert into outbox (kind, data) select e->>'kind', e->'data' from jsonb_array_elements(p->'outbox') e;
  end if;
  if p ? 'incidents' then
    with opened as (
      insert into incidents (incident_key, account, kind, data)
        select e->>'key', e->>'account', e->>'kind', e->'data' from jsonb_array_elements(p->'incidents') e
        on conflict (incident_key) do nothing returning account, kind, data)
    insert into audit_events (kind, account, data)
      select 'incident.opened', account, data || jsonb_build_object('incident', kind) from opened;
  end if;
  if p ? 'blocks' then
    insert into blocked_instruments (account, instrument, reason)
      select e->>'account', e->>'instrument', e->>'reason' from jsonb_array_elements(p->'blocks') e
      on conflict (account, instrument) do nothing;
  end if;
end $$;

create or replace function is_booked(f jsonb) returns boolean language plpgsql volatile as $$
begin
  return exists (select from fills where account = f->>'account' and instrument = f->>'instrument'
    and venue_trade_id = f->>'venueTradeId' and venue_order_id = f->>'venueOrderId');
end $$;
