-- Where a venue keeps an asset in fewer places than it tells an amount or a fee in, each fill may leave up to one unit of the last place that no
-- amount explains. That is booked as what it is, with its evidence, and never more of it than fills can have left.

alter table reconciliation_differences drop constraint reconciliation_differences_class_check;
alter table reconciliation_differences add constraint reconciliation_differences_class_check check (class in ('timing', 'missedFill',
  'missingOrder', 'orphanOrder', 'orphanedWorkflow', 'duplicate', 'feeDifference', 'balanceMovement', 'rounding', 'positionWithoutOwner',
  'positionWithoutStop', 'wrongStopQuantity', 'twoStops', 'stopWithoutPosition', 'unknown'));

alter table ledger_movements add column difference_id bigint references reconciliation_differences;
alter table ledger_movements drop constraint ledger_movements_kind_check;
alter table ledger_movements add constraint ledger_movements_kind_check
  check (kind in ('deposit', 'withdrawal', 'transfer', 'correction', 'foreignFill', 'rounding'));
-- Who says so: a person, the venue by its reference, or a difference that a comparison found.
alter table ledger_movements drop constraint ledger_movements_check3;
alter table ledger_movements add constraint ledger_movements_said_by
  check (key_id is not null or venue_reference is not null or (kind = 'rounding' and difference_id is not null));
create index ledger_movements_rounded on ledger_movements (account, booked_at) where kind = 'rounding';
alter table ledger_entries drop constraint ledger_entries_ledger_account_check;
alter table ledger_entries add constraint ledger_entries_ledger_account_check
  check (ledger_account in ('venue', 'trading', 'fees', 'external', 'transfers', 'corrections', 'roundings'));

create or replace function counter_ledger_account(kind text) returns text language sql immutable strict as $$
  select case kind when 'trade' then 'trading' when 'fee' then 'fees' when 'transfer' then 'transfers' when 'correction' then 'corrections'
    when 'deposit' then 'external' when 'withdrawal' then 'external' when 'rounding' then 'roundings' end
$$;

-- The fills since the account was found clean last.
create index fills_booked_at on fills (account, booked_at);

create index reconciliation_differences_of_subject on reconciliation_differences (account, subject);

-- Since when fills may have left something of an asset: since the last comparison that has found its balance in order, or the account clean. One asset
-- that waits for a person gives the others no room.
create function rounded_since(the_account text, the_asset text) returns timestamptz language sql stable as $$
  with clean as (
    select coalesce(r.last_clean_at, a.onboarded_at, a.created_at) as at
      from accounts a left join reconciliations r using (account) where a.account = the_account)
  select coalesce((select r.started_at from reconciliation_runs r
      where r.account = the_account and r.started_at > clean.at and r.result in ('clean', 'differences')
        and not exists (select from reconciliation_differences d where d.account = the_account and d.subject = 'balance:' || the_asset
          and d.first_seen_at <= r.ended_at and d.last_seen_at >= r.started_at)
      order by r.started_at desc limit 1), clean.at) from clean
$$;

-- … and until when: what a person is asked about is not explained by what was filled after it was found. Null: until now.
create function rounded_until(the_account text, the_asset text) returns timestamptz language sql stable as $$
  select min(first_seen_at) from reconciliation_differences where account = the_account and subject = 'balance:' || the_asset
    and class = 'balanceMovement' and status <> 'pending' and ended_at is null
$$;

-- By asset: the unit in which the venue keeps it, how much of it fills may have left in that time, less what was booked
-- of that, and the inventory, so that nothing is booked twice. Of an asset whose unit is not known nothing is.
create function roundings_of(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with assets as (
      select u.asset, min(u.unit) as unit from accounts a join instruments n using (venue) cross join lateral (values
          (n.rules->>'base', (n.rules->>'baseUnit')::numeric), (n.rules->>'quote', (n.rules->>'quoteUnit')::numeric)) u (asset, unit)
        where a.account = the_account and u.unit > 0 group by u.asset),
    units as (
      select asset, unit, rounded_since(the_account, asset) as since, coalesce(rounded_until(the_account, asset), 'infinity') as until from assets),
    filled as (
      select t.asset, count(*) as fills from fills f left join orders o using (intent_id)
          -- Each asset of a fill once.
          cross join lateral (select coalesce(o.base, split_part(f.instrument, '/', 1)) union select coalesce(o.quote, split_part(f.instrument, '/', 2))
            union select f.fee_asset where f.fee <> 0) t (asset)
          join units u on u.asset = t.asset and f.booked_at >= u.since and f.booked_at <= u.until
        where f.account = the_account and f.booked_at >= (select min(since) from units) and f.reverses is null and f.restates is null group by t.asset),
    rounded as (
      select m.asset, sum(abs(m.amount)) as amount from ledger_movements m join units using (asset)
        where m.account = the_account and m.kind = 'rounding' and m.booked_at >= since group by m.asset)
    select coalesce(jsonb_object_agg(u.asset, jsonb_build_object('unit', u.unit::text, 'fills', f.fills,
        'left', trim_scale(greatest(0, u.unit * f.fills - coalesce(r.amount, 0)))::text,
        'inventory', coalesce((select trim_scale(quantity) from inventory i where i.account = the_account and i.asset = u.asset), 0)::text)), '{}')
      from units u join filled f using (asset) left join rounded r using (asset));
end $$;

-- Books what a comparison has found to be a rounding, if the books still say that. Answers {result, why}: booked | epoch | refused.
create function book_rounding(p jsonb) returns jsonb language plpgsql as $$
declare
  d reconciliation_differences;
  the_asset text;
  the_amount numeric;
  the_id uuid;
  room jsonb;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  select * into d from reconciliation_differences where difference_id = (p->>'differenceId')::bigint;
  -- In the order in which everything takes its locks.
  perform from risk_state where account = d.account for update;
  select * into d from reconciliation_differences where difference_id = d.difference_id for update;
  if not found or d.class <> 'rounding' or d.status not in ('pending', 'open') then
    return jsonb_build_object('result', 'refused', 'why', 'it is decided, or over');
  end if;
  the_asset := d.evidence->'ledger'->>'asset';
  the_amount := (d.deltas->>the_asset)::numeric;
  room := roundings_of(d.account)->the_asset;
  if room is null or abs(the_amount) > (room->>'left')::numeric then
    return jsonb_build_object('result', 'refused', 'why', 'it is more than fills can have left');
  end if;
  if (room->>'inventory')::numeric is distinct from (d.evidence->'ledger'->>'inventory')::numeric then
    return jsonb_build_object('result', 'refused', 'why', 'the books have moved since');
  end if;
  the_id := gen_random_uuid();
  insert into ledger_movements (movement_id, account, kind, asset, amount, event_time, reason, subject, difference_id, content_sha256)
    values (the_id, d.account, 'rounding', the_asset, the_amount, epoch_ms(clock_timestamp()),
      format('what the venue has rounded of %s fills, in units of %s', room->>'fills', room->>'unit'), 'reconciliation', d.difference_id,
      payload_hash(jsonb_build_object('account', d.account, 'asset', the_asset, 'amount', trim_scale(the_amount)::text, 'kind', 'rounding',
        'differenceId', d.difference_id::text, 'movementId', the_id)));
  perform post_entries(d.account, jsonb_build_array(jsonb_build_object('asset', the_asset, 'delta', the_amount::text, 'kind', 'rounding')),
    null, null, the_id);
  perform move_inventory(d.account, jsonb_build_array(jsonb_build_object('asset', the_asset, 'delta', the_amount::text)));
  insert into audit_events (kind, account, subject, data) values ('movement.booked', d.account, 'reconciliation', jsonb_build_object(
    'movementId', the_id, 'movement', 'rounding', 'asset', the_asset, 'amount', the_amount::text, 'differenceId', d.difference_id::text,
    'unit', room->'unit', 'fills', room->'fills', 'left', room->'left', 'evidence', d.evidence));
  return jsonb_build_object('result', 'booked');
end $$;

-- As before, and of a rounding that became a person's; a fill of another price and the same amount moves nothing, and is corrected all the same.
create or replace function booking_refusal(d reconciliation_differences) returns text language plpgsql as $$
declare
  fills_told jsonb := case when d.class = 'orphanOrder' then coalesce(d.evidence->'venue'->'fills', '[]') else '[]' end;
begin
  if d.deltas = '{}' and not corrects_fill(d) then return 'it moves nothing'; end if;
  if d.class = 'missedFill' or exists (select from jsonb_array_elements(fills_told) f join orders o
      on o.account = d.account and o.instrument = f->>'instrument' and o.venue_order_id = f->>'venueOrderId') then
    return 'the fill is booked with its order (P15); entered besides it would be in the books twice';
  end if;
  if exists (select from jsonb_array_elements(fills_told) f where is_booked(f || jsonb_build_object('account', d.account))) then
    return 'a fill of it is in the books already; compare again';
  end if;
  if d.class in ('balanceMovement', 'rounding')
      and exists (select from balance_contradictions(d.account, array[d.evidence->'ledger'->>'asset'])) then
    return 'the books keep another amount than their entries add up to: compare again, and decide `rebuild` for what is told then';
  end if;
  -- The amount is what was missing then.
  if d.class in ('balanceMovement', 'rounding') and (d.evidence->'ledger'->>'balance')::numeric is distinct from
      coalesce((select quantity from inventory where account = d.account and asset = d.evidence->'ledger'->>'asset'), 0)
      + coalesce((select quantity from ledger_balances where account = d.account and asset = d.evidence->'ledger'->>'asset'), 0) then
    return 'the books have moved since; compare again';
  end if;
  return null;
end $$;

-- As before, with what a fill was worth, the unit of the quote asset, what fills may have left, and fills that a decision of an earlier build
-- has left where they were.
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
          'amount', f.amount::text, 'fee', f.fee::text, 'feeAsset', f.fee_asset, 'eventTime', f.event_time, 'isReversed', f.is_reversed) order by f.event_time)
        from (select instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, amount, fee, fee_asset, event_time,
                false as is_reversed
              from standing_fills where account = the_account and event_time >= (p->>'fillsSince')::bigint - 60000
            union all
            -- Taken back, and told in no other way.
            select instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, amount, fee, fee_asset, event_time, true
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
          'tickSize', n.rules->'tickSize') || jsonb_strip_nulls(jsonb_build_object('quoteUnit', n.rules->'quoteUnit')))
        from instruments n where n.venue = a.venue), '{}'),
      'roundings', roundings_of(the_account),
      'contradictions', coalesce((select jsonb_agg(c) from contradictions_asked(p) c), '[]'),
      'bookedBeside', coalesce((select jsonb_agg(b order by (b->>'id')::bigint) from booked_beside(the_account) b), '[]'),
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
