-- P31: what a strategy has bought after the copy to which its ledger was restored becomes its position again, with the stop that rests for it.

-- The intent of the strategy's entry that has this client order id; none: no entry of the last time before `the_time` (the venue's, epoch ms) has it. The
-- id is a hash over instance and intent, so that nothing but an entry of ours has it: of a bar that closed within the ten minutes before, at any
-- second, or within a day, at a whole minute, as one that rested long.
create function lost_entry(the_account text, the_strategy text, the_instrument text, the_client_order_id text, the_time bigint) returns table (
  intent_id text, sequence integer) language sql stable as $$
  select lost.intent_id, lost.n
  from (select i.instance_id from instance i union select f.instance_id from former_instances f) i
  -- Our clock, in which bars close, may be a moment ahead of the venue's.
  cross join lateral (select second * 1000 - 1 as close_time from generate_series(the_time / 1000 - 600, the_time / 1000 + 5) second
    union select minute * 60000 - 1 from generate_series(the_time / 60000 - 1440, the_time / 60000) minute) bar
  cross join lateral (select n, the_account || ':' || the_strategy || ':' || replace(the_instrument, '/', '-') || ':' || bar.close_time || ':open:' || n as intent_id
    from generate_series(1, 20) n) lost
  where left(encode(sha256(convert_to(i.instance_id || E'\n' || lost.intent_id, 'UTF8')), 'hex'), 32) = the_client_order_id
$$;

-- What of an order of the venue that nobody knows has filled.
create function told_fills(d reconciliation_differences) returns setof jsonb language sql stable as $$
  select f from jsonb_array_elements(case when d.class = 'orphanOrder' then d.evidence->'venue'->'fills' end) f
$$;

-- A person gives a strategy back what it has bought, where the venue shows that order as open no more. Its fills are booked as those of the order that
-- it is; how it ended is asked of the venue, as of any that works. Answers done, or why not.
create function adopt_purchase(d reconciliation_differences, the_strategy text) returns text language plpgsql as $$
declare
  s active_strategies;
  rules jsonb;
  bought record;
  lost record;
  held positions;
  changes jsonb;
begin
  select count(*) as fills, bool_and(t->>'side' = 'buy') as is_buy, min(t->>'instrument') as instrument, min(t->>'venueOrderId') as venue_order_id,
      min(t->>'clientOrderId') as name, min((t->>'eventTime')::bigint) as began, sum((t->>'quantity')::numeric) as quantity,
      sum((t->>'quantity')::numeric * (t->>'price')::numeric) as notional, max((t->>'price')::numeric) as price
    into bought from told_fills(d) t;
  if bought.fills = 0 then return 'the venue shows no open order'; end if;
  if not bought.is_buy then return 'the venue shows no open order, and it has sold: that is booked'; end if;
  if bought.name is null then return 'the venue shows no open order, and does not tell by which name it was placed'; end if;
  -- With the order all its fills would be booked, those that are in the books already once more.
  if exists (select from reconciliation_differences b where b.account = d.account and b.subject = d.subject and b.decision = 'book')
      or exists (select from fills b where b.account = d.account and b.instrument = bought.instrument and b.venue_order_id = bought.venue_order_id) then
    return 'a fill of it is booked already; book what else it has filled';
  end if;
  select * into s from active_strategies where account = d.account and strategy = the_strategy and instrument = bought.instrument;
  if not found then return format('%s does not trade %s here', coalesce(the_strategy, 'no strategy'), bought.instrument); end if;
  select n.rules into rules from instruments n join accounts a using (venue) where a.account = d.account and n.instrument = bought.instrument;
  if not found then return 'the filters of its instrument are not known'; end if;
  select * into lost from lost_entry(d.account, s.strategy, s.instrument, bought.name, bought.began);
  if not found then return format('it has no name of an entry of %s: what was bought by another hand is booked', s.strategy); end if;
  -- What it has bought may be gone: then its stop would sell coins that are nobody's position.
  if exists (select from fills b where b.account = d.account and b.instrument = bought.instrument and b.side = 'sell' and b.origin = 'foreign'
        and b.event_time >= bought.began)
      or exists (select from reconciliation_differences o cross join told_fills(o) t where o.account = d.account and o.ended_at is null
        and t->>'instrument' = bought.instrument and t->>'side' = 'sell' and (t->>'eventTime')::bigint >= bought.began) then
    return 'something that is in no position of ours was sold there since, and may be what this has bought: book it';
  end if;
  select * into held from positions where account = d.account and strategy = s.strategy and instrument = s.instrument;
  if held.quantity < 0 then return 'more is sold than was bought, by the books'; end if;

  insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
      time_in_force, purpose, order_type, sequence, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional,
      venue_order_id, control_version, epoch, signed_timestamp)
    values (lost.intent_id, bought.name, d.account, s.strategy, s.version, s.instrument, rules->>'base', rules->>'quote', 'open', 'buy',
      'partiallyFilled', 'IOC', 'entry', 'limit', lost.sequence, bought.quantity, bought.price, 0, 0, bought.quantity, bought.notional,
      bought.venue_order_id, (select version from control where account = d.account), (select epoch from instance), bought.began)
    on conflict do nothing;
  if not found then return 'an order of ours has its name already'; end if;
  insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side, event_time,
      amount)
    select d.account, s.instrument, f->>'venueTradeId', bought.venue_order_id, lost.intent_id, 'buy', (f->>'price')::numeric, (f->>'quantity')::numeric,
        (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide', (f->>'eventTime')::bigint, (f->>'amount')::numeric
      from told_fills(d) f order by (f->>'eventTime')::bigint;
  changes := changes_of_fills((select jsonb_agg(f order by (f->>'eventTime')::bigint) from told_fills(d) f), rules->>'base', rules->>'quote');
  perform post_entries(d.account, changes, lost.intent_id, null, null);
  perform move_balances(d.account, changes);
  -- What is bought to something that is held, or to nothing, costs what was paid for it: nothing is shared, and nothing rounded.
  insert into positions as had (account, strategy, instrument, quantity, cost, realized_pnl)
    select d.account, s.strategy, s.instrument,
        sum(position_change('buy', (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', rules->>'base')),
        sum(coalesce((f->>'amount')::numeric, (f->>'quantity')::numeric * (f->>'price')::numeric)),
        -sum(case when f->>'feeAsset' = rules->>'quote' then (f->>'fee')::numeric else 0 end)
      from told_fills(d) f
    on conflict (account, strategy, instrument) do update set quantity = had.quantity + excluded.quantity, cost = had.cost + excluded.cost,
      realized_pnl = had.realized_pnl + excluded.realized_pnl, version = had.version + 1, updated_at = clock_timestamp();
  insert into audit_events (kind, account, data)
    select 'fill.booked', d.account, jsonb_build_object('intentId', lost.intent_id,
        'clientOrderId', bought.name, 'venueOrderId', bought.venue_order_id, 'strategy', s.strategy, 'instrument', s.instrument, 'side', 'buy',
        'leg', 'open', 'purpose', 'entry', 'status', 'partiallyFilled', 'differenceId', d.difference_id::text,
        'venueTradeId', f->'venueTradeId', 'price', f->'price', 'quantity', f->'quantity', 'fee', f->'fee', 'feeAsset', f->'feeAsset')
      from told_fills(d) f order by (f->>'eventTime')::bigint;
  insert into outbox (kind, data) values ('positionChanged', jsonb_build_object('account', d.account, 'strategy', s.strategy,
    'instrument', s.instrument, 'because', 'bought'));
  return 'done';
end $$;

-- As before, and: also one that is open no more, where it has bought.
alter function adopt_order(reconciliation_differences, text) rename to adopt_open_order;
create function adopt_order(d reconciliation_differences, the_strategy text) returns text language sql as $$
  select case when jsonb_typeof(d.evidence->'venue'->'order') is distinct from 'object' and d.subject like 'order:%'
    then adopt_purchase(d, the_strategy) else adopt_open_order(d, the_strategy) end
$$;

-- What else is decided with the adoption of a purchase that is over, in this order: what the strategy has bought there besides, and what rests
-- there to sell. A stop is the strategy's own then, or that of another one, which waits for a decision of its own; any other sale could be of the same units.
create function decided_with(d reconciliation_differences, the_strategy text) returns setof bigint language sql stable as $$
  select o.difference_id from reconciliation_differences o cross join lateral (
      select coalesce(o.evidence->'venue'->'order'->>'side', min(t->>'side')) as side, min(t->>'clientOrderId') as name,
        coalesce(o.evidence->'venue'->'order'->>'instrument', min(t->>'instrument')) as instrument, min((t->>'eventTime')::bigint) as began
      from (select told_fills(o) as t) told) seen
    where o.account = d.account and o.status = 'open' and o.class = 'orphanOrder' and o.difference_id <> d.difference_id
      and seen.instrument = (select min(t->>'instrument') from told_fills(d) t)
      and case when jsonb_typeof(o.evidence->'venue'->'order') = 'object' then seen.side = 'sell' and not exists (
          select from active_strategies s cross join lost_stop(o.account, s.strategy, s.instrument, o.evidence->'venue'->'order'->>'clientOrderId')
            where s.account = o.account and s.instrument = seen.instrument and s.strategy <> the_strategy)
        else seen.side = 'buy' and exists (select from lost_entry(o.account, the_strategy, seen.instrument, seen.name, seen.began)) end
    order by seen.side, o.difference_id
$$;

-- As before, and: a purchase is adopted with all that rests for it, or not at all: between the two its owner would place a second stop, for
-- units that the account holds besides.
alter function decide_difference(jsonb) rename to decide_one_difference;
create function decide_difference(p jsonb) returns jsonb language plpgsql as $$
declare
  told jsonb := decide_one_difference(p);
  d reconciliation_differences;
  another bigint;
  one jsonb;
begin
  if told->>'result' <> 'done' or p->>'decision' <> 'adopt' then return told; end if;
  select * into d from reconciliation_differences where difference_id = (p->>'differenceId')::bigint;
  if jsonb_typeof(d.evidence->'venue'->'order') = 'object' then return told; end if;
  for another in select decided_with(d, p->>'strategy') loop
    one := decide_one_difference(p || jsonb_build_object('differenceId', another::text));
    if one->>'result' <> 'done' then
      raise exception 'difference % has to be decided first, which could not be adopted with it: %', another, coalesce(one->>'why', one->>'result')
        using errcode = 'KE003';
    end if;
  end loop;
  return told;
end $$;
