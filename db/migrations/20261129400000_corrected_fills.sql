-- A fill of ours that the venue does not have, or tells otherwise, is taken back where it was booked: in the position, its order, the fees and
-- the results, not in the inventory beside them. Nothing is changed: a row with the opposite amounts is appended, and where the venue tells
-- it another way a second one with what it tells. Every sum over fills stays a sum over fills.

alter table fills
  -- Of a row that takes another one back: that one's trade id.
  add column reverses text,
  -- Of a row that says what a fill is: the trade id by which the venue tells it.
  add column restates text,
  add column difference_id bigint references reconciliation_differences;
alter table fills
  add constraint fills_correct_one_thing check (reverses is null or restates is null),
  -- Corrections only with an incident and a person: both are the difference's.
  add constraint fills_corrected_for_a_reason check ((reverses is not null or restates is not null) = (difference_id is not null)),
  add constraint fills_reversed_below_zero check (reverses is null or (quantity < 0 and origin = 'ours'));
create unique index fills_reversed on fills (account, instrument, venue_order_id, reverses) where reverses is not null;
create index fills_restated on fills (account, instrument, venue_order_id, restates) where restates is not null;

-- The fills as they count: without those that were taken back, and each under the venue's own trade id.
create view standing_fills as
  select f.account, f.instrument, coalesce(f.restates, f.venue_trade_id) as venue_trade_id, f.venue_order_id, f.intent_id, f.side, f.price,
      f.quantity, f.fee, f.fee_asset, f.liquidity_side, f.event_time, f.booked_at, f.origin, f.movement_id, f.booking, f.venue_trade_id as row_id
    from fills f where f.reverses is null and not exists (select from fills r where r.account = f.account and r.instrument = f.instrument
      and r.venue_order_id = f.venue_order_id and r.reverses = f.venue_trade_id);

-- Whether entering a difference means to correct a fill of ours.
create function corrects_fill(d reconciliation_differences) returns boolean language sql immutable as $$
  select d.class in ('duplicate', 'feeDifference', 'unknown') and d.subject like 'fill:%' and jsonb_typeof(d.evidence->'ledger'->'intentId') = 'string'
$$;

-- What a fill changes, by asset, as core/ledger has it.
create function fill_changes(side text, price numeric, quantity numeric, fee numeric, fee_asset text, base text, quote text) returns jsonb
language sql immutable as $$
  select jsonb_build_array(
      jsonb_build_object('asset', base, 'delta', (sign * quantity)::text, 'kind', 'trade'),
      jsonb_build_object('asset', quote, 'delta', (-sign * price * quantity)::text, 'kind', 'trade'))
    || case when fee = 0 then '[]' else jsonb_build_array(jsonb_build_object('asset', fee_asset, 'delta', (-fee)::text, 'kind', 'fee')) end
    from (select case side when 'buy' then 1 else -1 end as sign) s
$$;

-- The rows that correct a fill; none: the books say by now what the venue says, or what is in them is not what was seen.
create function correcting_rows(d reconciliation_differences) returns setof fills language plpgsql stable as $$
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
  row.fee := (v->>'fee')::numeric;
  row.fee_asset := v->>'feeAsset';
  row.liquidity_side := v->>'liquiditySide';
  row.event_time := (v->>'eventTime')::bigint;
  return next row;
end $$;

-- Why a fill cannot be corrected now; null: it can. Under the lock of the account's risk state.
create function correction_refusal(d reconciliation_differences) returns text language plpgsql stable as $$
declare
  o orders;
  change numeric;
  held numeric;
  summed numeric;
begin
  select * into o from orders where intent_id = d.evidence->'ledger'->>'intentId' and account = d.account;
  if not found or not exists (select from correcting_rows(d)) then return 'the books have moved since; compare again'; end if;
  if exists (select from correcting_rows(d) c where c.side <> o.side or c.reverses is null and (c.quantity <= 0 or c.price <= 0)) then
    return 'what the venue tells is no fill of that order';
  end if;
  if exists (select from (
        select e->>'asset' as asset, sum((e->>'delta')::numeric) as delta
          from correcting_rows(d) c cross join jsonb_array_elements(
            fill_changes(c.side, c.price, c.quantity, c.fee, c.fee_asset, o.base, o.quote)) e group by 1) w
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

-- Corrects a fill. The position that follows is reckoned by core/ledger and comes in `position` (quantity, cost, realizedPnl), from the fills up
-- to `lastBooking`; what it has to sum up to is looked at here. Answers done | reckon (with `correction`: it has to be reckoned, or anew).
create function correct_fill(d reconciliation_differences, p jsonb) returns jsonb language plpgsql as $$
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
          'quantity', r.quantity::text, 'fee', r.fee::text, 'feeAsset', r.fee_asset)) from correcting_rows(d) r)));
  end if;
  for c in select * from correcting_rows(d) loop
    insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side,
        event_time, origin, reverses, restates, difference_id)
      values (c.account, c.instrument, c.venue_trade_id, c.venue_order_id, c.intent_id, c.side, c.price, c.quantity, c.fee, c.fee_asset,
        c.liquidity_side, c.event_time, 'ours', c.reverses, c.restates, c.difference_id);
    changes := fill_changes(c.side, c.price, c.quantity, c.fee, c.fee_asset, o.base, o.quote);
    perform post_entries(c.account, changes, c.intent_id, c.venue_trade_id, null);
    insert into ledger_balances as held (account, asset, quantity)
      select c.account, e->>'asset', sum((e->>'delta')::numeric) from jsonb_array_elements(changes) e group by e->>'asset'
      on conflict (account, asset) do update set quantity = held.quantity + excluded.quantity;
    -- The venue does not call it executed, or not so, either.
    update orders set executed_quantity = executed_quantity + c.quantity, executed_notional = executed_notional + c.quantity * c.price,
        venue_executed_quantity = case when venue_executed_quantity is not null then executed_quantity + c.quantity end,
        version = version + 1, updated_at = clock_timestamp()
      where intent_id = c.intent_id;
    insert into audit_events (kind, account, subject, data) values ('fill.corrected', c.account, p->>'subject', jsonb_strip_nulls(jsonb_build_object(
      'intentId', c.intent_id, 'instrument', c.instrument, 'venueTradeId', c.venue_trade_id, 'venueOrderId', c.venue_order_id,
      'reverses', c.reverses, 'restates', c.restates, 'side', c.side, 'price', c.price::text, 'quantity', c.quantity::text, 'fee', c.fee::text,
      'feeAsset', c.fee_asset, 'differenceId', d.difference_id::text, 'incidentId', d.incident_id::text, 'reason', p->>'reason',
      'underKey', p->>'underKey')));
  end loop;
  -- Only how a cost is shared is taken from whoever asks.
  if exists (select from (
        select sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, i.base)) as quantity,
            sum(case f.side when 'buy' then -1 else 1 end * f.price * f.quantity - case when f.fee_asset = i.quote then f.fee else 0 end) as cash
          from fills f join orders i using (intent_id)
          where f.account = o.account and f.instrument = o.instrument and i.strategy = o.strategy) s
      where (s.quantity, s.cash) <> ((w->>'quantity')::numeric, (w->>'realizedPnl')::numeric - (w->>'cost')::numeric)) then
    raise exception 'the position of % in % is not what its fills add up to', o.strategy, o.instrument using errcode = 'KE003';
  end if;
  update positions set quantity = (w->>'quantity')::numeric, cost = (w->>'cost')::numeric, realized_pnl = (w->>'realizedPnl')::numeric,
      version = version + 1, updated_at = clock_timestamp()
    where account = o.account and strategy = o.strategy and instrument = o.instrument;
  if not found then raise exception 'there is no position of % in %', o.strategy, o.instrument using errcode = 'KE003'; end if;
  -- Its stop is for what was held before.
  insert into outbox (kind, data) values ('positionChanged', jsonb_build_object('account', o.account, 'strategy', o.strategy,
    'instrument', o.instrument, 'because', 'lateEvidence'));
  return jsonb_build_object('result', 'done');
end $$;

-- As before, and: a fill of ours that the venue does not have, or tells otherwise, is corrected where it was booked. Entered in the inventory it
-- would leave the strategy with units that do not exist, and its stop would sell the account's own.
create or replace function decide_difference(p jsonb) returns jsonb language plpgsql as $$
declare
  d reconciliation_differences;
  answer text := 'done';
  moved record;
  f jsonb;
  fills_told jsonb;
  cause jsonb;
  booked jsonb;
begin
  select * into d from reconciliation_differences where difference_id = (p->>'differenceId')::bigint;
  if not found then return jsonb_build_object('result', 'unknown'); end if;
  -- In the order in which everything takes its locks.
  perform from control where account = d.account for update;
  update risk_state set version = version + 1 where account = d.account;
  select * into d from reconciliation_differences where difference_id = d.difference_id for update;
  if d.decision = p->>'decision' and d.decided_by = p->>'subject' then return jsonb_build_object('result', 'done'); end if;
  if d.status <> 'open' then return jsonb_build_object('result', 'notOpen', 'why', d.status); end if;

  if p->>'decision' = 'adopt' then
    answer := adopt_order(d, p->>'strategy');
  elsif p->>'decision' = 'cancel' then
    answer := coalesce(cancel_refusal(d), answer);
  elsif p->>'decision' = 'book' then
    answer := coalesce(booking_refusal(d), case when corrects_fill(d) then correction_refusal(d) end, answer);
    if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;
    fills_told := case when d.class = 'orphanOrder' then coalesce(d.evidence->'venue'->'fills', '[]') else '[]' end;
    cause := jsonb_build_object('account', d.account, 'incidentId', d.incident_id::text, 'reason', p->>'reason', 'subject', p->>'subject',
      'underKey', p->>'underKey');
    if corrects_fill(d) then
      if not may_book(cause) then return jsonb_build_object('result', 'impossible', 'why', 'the ledger refuses: person'); end if;
      booked := correct_fill(d, p);
      if booked->>'result' <> 'done' then return booked; end if;
    elsif jsonb_array_length(fills_told) > 0 then
      -- Trades by another hand stand in the books as what they are: fills, of no order of ours.
      for f in select * from jsonb_array_elements(fills_told) loop
        booked := book_foreign_fill(cause || jsonb_build_object('fill', f, 'movementId', md5('reconciliation:' || d.difference_id || ':'
          || d.incident_id || ':' || (f->>'venueTradeId') || ':' || (f->>'venueOrderId'))::uuid));
        perform assert_booked(booked);
      end loop;
    else
      for moved in select key as asset, value as amount from jsonb_each_text(d.deltas) order by key loop
        -- Its own name for each asset and each time that it is a person's, so that the decision made twice books once; the venue has none
        -- for what it does not explain.
        booked := book_movement(cause || jsonb_build_object(
          'movementId', md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || moved.asset)::uuid,
          'asset', moved.asset, 'amount', moved.amount,
          'kind', case when d.class <> 'balanceMovement' then 'correction' when moved.amount like '-%' then 'withdrawal' else 'deposit' end,
          'eventTime', coalesce(d.event_time, epoch_ms(d.first_seen_at))));
        perform assert_booked(booked);
      end loop;
    end if;
  end if;
  if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;

  update reconciliation_differences set status = 'decided', decision = p->>'decision', decided_at = clock_timestamp(),
      decided_by = p->>'subject', key_id = (p->>'underKey')::uuid, reason = p->>'reason'
    where difference_id = d.difference_id;
  insert into audit_events (kind, account, subject, data) values ('reconciliation.decided', d.account, p->>'subject', jsonb_build_object(
    'differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'decision', p->>'decision', 'strategy', p->'strategy',
    'reason', p->>'reason', 'underKey', p->>'underKey', 'evidence', d.evidence));
  perform close_incident(jsonb_build_object('incidentId', d.incident_id::text, 'subject', p->>'subject', 'underKey', p->>'underKey',
    'reason', p->>'reason'));
  return jsonb_build_object('result', 'done');
end $$;

-- As before, and: each fill as it counts by now, and those that were taken back as such; the orders of missed fills that
-- stand; the ticks of instruments.
create or replace function read_reconciliation(p jsonb) returns jsonb language plpgsql stable as $$
declare
  the_account text := p->>'account';
begin
  return (
    with named as (
      select client_order_id from jsonb_array_elements_text(p->'clientOrderIds') client_order_id),
    numbered as (
      select distinct n->>'instrument' as instrument, n->>'venueOrderId' as venue_order_id from jsonb_array_elements(p->'venueOrders') n),
    concerned as (
      select intent_id from orders where account = the_account and final_at is null
      -- Each by its own index, whatever the planner thinks of how many there are.
      union select found.intent_id from named n cross join lateral (select intent_id from orders o
        where o.client_order_id = n.client_order_id and o.account = the_account limit 1) found
      union select found.intent_id from numbered n cross join lateral (select intent_id from orders o
        where o.account = the_account and o.instrument = n.instrument and o.venue_order_id = n.venue_order_id limit 1) found
      -- Whose a missed fill was taken for, and whose it is.
      union select o.intent_id from reconciliation_differences d join orders o on o.intent_id = d.evidence->'ledger'->>'order'
        where d.account = the_account and d.ended_at is null and d.class = 'missedFill' and o.account = the_account
      union select o.intent_id from reconciliation_differences d join orders o on o.account = the_account
          and o.instrument = d.evidence->'venue'->>'instrument' and o.venue_order_id = d.evidence->'venue'->>'venueOrderId'
        where d.account = the_account and d.ended_at is null and d.class = 'missedFill'),
    held as (
      select strategy, instrument, quantity, updated_at from positions where account = the_account and quantity <> 0),
    stops as (
      select distinct strategy, instrument from orders where account = the_account and final_at is null and purpose = 'stop'),
    -- A position that is kept otherwise than its fills add up to: its stop would be for what is not so.
    damaged as (
      select s.strategy, s.instrument, q.quantity, q.updated_at from position_sums s left join positions q using (account, strategy, instrument)
        where s.account = the_account and s.quantity <> coalesce(q.quantity, 0)
      union all select q.strategy, q.instrument, q.quantity, q.updated_at from held q where not exists (select from position_sums s
        where s.account = the_account and s.strategy = q.strategy and s.instrument = q.instrument)),
    keys as (
      select strategy, instrument, coalesce(held.quantity, damaged.quantity) as quantity, coalesce(held.updated_at, damaged.updated_at) as updated_at
        from held full join stops using (strategy, instrument) full join damaged using (strategy, instrument))
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)),
      'orders', coalesce((select jsonb_agg(order_json(o) || jsonb_build_object('unchangedMs',
          greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(o.updated_at))) order by o.created_at)
        from orders o join concerned using (intent_id)), '[]'),
      'fills', coalesce((select jsonb_agg(jsonb_build_object('instrument', f.instrument, 'venueTradeId', f.venue_trade_id,
          'venueOrderId', f.venue_order_id, 'intentId', f.intent_id, 'side', f.side, 'price', f.price::text, 'quantity', f.quantity::text,
          'fee', f.fee::text, 'feeAsset', f.fee_asset, 'eventTime', f.event_time, 'isReversed', f.is_reversed) order by f.event_time)
        from (select instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, event_time,
                false as is_reversed
              from standing_fills where account = the_account and event_time >= (p->>'fillsSince')::bigint - 60000
            union all
            -- Taken back, and told in no other way.
            select instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, event_time, true
              from fills b where account = the_account and reverses is null and restates is null
                and event_time >= (p->>'fillsSince')::bigint - 60000
                and exists (select from fills r where r.account = the_account and r.instrument = b.instrument
                  and r.venue_order_id = b.venue_order_id and r.reverses = b.venue_trade_id)
                and not exists (select from standing_fills s where s.intent_id = b.intent_id and s.instrument = b.instrument
                  and s.venue_order_id = b.venue_order_id and s.venue_trade_id = b.venue_trade_id)) f), '[]'),
      'balances', coalesce((select jsonb_object_agg(asset, quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity from inventory i where i.account = the_account
            union all select asset, quantity from ledger_balances b where b.account = the_account) both_parts
          group by asset) kept), '{}'),
      'keys', coalesce((select jsonb_agg(jsonb_build_object('strategy', k.strategy, 'instrument', k.instrument,
          'held', coalesce(k.quantity, 0)::text, 'filled', coalesce((select s.quantity from position_sums s where s.account = the_account
            and s.strategy = k.strategy and s.instrument = k.instrument), 0)::text, 'unchangedMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(greatest(k.updated_at,
            (select max(updated_at) from (select updated_at from orders o where o.account = the_account and o.strategy = k.strategy
              and o.instrument = k.instrument order by o.created_at desc limit 5) newest))))))
        from keys k), '[]'),
      'instruments', coalesce((select jsonb_object_agg(n.instrument, jsonb_build_object('base', n.rules->'base', 'quote', n.rules->'quote',
          'tickSize', n.rules->'tickSize'))
        from instruments n where n.venue = a.venue), '{}'),
      'contradictions', case when (p->>'isFull')::boolean then coalesce((select jsonb_agg(c) from book_contradictions(the_account) c), '[]')
        else '[]' end,
      'needed', coalesce((select jsonb_agg(w) from jsonb_array_elements_text(p->'workflows') w where is_workflow_needed(the_account, w)), '[]'),
      'known', coalesce((select jsonb_agg(jsonb_build_object('id', d.difference_id::text, 'class', d.class, 'subject', d.subject,
          'fingerprint', d.fingerprint, 'treatment', d.treatment, 'status', d.status, 'decision', d.decision, 'deltas', d.deltas,
          'evidence', evidence_less_booked(d), 'eventTime', d.event_time, 'repairs', d.repairs, 'failedRepairs', d.failed_repairs,
          'sameMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(d.same_since)),
          'seenMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(d.seen_since)),
          'unseenMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(d.last_seen_at)),
          'decidedMs', epoch_ms(clock_timestamp()) - epoch_ms(d.decided_at),
          'isBooked', d.class = 'missedFill' and d.evidence->'venue' ? 'venueTradeId'
            and is_booked(d.evidence->'venue' || jsonb_build_object('account', the_account))) order by d.difference_id)
        from reconciliation_differences d where d.account = the_account and (d.ended_at is null
          or (d.decision = 'book' and d.status = 'closed' and d.event_time >= (p->>'fillsSince')::bigint - 60000))), '[]'))
    from accounts a where a.account = the_account);
end $$;

-- As before, of the fills as they count.
create or replace function drawdown_fills(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('account', f.account, 'instrument', f.instrument, 'venueTradeId', f.venue_trade_id,
      'venueOrderId', f.venue_order_id, 'intentId', f.intent_id, 'origin', f.origin, 'side', f.side, 'price', f.price::text,
      'quantity', f.quantity::text, 'fee', f.fee::text, 'feeAsset', f.fee_asset, 'liquiditySide', f.liquidity_side, 'eventTime', f.event_time,
      'booking', f.booking, 'strategy', o.strategy, 'strategyVersion', o.strategy_version, 'base', n.base, 'quote', n.quote,
      'feePrice', case when f.fee <> 0 and f.fee_asset not in (n.base, n.quote) then
        price_at(a.venue, f.fee_asset || '/' || n.quote, f.event_time, (p->>'feePriceMaxAgeMs')::bigint)::text end) order by f.event_time, f.booking), '[]')
    from (select * from standing_fills where account = p->>'account' and (event_time, booking) > ((p->>'time')::bigint, (p->>'booking')::bigint)
        order by event_time, booking limit (p->>'most')::integer) f
      join accounts a using (account) left join orders o using (intent_id)
      cross join lateral (select coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote) n);
end $$;
