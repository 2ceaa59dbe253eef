-- For how much of each position a stop can be, as its owner reckons it (`planProtection`): what lacks its stop is told by that, not by the position
-- alone. Where the account has less than the position says, or the venue takes less in one order, an owner was woken every five seconds, and
-- the daily checks said that the position had no stop.

-- Of each position, and of each sale without one: `sellable` is what the step lets be sold, but for what sales that were taken over sell
-- (`taken_over`); `target` is what of that a stop can be for; `resting` is what its `stops` are for, of which so many are `awake` or beside the grid of now.
create function stop_targets(the_account text) returns table (strategy text, instrument text, held numeric, cost numeric, venue text, rules jsonb,
  taken_over numeric, sellable numeric, target numeric, resting numeric, stops bigint, awake bigint, misplaced bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
  return query
    with open_sells as (
      select *, split_part(o.instrument, '/', 1) as coin,
          purpose = 'exit' and time_in_force = 'GTC' and status in ('accepted', 'partiallyFilled') as is_taken_over
        from orders o where o.account = the_account and o.final_at is null and o.side = 'sell'),
    there as (
      select b.asset, sum(b.quantity) as quantity from (
        select i.asset, i.quantity from inventory i where i.account = the_account
        union all select l.asset, l.quantity from ledger_balances l where l.account = the_account) b
      group by b.asset),
    keys as (
      select p.strategy, p.instrument from positions p where p.account = the_account and p.quantity > 0
      union select s.strategy, s.instrument from open_sells s where s.purpose = 'stop' or s.is_taken_over),
    known as (
      select k.strategy, k.instrument, coalesce(p.quantity, 0) as held, p.cost, a.venue, n.rules, coalesce((n.rules->>'stepSize')::numeric, 0) as step,
          (select coalesce(sum(s.reserved_quantity), 0) from open_sells s where s.strategy = k.strategy and s.instrument = k.instrument
            and s.is_taken_over) as taken_over,
          -- Nothing of a coin was ever booked: then the books say nothing of it.
          (select t.quantity from there t where t.asset = split_part(k.instrument, '/', 1))
            - (select coalesce(sum(s.reserved_quantity), 0) from open_sells s where s.coin = split_part(k.instrument, '/', 1)
              and (s.strategy, s.instrument) <> (k.strategy, k.instrument)) as of_coin
        from keys k join accounts a on a.account = the_account
        left join positions p on p.account = the_account and p.strategy = k.strategy and p.instrument = k.instrument and p.quantity > 0
        left join instruments n on n.venue = a.venue and n.instrument = k.instrument),
    wanted as (
      select k.*, greatest(0, k.held - k.taken_over) as wished,
          least(greatest(0, least(k.held, k.of_coin) - k.taken_over), (k.rules->>'maxQuantity')::numeric) as possible
        from known k)
    select w.strategy, w.instrument, w.held, w.cost, w.venue, w.rules, w.taken_over,
        case when w.step = 0 then w.wished else floor(w.wished / w.step) * w.step end,
        case when w.step = 0 then w.possible else floor(w.possible / w.step) * w.step end,
        coalesce(sum(s.reserved_quantity), 0), count(s.intent_id), count(s.triggered_at),
        -- What a market stop sells for is only reckoned with; the venue does not know it.
        count(s.intent_id) filter (where s.stop_price % nullif((w.rules->>'tickSize')::numeric, 0) <> 0
          or s.order_type <> 'stopMarket' and s.price % nullif((w.rules->>'tickSize')::numeric, 0) <> 0
          or s.quantity % nullif(w.step, 0) <> 0)
      from wanted w left join open_sells s on s.purpose = 'stop' and s.strategy = w.strategy and s.instrument = w.instrument
      group by w.strategy, w.instrument, w.held, w.cost, w.venue, w.rules, w.taken_over, w.step, w.wished, w.possible;
end $$;

-- Whether people know that no stop can be for all of what the newest entry made. The key is made by who tells them (`createProtection`).
create function told_of_uncovered(the_account text, the_strategy text, the_instrument text) returns boolean language plpgsql stable as $$
begin
  return exists (select from incidents i where i.incident_key = concat_ws(':', 'positionUncovered', the_account, the_strategy, the_instrument,
    '{"entered"') || ':' || coalesce((
      select floor(extract(epoch from o.created_at) * 1000)::bigint::text from orders o
      where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
        and o.executed_quantity > 0 order by o.created_at desc limit 1), 'null') || '}');
end $$;

-- As before, but by what a stop can be for; what it cannot be for has to be known to people. And: a stop beside the grid of now,
-- and sales that were taken over and sell more than is held.
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
    from lacking p
    where p.stops > 1
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
              order by b.open_time desc limit 1) * p.lack >= p.min_notional * p.sellable))));
end $$;

-- As before, and: what of a position no stop can be for.
create or replace function read_left(the_account text) returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object(
    'working', (select coalesce(jsonb_agg(jsonb_build_object('intentId', intent_id, 'clientOrderId', client_order_id, 'instrument', instrument,
        'purpose', purpose, 'status', status, 'stopPrice', stop_price::text) order by created_at, intent_id), '[]')
      from orders where account = the_account and final_at is null),
    'positions', (select coalesce(jsonb_agg(jsonb_build_object('strategy', strategy, 'instrument', instrument, 'quantity', quantity::text)
        order by instrument, strategy), '[]') from positions where account = the_account and quantity > 0),
    'unprotected', unprotected_positions(the_account),
    'uncovered', (select coalesce(jsonb_agg(jsonb_build_object('strategy', t.strategy, 'instrument', t.instrument,
        'quantity', trim_scale(t.sellable - t.target)::text) order by t.instrument, t.strategy), '[]')
      from stop_targets(the_account) t where t.sellable > t.target),
    'outbox', (select count(*) from outbox where done_at is null and data->>'account' = the_account));
end $$;
