-- What is held is worth what the newest bar of any interval says. Those of the shortest may have ended long ago, as where the strategies of an
-- instrument were put on longer ones: what had become worth a stop was taken for dust since, and the other way round.

-- As before, but by the last mark of the instrument.
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
          -- Looked up only for what cost too little, and however old it is: there is no other.
          and (p.cost * p.lack >= p.min_notional * p.sellable
            or p.held * price_at(p.venue, p.instrument, 9007199254740991, 9007199254740991) * p.lack >= p.min_notional * p.sellable)))));
end $$;

-- As before, but by the last mark of the instrument.
create or replace function is_dust(the_account text, the_instrument text) returns boolean language sql stable as $$
  select coalesce(min(p.quantity) >= 0
      and (floor(sum(p.quantity) / nullif((n.rules->>'stepSize')::numeric, 0)) * (n.rules->>'stepSize')::numeric < (n.rules->>'minQuantity')::numeric
        or greatest(sum(p.cost), sum(p.quantity) * coalesce(price_at(n.venue, n.instrument, 9007199254740991, 9007199254740991), 0))
          < (n.rules->>'minNotional')::numeric), false)
    from positions p join accounts a using (account) join instruments n on n.venue = a.venue and n.instrument = p.instrument
    where p.account = the_account and p.instrument = the_instrument
    group by n.venue, n.instrument, n.rules
$$;
