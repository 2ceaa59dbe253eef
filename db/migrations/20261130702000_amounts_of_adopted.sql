-- As before, with what the venue says that each fill was worth.
create or replace function adopt_purchase(d reconciliation_differences, the_strategy text) returns text language plpgsql as $$
declare
  s active_strategies;
  rules jsonb;
  bought record;
  lost record;
  held positions;
  f jsonb;
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
  for f in select t from told_fills(d) t order by (t->>'eventTime')::bigint loop
    insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side, event_time,
        amount)
      values (d.account, s.instrument, f->>'venueTradeId', bought.venue_order_id, lost.intent_id, 'buy', (f->>'price')::numeric,
        (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide', (f->>'eventTime')::bigint,
        (f->>'amount')::numeric);
    changes := fill_changes('buy', (f->>'price')::numeric, (f->>'quantity')::numeric, (f->>'amount')::numeric, (f->>'fee')::numeric, f->>'feeAsset',
      rules->>'base', rules->>'quote');
    perform post_entries(d.account, changes, lost.intent_id, f->>'venueTradeId', null);
    insert into ledger_balances as kept (account, asset, quantity)
      select d.account, e->>'asset', sum((e->>'delta')::numeric) from jsonb_array_elements(changes) e group by e->>'asset'
      on conflict (account, asset) do update set quantity = kept.quantity + excluded.quantity;
    -- What is bought to something that is held, or to nothing, costs what was paid for it: nothing is shared, and nothing rounded.
    insert into positions as had (account, strategy, instrument, quantity, cost, realized_pnl)
      values (d.account, s.strategy, s.instrument, position_change('buy', (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', rules->>'base'),
        coalesce((f->>'amount')::numeric, (f->>'quantity')::numeric * (f->>'price')::numeric), case when f->>'feeAsset' = rules->>'quote' then -(f->>'fee')::numeric else 0 end)
      on conflict (account, strategy, instrument) do update set quantity = had.quantity + excluded.quantity, cost = had.cost + excluded.cost,
        realized_pnl = had.realized_pnl + excluded.realized_pnl, version = had.version + 1, updated_at = clock_timestamp();
    insert into audit_events (kind, account, data) values ('fill.booked', d.account, jsonb_build_object('intentId', lost.intent_id,
      'clientOrderId', bought.name, 'venueOrderId', bought.venue_order_id, 'strategy', s.strategy, 'instrument', s.instrument, 'side', 'buy',
      'leg', 'open', 'purpose', 'entry', 'status', 'partiallyFilled', 'differenceId', d.difference_id::text)
      || jsonb_build_object('venueTradeId', f->'venueTradeId', 'price', f->'price', 'quantity', f->'quantity', 'fee', f->'fee', 'feeAsset', f->'feeAsset'));
  end loop;
  insert into outbox (kind, data) values ('positionChanged', jsonb_build_object('account', d.account, 'strategy', s.strategy,
    'instrument', s.instrument, 'because', 'bought'));
  return 'done';
end $$;
