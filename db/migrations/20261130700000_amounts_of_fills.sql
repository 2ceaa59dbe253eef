-- What was paid or received for a fill is what the venue says it was, where it says so: it keeps an asset in so many places, and a price times
-- a quantity may have more. Reckoned from those, almost each fill would leave something over that nothing explains.

-- In the quote asset; null: price times quantity, as of every fill of before.
alter table fills add column amount numeric;

-- As before, with the amount.
create or replace view standing_fills as
  select f.account, f.instrument, coalesce(f.restates, f.venue_trade_id) as venue_trade_id, f.venue_order_id, f.intent_id, f.side, f.price,
      f.quantity, f.fee, f.fee_asset, f.liquidity_side, f.event_time, f.booked_at, f.origin, f.movement_id, f.booking, f.venue_trade_id as row_id,
      f.amount
    from fills f where f.reverses is null and not exists (select from fills r where r.account = f.account and r.instrument = f.instrument
      and r.venue_order_id = f.venue_order_id and r.reverses = f.venue_trade_id);

-- What a fill changes, by asset, as core/ledger has it.
create function fill_changes(side text, price numeric, quantity numeric, amount numeric, fee numeric, fee_asset text, base text, quote text)
returns jsonb language sql immutable as $$
  select jsonb_build_array(
      jsonb_build_object('asset', base, 'delta', (sign * quantity)::text, 'kind', 'trade'),
      jsonb_build_object('asset', quote, 'delta', (-sign * coalesce(amount, price * quantity))::text, 'kind', 'trade'))
    || case when fee = 0 then '[]' else jsonb_build_array(jsonb_build_object('asset', fee_asset, 'delta', (-fee)::text, 'kind', 'fee')) end
    from (select case side when 'buy' then 1 else -1 end as sign) s
$$;

-- As before, each with the amount.
create or replace function book_fill(p jsonb) returns jsonb language plpgsql as $$
declare
  f jsonb := p->'fill';
  s jsonb := p->'position';
  o orders;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  -- Looked up before the lock, so that the many who see the same fill do not disturb authorisations; and again under it.
  if is_booked(f) then return jsonb_build_object('result', 'duplicate'); end if;
  update risk_state set version = version + 1 where account = f->>'account';
  if is_booked(f) then return jsonb_build_object('result', 'duplicate'); end if;
  if not exists (select from orders where intent_id = f->>'intentId' and version = (p->'order'->>'version')::bigint) then
    return jsonb_build_object('result', 'conflict');
  end if;
  insert into positions as held (account, strategy, instrument, quantity, cost, realized_pnl, version)
    values (f->>'account', s->>'strategy', f->>'instrument', (s->>'quantity')::numeric, (s->>'cost')::numeric,
      (s->>'realizedPnl')::numeric, 1)
    on conflict (account, strategy, instrument) do update set quantity = excluded.quantity, cost = excluded.cost,
      realized_pnl = excluded.realized_pnl, version = held.version + 1, updated_at = clock_timestamp()
      where held.version = (s->>'version')::bigint;
  if not found then return jsonb_build_object('result', 'conflict'); end if;
  if not write_order_state(p->'order') then raise exception 'order moved under its lock' using errcode = 'KE002'; end if;
  insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset,
    liquidity_side, event_time, amount)
  values (f->>'account', f->>'instrument', f->>'venueTradeId', f->>'venueOrderId', f->>'intentId', f->>'side',
    (f->>'price')::numeric, (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide',
    (f->>'eventTime')::bigint, (f->>'amount')::numeric);
  perform post_entries(f->>'account', p->'entries', f->>'intentId', f->>'venueTradeId', null);
  insert into ledger_balances as held (account, asset, quantity)
    select f->>'account', e->>'asset', sum((e->>'delta')::numeric) from jsonb_array_elements(p->'entries') e group by e->>'asset'
    on conflict (account, asset) do update set quantity = held.quantity + excluded.quantity;
  perform write_events(p);
  select * into o from orders where intent_id = f->>'intentId';
  return jsonb_build_object('result', 'applied', 'order', order_json(o));
end $$;

-- As before, and: of several transactions at once, where each change names its own.
create or replace function post_entries(the_account text, changes jsonb, the_intent text, the_trade text, the_movement uuid) returns void
language sql as $$
  insert into ledger_entries (account, asset, delta, kind, intent_id, venue_trade_id, movement_id, ledger_account)
    select the_account, e.value->>'asset', half.delta, e.value->>'kind', the_intent, coalesce(the_trade, e.value->>'venueTradeId'),
        coalesce(the_movement, (e.value->>'movementId')::uuid), half.ledger_account
    from jsonb_array_elements(changes) with ordinality e, lateral (values
      ('venue', (e.value->>'delta')::numeric),
      (counter_ledger_account(e.value->>'kind'), -(e.value->>'delta')::numeric)) half (ledger_account, delta)
    order by e.ordinality
$$;

-- What fills change, each as told and with what else is told of it: every change names its trade.
create function changes_of_fills(fills_told jsonb, base text, quote text) returns jsonb language sql immutable as $$
  select jsonb_agg(change || jsonb_strip_nulls(jsonb_build_object('venueTradeId', f->'venueTradeId', 'movementId', f->'movementId')) order by n, k)
    from jsonb_array_elements(fills_told) with ordinality told (f, n) cross join lateral jsonb_array_elements(fill_changes(f->>'side',
      (f->>'price')::numeric, (f->>'quantity')::numeric, (f->>'amount')::numeric, (f->>'fee')::numeric, f->>'feeAsset', base, quote))
      with ordinality changed (change, k)
$$;

-- What fills of ours have changed, kept by asset.
create function move_balances(the_account text, changes jsonb) returns void language sql as $$
  insert into ledger_balances as held (account, asset, quantity)
    select the_account, e->>'asset', sum((e->>'delta')::numeric) from jsonb_array_elements(changes) e group by e->>'asset'
    on conflict (account, asset) do update set quantity = held.quantity + excluded.quantity
$$;

-- Books fills by another hand, of one instrument, each once for its `movementId`. However many they are, in a few statements: the account's risk
-- state is locked meanwhile, and with it every order.
create function book_foreign_fills(m jsonb) returns jsonb language plpgsql as $$
declare
  cause jsonb := (m - 'fills') || '{"kind": "foreignFill"}';
  the_instrument text := m->'fills'->0->>'instrument';
  is_other boolean;
  ids jsonb;
  due jsonb;
  changes jsonb;
begin
  if m ? 'epoch' and not is_current_epoch(m) then return refused_movement('epoch'); end if;
  if exists (select from jsonb_array_elements(m->'fills') t where t->>'movementId' is null) then return refused_movement('movementId'); end if;
  perform from risk_state where account = m->>'account' for update;
  if not found then return refused_movement('account'); end if;
  select bool_or(case when known.movement_id is not null
        then known.content_sha256 <> movement_hash(cause || jsonb_build_object('fill', f - 'movementId')) end),
      jsonb_agg(case when known.movement_id is not null or booked.venue_trade_id is null then f->>'movementId'
        else booked.movement_id::text end order by n),
      jsonb_agg(f order by n) filter (where known.movement_id is null and booked.venue_trade_id is null)
    into is_other, ids, due
    from jsonb_array_elements(m->'fills') with ordinality told (f, n)
    -- Each by its own index, whatever the planner thinks of how many there are.
    left join lateral (select movement_id, content_sha256 from ledger_movements where movement_id = (f->>'movementId')::uuid limit 1) known on true
    left join lateral (select movement_id, venue_trade_id from fills where account = m->>'account' and instrument = f->>'instrument'
      and venue_trade_id = f->>'venueTradeId' and venue_order_id = f->>'venueOrderId' limit 1) booked on true;
  if is_other then return refused_movement('otherMovement'); end if;
  if due is null then return jsonb_build_object('kind', 'known', 'movementIds', ids); end if;
  if coalesce(trim(m->>'reason'), '') = '' then return refused_movement('reason'); end if;
  if not may_book(m) then return refused_movement('person'); end if;
  if not exists (select from incidents i where i.incident_id::text = m->>'incidentId' and i.account = m->>'account' and i.closed_at is null) then
    return refused_movement('incident');
  end if;
  -- An order of ours has executed it, so it is booked with that order (P15).
  if exists (select from (select distinct f->>'venueOrderId' as id from jsonb_array_elements(due) f) told
      cross join lateral (select from orders o where o.account = m->>'account' and o.instrument = the_instrument and o.venue_order_id = told.id limit 1) o) then
    return refused_movement('ours');
  end if;
  if split_part(the_instrument, '/', 2) = '' or exists (select from jsonb_array_elements(due) f where f->>'instrument' <> the_instrument
      or (f->>'side') not in ('buy', 'sell') or (f->>'price')::numeric <= 0 or (f->>'quantity')::numeric <= 0 or (f->>'amount')::numeric < 0) then
    return refused_movement('fill');
  end if;
  insert into ledger_movements (movement_id, account, kind, event_time, incident_id, reason, subject, key_id, content_sha256)
    select (f->>'movementId')::uuid, m->>'account', 'foreignFill', (f->>'eventTime')::bigint, (m->>'incidentId')::bigint, m->>'reason',
        m->>'subject', (m->>'underKey')::uuid, movement_hash(cause || jsonb_build_object('fill', f - 'movementId'))
      from jsonb_array_elements(due) f;
  insert into fills (account, instrument, venue_trade_id, venue_order_id, side, price, quantity, fee, fee_asset, liquidity_side,
      event_time, origin, movement_id, amount)
    select m->>'account', f->>'instrument', f->>'venueTradeId', f->>'venueOrderId', f->>'side', (f->>'price')::numeric, (f->>'quantity')::numeric,
        (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide', (f->>'eventTime')::bigint, 'foreign', (f->>'movementId')::uuid,
        (f->>'amount')::numeric
      from jsonb_array_elements(due) with ordinality told (f, n) order by n;
  changes := changes_of_fills(due, split_part(the_instrument, '/', 1), split_part(the_instrument, '/', 2));
  perform post_entries(m->>'account', changes, null, null, null);
  perform move_inventory(m->>'account', changes);
  insert into audit_events (kind, account, subject, data)
    select 'fill.booked', m->>'account', m->>'subject', f || jsonb_build_object('origin', 'foreign', 'incidentId', m->>'incidentId',
        'reason', m->>'reason', 'underKey', m->>'underKey')
      from jsonb_array_elements(due) with ordinality told (f, n) order by n;
  return jsonb_build_object('kind', 'booked', 'movementIds', ids);
end $$;

-- As before: one of them.
create or replace function book_foreign_fill(m jsonb) returns jsonb language plpgsql as $$
declare
  told jsonb := book_foreign_fills((m - 'fill') || jsonb_build_object('fills', jsonb_build_array(
    m->'fill' || jsonb_build_object('movementId', m->'movementId'))));
begin
  if told->>'kind' = 'refused' then return told; end if;
  return jsonb_build_object('kind', told->'kind', 'movementId', told->'movementIds'->0);
end $$;

create or replace function correcting_rows(d reconciliation_differences) returns setof fills language plpgsql stable as $$
declare
  l jsonb := d.evidence->'ledger';
  v jsonb := case when d.evidence->'venue' ? 'venueTradeId' then d.evidence->'venue' end;
  first fills;
  had standing_fills;
  row fills;
begin
  select * into first from fills where account = d.account and instrument = l->>'instrument' and venue_trade_id = l->>'venueTradeId'
    and venue_order_id = l->>'venueOrderId' and intent_id = l->>'intentId';
  if not found then return; end if;
  select * into had from standing_fills where intent_id = first.intent_id and instrument = first.instrument
    and venue_order_id = first.venue_order_id and venue_trade_id = first.venue_trade_id;
  row := first;
  row.booked_at := clock_timestamp();
  row.difference_id := d.difference_id;
  if found then
    row.venue_trade_id := first.venue_trade_id || '~reversed~' || d.difference_id;
    row.reverses := had.row_id;
    row.side := had.side;
    row.price := had.price;
    row.quantity := -had.quantity;
    row.amount := -had.amount;
    row.fee := -had.fee;
    row.fee_asset := had.fee_asset;
    row.event_time := had.event_time;
    return next row;
  end if;
  if v is null then return; end if;
  row.venue_trade_id := first.venue_trade_id || '~restated~' || d.difference_id;
  row.reverses := null;
  row.restates := first.venue_trade_id;
  row.side := v->>'side';
  row.price := (v->>'price')::numeric;
  row.quantity := (v->>'quantity')::numeric;
  row.amount := (v->>'amount')::numeric;
  row.fee := (v->>'fee')::numeric;
  row.fee_asset := v->>'feeAsset';
  row.liquidity_side := v->>'liquiditySide';
  row.event_time := (v->>'eventTime')::bigint;
  return next row;
end $$;

create or replace function correction_refusal(d reconciliation_differences) returns text language plpgsql stable as $$
declare
  o orders;
  change numeric;
  held numeric;
  summed numeric;
begin
  select * into o from orders where intent_id = d.evidence->'ledger'->>'intentId' and account = d.account;
  if not found or not exists (select from correcting_rows(d)) then return 'the books have moved since; compare again'; end if;
  if exists (select from correcting_rows(d) c where c.side <> o.side or c.reverses is null and (c.quantity <= 0 or c.price <= 0 or c.amount < 0)) then
    return 'what the venue tells is no fill of that order';
  end if;
  if exists (select from (
        select e->>'asset' as asset, sum((e->>'delta')::numeric) as delta
          from correcting_rows(d) c cross join jsonb_array_elements(
            fill_changes(c.side, c.price, c.quantity, c.amount, c.fee, c.fee_asset, o.base, o.quote)) e group by 1) w
      full join jsonb_each_text(d.deltas) s on s.key = w.asset
      where coalesce(w.delta, 0) <> coalesce(s.value::numeric, 0)) then
    return 'the books have moved since; compare again';
  end if;
  if o.final_at is null then return 'its order works still: cancel it, or wait until it has ended, and decide then'; end if;
  select sum(position_change(c.side, c.quantity, c.fee, c.fee_asset, o.base)) into change from correcting_rows(d) c;
  select quantity into held from positions where account = o.account and strategy = o.strategy and instrument = o.instrument;
  select quantity into summed from position_sums where account = o.account and strategy = o.strategy and instrument = o.instrument;
  if coalesce(held, 0) <> coalesce(summed, 0) then
    return 'its position is kept otherwise than its fills add up to: have that written anew first (keelson ledger rebuild)';
  end if;
  if change < 0 and coalesce(held, 0) + change < 0 then
    return format('%s has sold units of it since, which it never had: they were the account''s own. Only reject is left, and its position is '
      || 'not to be trusted until a person has bought them back', o.strategy);
  end if;
  -- A stop is made smaller by its owner; another sale is on its way for what would not be there.
  if change < 0 and held + change < coalesce((select sum(s.reserved_quantity) from orders s where s.account = o.account
      and s.strategy = o.strategy and s.instrument = o.instrument and s.side = 'sell' and s.purpose <> 'stop' and s.final_at is null), 0) then
    return 'a sale of the position is on its way: decide when it has ended';
  end if;
  return null;
end $$;

-- That a position (quantity, cost, realizedPnl) is what its fills sum up to: only how a cost is shared is taken from whoever asks.
create function assert_position(the_account text, the_strategy text, the_instrument text, w jsonb) returns void language plpgsql stable as $$
begin
  if exists (select from (
        select sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, i.base)) as quantity,
            sum(case f.side when 'buy' then -1 else 1 end * coalesce(f.amount, f.price * f.quantity) - case when f.fee_asset = i.quote then f.fee else 0 end) as cash
          from fills f join orders i using (intent_id)
          where f.account = the_account and f.instrument = the_instrument and i.strategy = the_strategy) s
      where (s.quantity, s.cash) <> ((w->>'quantity')::numeric, (w->>'realizedPnl')::numeric - (w->>'cost')::numeric)) then
    raise exception 'the position of % in % is not what its fills add up to', the_strategy, the_instrument using errcode = 'KE003';
  end if;
end $$;

create or replace function correct_fill(d reconciliation_differences, p jsonb) returns jsonb language plpgsql as $$
declare
  w jsonb := p->'position';
  last_booking bigint := coalesce((select max(booking) from fills where account = d.account), 0);
  o orders;
  c fills;
  changes jsonb;
begin
  select * into o from orders where intent_id = d.evidence->'ledger'->>'intentId';
  if w is null or (p->>'lastBooking')::bigint <> last_booking then
    return jsonb_build_object('result', 'reckon', 'correction', jsonb_build_object('account', o.account, 'strategy', o.strategy,
      'instrument', o.instrument, 'base', o.base, 'quote', o.quote, 'lastBooking', last_booking, 'rows', (
        select jsonb_agg(jsonb_build_object('reverses', r.reverses, 'venueOrderId', r.venue_order_id, 'side', r.side, 'price', r.price::text,
          'quantity', r.quantity::text, 'amount', r.amount::text, 'fee', r.fee::text, 'feeAsset', r.fee_asset)) from correcting_rows(d) r)));
  end if;
  for c in select * from correcting_rows(d) loop
    insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side,
        event_time, origin, reverses, restates, difference_id, amount)
      values (c.account, c.instrument, c.venue_trade_id, c.venue_order_id, c.intent_id, c.side, c.price, c.quantity, c.fee, c.fee_asset,
        c.liquidity_side, c.event_time, 'ours', c.reverses, c.restates, c.difference_id, c.amount);
    changes := fill_changes(c.side, c.price, c.quantity, c.amount, c.fee, c.fee_asset, o.base, o.quote);
    perform post_entries(c.account, changes, c.intent_id, c.venue_trade_id, null);
    perform move_balances(c.account, changes);
    -- The venue does not call it executed, or not so, either.
    update orders set executed_quantity = executed_quantity + c.quantity, executed_notional = executed_notional + c.quantity * c.price,
        venue_executed_quantity = case when venue_executed_quantity is not null then executed_quantity + c.quantity end,
        version = version + 1, updated_at = clock_timestamp()
      where intent_id = c.intent_id;
    insert into audit_events (kind, account, subject, data) values ('fill.corrected', c.account, p->>'subject', jsonb_strip_nulls(jsonb_build_object(
      'intentId', c.intent_id, 'instrument', c.instrument, 'venueTradeId', c.venue_trade_id, 'venueOrderId', c.venue_order_id,
      'reverses', c.reverses, 'restates', c.restates, 'side', c.side, 'price', c.price::text, 'quantity', c.quantity::text, 'amount', c.amount::text, 'fee', c.fee::text,
      'feeAsset', c.fee_asset, 'differenceId', d.difference_id::text, 'incidentId', d.incident_id::text, 'reason', p->>'reason',
      'underKey', p->>'underKey')));
  end loop;
  perform assert_position(o.account, o.strategy, o.instrument, w);
  update positions set quantity = (w->>'quantity')::numeric, cost = (w->>'cost')::numeric, realized_pnl = (w->>'realizedPnl')::numeric,
      version = version + 1, updated_at = clock_timestamp()
    where account = o.account and strategy = o.strategy and instrument = o.instrument;
  if not found then raise exception 'there is no position of % in %', o.strategy, o.instrument using errcode = 'KE003'; end if;
  -- Its stop is for what was held before.
  insert into outbox (kind, data) values ('positionChanged', jsonb_build_object('account', o.account, 'strategy', o.strategy,
    'instrument', o.instrument, 'because', 'lateEvidence'));
  return jsonb_build_object('result', 'done');
end $$;

drop function fill_changes(text, numeric, numeric, numeric, text, text, text);

-- What a rebuild is reckoned from and for: the last fill, what moved beside fills, and the rows that are derived (of orders none changes without a fill).
create function ledger_mark(the_account text) returns text language sql stable as $$
  select concat_ws(' ', (select coalesce(max(booking), 0) from fills where account = the_account),
    (select count(*) from ledger_movements where account = the_account), (select count(*) from ledger_movements where counter_account = the_account),
    md5(concat_ws(' ', (select string_agg(q::text, ' ' order by strategy, instrument) from positions q where account = the_account),
      (select string_agg(s::text, ' ' order by strategy, instrument) from position_sums s where account = the_account),
      (select string_agg(b::text, ' ' order by asset) from ledger_balances b where account = the_account),
      (select string_agg(i::text, ' ' order by asset) from inventory i where account = the_account))))
$$;

-- Cost and result are of what was paid and received; how much an order has executed, and so its average price, is of prices. Everything is
-- reckoned before the first lock, which may take long for many fills; under the locks, for which a halt waits, it is looked whether anything was
-- booked since, and written.
create or replace function rebuild_ledger(p jsonb) returns jsonb language plpgsql as $$
declare
  the_account text := p->>'account';
  changed jsonb;
  equity jsonb;
  decided jsonb := '[]';
  d reconciliation_differences;
  seen text := ledger_mark(the_account);
  sums jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(s)), '[]') into sums from (
    select o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base)) as quantity,
        sum(case f.side when 'buy' then -1 else 1 end * coalesce(f.amount, f.price * f.quantity) - case when f.fee_asset = o.quote then f.fee else 0 end) as cash
      from fills f join orders o using (intent_id) where f.account = the_account group by o.strategy, f.instrument) s;
  select coalesce(jsonb_agg(jsonb_build_object('what', f.what, 'of', f.name, 'stored', trim_scale(f.stored)::text,
    'rebuilt', trim_scale(f.rebuilt)::text) order by f.what, f.name), '[]') into changed from derived_differences(the_account, p->'positions') f;

  -- The statement may take long, but not with a part of its locks while it waits for the others.
  perform set_config('lock_timeout', '3500', true);
  -- In the order in which everything takes its locks, as a sample does: nothing is booked meanwhile.
  perform from account_watch where account = the_account for update;
  perform from control where account = the_account for update;
  if not found then return jsonb_build_object('result', 'unknown'); end if;
  update risk_state set version = version + 1 where account = the_account;
  if not exists (select from api_keys k join people q using (subject) where k.key_id = (p->>'underKey')::uuid and subject = p->>'subject'
      and k.revoked_at is null and q.deactivated_at is null and q.roles && array['risk', 'admin']) then
    return jsonb_build_object('result', 'person');
  end if;
  if coalesce((select max(booking) from fills where account = the_account), 0) <> (p->>'lastBooking')::bigint
      or ledger_mark(the_account) <> seen then
    return jsonb_build_object('result', 'moved');
  end if;
  equity := rebuild_equity(the_account, p->'equity');
  if equity is null then return jsonb_build_object('result', 'moved'); end if;
  -- Only how a cost is shared is taken from whoever asks: what is held, and what was earned less what it cost, are sums.
  if exists (select from jsonb_to_recordset(sums) s (strategy text, instrument text, quantity numeric, cash numeric)
      full join jsonb_to_recordset(p->'positions') w (strategy text, instrument text, quantity numeric, cost numeric, "realizedPnl" numeric)
        using (strategy, instrument)
      where (coalesce(s.quantity, 0), coalesce(s.cash, 0)) <> (coalesce(w.quantity, 0), coalesce(w."realizedPnl" - w.cost, 0))) then
    raise exception 'positions of % are not what its fills add up to', the_account;
  end if;

  changed := changed || equity;
  insert into audit_events (kind, account, subject, data)
    select 'ledger.rebuilt', the_account, p->>'subject', c || jsonb_build_object('reason', p->>'reason', 'underKey', p->>'underKey')
      from jsonb_array_elements(changed) c;

  insert into positions as held (account, strategy, instrument, quantity, cost, realized_pnl)
    select the_account, w.strategy, w.instrument, w.quantity, w.cost, w."realizedPnl"
      from jsonb_to_recordset(p->'positions') w (strategy text, instrument text, quantity numeric, cost numeric, "realizedPnl" numeric)
    on conflict (account, strategy, instrument) do update set quantity = excluded.quantity, cost = excluded.cost,
      realized_pnl = excluded.realized_pnl, version = held.version + 1, updated_at = clock_timestamp()
      where (held.quantity, held.cost, held.realized_pnl) <> (excluded.quantity, excluded.cost, excluded.realized_pnl);
  -- One of no fills is nothing.
  update positions q set quantity = 0, cost = 0, realized_pnl = 0, version = version + 1, updated_at = clock_timestamp()
    where account = the_account and (quantity, cost, realized_pnl) <> (0, 0, 0) and not exists (
      select from jsonb_to_recordset(sums) s (strategy text, instrument text) where s.instrument = q.instrument and s.strategy = q.strategy);
  delete from position_sums where account = the_account and exists (select from jsonb_array_elements(changed) c where c->>'what' = 'positionSum');
  insert into position_sums (account, strategy, instrument, quantity)
    select the_account, s.strategy, s.instrument, s.quantity
      from jsonb_to_recordset(sums) s (strategy text, instrument text, quantity numeric)
    on conflict do nothing;
  insert into ledger_balances as held (account, asset, quantity)
    select the_account, c->>'of', (c->>'rebuilt')::numeric from jsonb_array_elements(changed) c where c->>'what' = 'balance'
    on conflict (account, asset) do update set quantity = excluded.quantity;
  insert into inventory as held (account, asset, quantity, moved)
    select the_account, asset, opening + moved, moved from (
      select asset,
          coalesce((select (c->>'rebuilt')::numeric from jsonb_array_elements(changed) c where c->>'what' = 'opening' and c->>'of' = asset),
            i.quantity - i.moved, 0) as opening,
          coalesce((select (c->>'rebuilt')::numeric from jsonb_array_elements(changed) c where c->>'what' = 'inventory' and c->>'of' = asset),
            i.moved, 0) as moved
        from (select distinct c->>'of' as asset from jsonb_array_elements(changed) c where c->>'what' in ('opening', 'inventory')) named
          left join (select * from inventory where account = the_account) i using (asset)) parts
    on conflict (account, asset) do update set quantity = excluded.quantity, moved = excluded.moved;
  update orders o set executed_quantity = f.quantity, executed_notional = f.notional, version = version + 1
    from (select i.intent_id, coalesce(sum(f.quantity), 0) as quantity, coalesce(sum(f.quantity * f.price), 0) as notional
      from orders i left join fills f using (intent_id) where i.account = the_account
        and i.intent_id in (select regexp_replace(c->>'of', ' notional$', '') from jsonb_array_elements(changed) c where c->>'what' = 'order')
      group by i.intent_id) f
    where o.intent_id = f.intent_id;

  for d in select * from reconciliation_differences where account = the_account and status = 'open' and is_of_derived(class, subject)
      order by difference_id for update loop
    update reconciliation_differences set status = 'decided', decision = 'rebuild', decided_at = clock_timestamp(),
        decided_by = p->>'subject', key_id = (p->>'underKey')::uuid, reason = p->>'reason'
      where difference_id = d.difference_id;
    insert into audit_events (kind, account, subject, data) values ('reconciliation.decided', d.account, p->>'subject', jsonb_build_object(
      'differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'decision', 'rebuild', 'reason', p->>'reason',
      'underKey', p->>'underKey', 'evidence', d.evidence));
    perform close_incident(jsonb_build_object('incidentId', d.incident_id::text, 'subject', p->>'subject', 'underKey', p->>'underKey',
      'reason', p->>'reason'));
    decided := decided || to_jsonb(d.difference_id::text);
  end loop;
  return jsonb_build_object('result', 'rebuilt', 'changed', changed, 'decided', decided);
end $$;

create or replace function drawdown_fills(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('account', f.account, 'instrument', f.instrument, 'venueTradeId', f.venue_trade_id,
      'venueOrderId', f.venue_order_id, 'intentId', f.intent_id, 'origin', f.origin, 'side', f.side, 'price', f.price::text,
      'quantity', f.quantity::text, 'amount', f.amount::text, 'fee', f.fee::text, 'feeAsset', f.fee_asset, 'liquiditySide', f.liquidity_side, 'eventTime', f.event_time,
      'booking', f.booking, 'strategy', o.strategy, 'strategyVersion', o.strategy_version, 'base', n.base, 'quote', n.quote,
      'feePrice', case when f.fee <> 0 and f.fee_asset not in (n.base, n.quote) then
        price_at(a.venue, f.fee_asset || '/' || n.quote, f.event_time, (p->>'feePriceMaxAgeMs')::bigint)::text end) order by f.event_time, f.booking), '[]')
    from (select * from standing_fills where account = p->>'account' and (event_time, booking) > ((p->>'time')::bigint, (p->>'booking')::bigint)
        order by event_time, booking limit (p->>'most')::integer) f
      join accounts a using (account) left join orders o using (intent_id)
      cross join lateral (select coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote) n);
end $$;

create or replace function read_day_statement(the_account text, today date) returns jsonb language plpgsql stable as $$
declare
  from_ms bigint := epoch_ms(today::timestamp at time zone 'UTC');
  until_ms bigint := epoch_ms((today + 1)::timestamp at time zone 'UTC');
  checked date := (select (max(q.ended_at) at time zone 'UTC')::date from runbook_parts q join runbook_runs r using (run_id)
    where r.account = the_account and r.runbook = 'eveningChecks' and q.name = 'statement' and q.outcome = 'done');
  -- No longer ago than a month: what no check has looked at for so long is looked at by hand.
  since_ms bigint := epoch_ms(greatest(today - 31, least(today - 1, checked))::timestamp at time zone 'UTC');
begin
  return (
    with recent_fills as (
      select f.*, coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote
        from fills f left join orders o using (intent_id)
        where f.account = the_account and f.event_time >= since_ms and f.event_time < until_ms),
    recent_movements as (
      select movement_id, kind, event_time, asset, case when account = the_account then amount else -amount end as amount from ledger_movements
        where the_account in (account, counter_account) and kind <> 'foreignFill' and event_time >= since_ms and event_time < until_ms),
    said as (
      select 'trade ' || venue_trade_id || ' of order ' || venue_order_id as what, booking, null::uuid as movement_id, change.asset,
          sum(change.delta) as delta
        from recent_fills cross join lateral (values
          (base, case side when 'buy' then quantity else -quantity end),
          (quote, case side when 'buy' then -1 else 1 end * coalesce(amount, quantity * price)),
          (fee_asset, -fee)) change (asset, delta)
        group by booking, venue_trade_id, venue_order_id, change.asset
      union all
      select kind || ' ' || movement_id, null, movement_id, asset, amount from recent_movements),
    posted as (
      select f.booking, f.event_time, null::uuid as movement_id, e.asset, sum(e.delta) filter (where e.ledger_account = 'venue') as delta, sum(e.delta) as rest
        from recent_fills f join ledger_entries e on e.account = the_account and e.venue_trade_id = f.venue_trade_id
          and e.intent_id is not distinct from f.intent_id and e.movement_id is not distinct from f.movement_id
        group by f.booking, f.event_time, e.asset
      union all
      select null, m.event_time, m.movement_id, e.asset, sum(e.delta) filter (where e.ledger_account = 'venue'), sum(e.delta)
        from recent_movements m join ledger_entries e on e.account = the_account and e.movement_id = m.movement_id
        group by m.movement_id, m.event_time, e.asset),
    wrong as (
      select distinct coalesce(said.what, 'trade ' || f.venue_trade_id || ' of order ' || f.venue_order_id, 'movement ' || posted.movement_id) as what
        from said full join posted on posted.asset = said.asset and posted.booking is not distinct from said.booking
            and posted.movement_id is not distinct from said.movement_id
          left join recent_fills f on f.booking = posted.booking
        where coalesce(said.delta, 0) <> coalesce(posted.delta, 0) or coalesce(posted.rest, 0) <> 0),
    entries as (
      select asset, sum(delta) as delta from ledger_entries where account = the_account and ledger_account = 'venue' group by asset),
    days as (
      select asset, sum(delta) as delta from posted where event_time >= from_ms group by asset),
    lines as (
      select asset, coalesce(i.quantity - i.moved, 0) + coalesce(e.delta, 0) as closing, coalesce(d.delta, 0) as changed,
          coalesce(i.quantity, 0) + coalesce(b.quantity, 0) as kept
        from (select * from inventory where account = the_account) i
          full join (select * from ledger_balances where account = the_account) b using (asset)
          full join entries e using (asset) left join days d using (asset))
    select jsonb_build_object('day', today::text, 'fills', (select count(*) from recent_fills where event_time >= from_ms), 'movements', (select count(*) from recent_movements where event_time >= from_ms),
      'wrong', coalesce((select jsonb_agg(what order by what) from (select what from wrong order by what limit 20) w), '[]'),
      'wrongCount', (select count(*) from wrong),
      'lines', coalesce((select jsonb_agg(jsonb_build_object('asset', asset, 'opening', trim_scale(closing - changed)::text,
        'closing', trim_scale(closing)::text, 'kept', trim_scale(kept)::text) order by asset) from lines), '[]')));
end $$;
