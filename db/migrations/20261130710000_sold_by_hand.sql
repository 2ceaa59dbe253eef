-- A person who sells by hand what a strategy holds (its stop taken away, at the venue's own screen) says so: the fills are booked as a sale of that
-- strategy, which ends its position. Booked as the account's own they would leave it with units that are gone, for ever.

-- A fill names the difference on which a person has decided so: a correction as before, and a sale by hand.
alter table fills drop constraint fills_corrected_for_a_reason;
alter table fills add constraint fills_corrected_for_a_reason
  check (difference_id is not null or reverses is null and restates is null);

-- What the sale of a difference takes from a position, by asset of it: the base asset, with what fees took of it.
create function sold_by_hand(d reconciliation_differences) returns numeric language sql stable as $$
  select coalesce(-sum(position_change(f->>'side', (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', split_part(f->>'instrument', '/', 1))), 0)
    from jsonb_array_elements(d.evidence->'venue'->'fills') f
$$;

-- Why the fills of an order by another hand cannot be booked as a sale of this strategy; null: they can. Under the lock of the account's risk state.
create function sale_refusal(d reconciliation_differences, the_strategy text) returns text language plpgsql stable as $$
declare
  fills_told jsonb := coalesce(d.evidence->'venue'->'fills', '[]');
  the_instrument text := fills_told->0->>'instrument';
  held numeric;
  summed numeric;
begin
  if d.class <> 'orphanOrder' or jsonb_array_length(fills_told) = 0 then return 'it is no sale by another hand: only that is booked for a strategy'; end if;
  if exists (select from jsonb_array_elements(fills_told) f where f->>'side' <> 'sell' or f->>'instrument' <> the_instrument
      or f->>'venueOrderId' <> fills_told->0->>'venueOrderId' or (f->>'quantity')::numeric <= 0 or (f->>'price')::numeric <= 0
      or (f->>'amount')::numeric < 0) then
    return 'it bought: what is bought by another hand is the account''s own, and booked without a strategy';
  end if;
  if coalesce(d.evidence->'venue'->'order', 'null') <> 'null' then
    return 'it works still: cancel it at the venue, or wait until it has ended, and decide then';
  end if;
  if exists (select from fills f where f.account = d.account and f.instrument = the_instrument
      and f.venue_order_id = fills_told->0->>'venueOrderId') then
    return 'a part of it is booked already, as the account''s own; book the rest without a strategy';
  end if;
  select quantity into held from positions where account = d.account and strategy = the_strategy and instrument = the_instrument;
  select quantity into summed from position_sums where account = d.account and strategy = the_strategy and instrument = the_instrument;
  if coalesce(held, 0) <= 0 then return format('%s holds nothing of %s', the_strategy, the_instrument); end if;
  if held <> coalesce(summed, 0) then
    return 'its position is kept otherwise than its fills add up to: have that written anew first (keelson ledger rebuild)';
  end if;
  if sold_by_hand(d) > held then
    return format('it sold %s, and %s holds %s: what is more is the account''s own. Book it without a strategy, and have the position sold by a halt of the '
      || 'strategy, or buy that much back', trim_scale(sold_by_hand(d)), the_strategy, trim_scale(held));
  end if;
  -- A stop is made smaller, or withdrawn, by its owner; another sale is on its way for what would not be there.
  if held - sold_by_hand(d) < coalesce((select sum(s.reserved_quantity) from orders s where s.account = d.account and s.strategy = the_strategy
      and s.instrument = the_instrument and s.side = 'sell' and s.purpose <> 'stop' and s.final_at is null), 0) then
    return 'a sale of the position is on its way: decide when it has ended';
  end if;
  return null;
end $$;

-- Books it: an order that has ended, its fills with their entries, and the position after them, which core/ledger reckons as for a corrected fill (in
-- `position`, from the fills up to `lastBooking`); what it has to sum up to is looked at here. Answers done | reckon.
create function book_sale(d reconciliation_differences, p jsonb) returns jsonb language plpgsql as $$
declare
  w jsonb := p->'position';
  the_strategy text := p->>'strategy';
  fills_told jsonb := d.evidence->'venue'->'fills';
  the_instrument text := fills_told->0->>'instrument';
  the_order text := fills_told->0->>'venueOrderId';
  the_intent text := 'byHand:' || d.account || ':' || replace(the_instrument, '/', '-') || ':' || the_order;
  last_booking bigint := coalesce((select max(booking) from fills where account = d.account), 0);
  of_position orders;
  changes jsonb;
begin
  select * into of_position from orders o where o.account = d.account and o.strategy = the_strategy and o.instrument = the_instrument
      and o.executed_quantity > 0 order by o.ordinal desc nulls last, o.created_at desc limit 1;
  if not found then raise exception 'no order of % in % has executed anything', the_strategy, the_instrument using errcode = 'KE003'; end if;
  if w is null or (p->>'lastBooking')::bigint <> last_booking then
    return jsonb_build_object('result', 'reckon', 'correction', jsonb_build_object('account', d.account, 'strategy', the_strategy,
      'instrument', the_instrument, 'base', of_position.base, 'quote', of_position.quote, 'lastBooking', last_booking, 'rows', (
        select jsonb_agg(jsonb_build_object('reverses', null, 'venueOrderId', the_order, 'side', r->>'side', 'price', r->>'price',
          'quantity', r->>'quantity', 'amount', r->'amount', 'fee', r->>'fee', 'feeAsset', r->>'feeAsset')) from jsonb_array_elements(fills_told) r)));
  end if;
  insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status, time_in_force,
      purpose, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, venue_order_id, venue_status,
      venue_executed_quantity, control_version, epoch, final_at)
    -- Not under the name that the other hand gave it, who may use that again: of the order the venue's number is known.
    select the_intent, the_intent, d.account, the_strategy, of_position.strategy_version, the_instrument,
        of_position.base, of_position.quote, 'close', 'sell', 'filled', 'GTC', 'exit', sum((t->>'quantity')::numeric), min((t->>'price')::numeric), 0, 0,
        sum((t->>'quantity')::numeric), sum((t->>'quantity')::numeric * (t->>'price')::numeric), the_order, 'filled', sum((t->>'quantity')::numeric),
        (select version from control where account = d.account), (select epoch from instance), clock_timestamp()
      from jsonb_array_elements(fills_told) t
    on conflict do nothing;
  if not found then raise exception 'an order of ours has its name already' using errcode = 'KE003'; end if;
  insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side,
      event_time, amount, difference_id)
    select d.account, the_instrument, f->>'venueTradeId', the_order, the_intent, f->>'side', (f->>'price')::numeric, (f->>'quantity')::numeric,
        (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide', (f->>'eventTime')::bigint, (f->>'amount')::numeric, d.difference_id
      from jsonb_array_elements(fills_told) with ordinality told (f, n) order by n;
  changes := changes_of_fills(fills_told, of_position.base, of_position.quote);
  perform post_entries(d.account, changes, the_intent, null, null);
  perform move_balances(d.account, changes);
  insert into audit_events (kind, account, subject, data)
    select 'fill.booked', d.account, p->>'subject', f || jsonb_build_object('intentId', the_intent, 'strategy', the_strategy, 'byHand', true,
        'differenceId', d.difference_id::text, 'incidentId', d.incident_id::text, 'reason', p->>'reason', 'underKey', p->>'underKey')
      from jsonb_array_elements(fills_told) with ordinality told (f, n) order by n;
  perform assert_position(d.account, the_strategy, the_instrument, w);
  update positions set quantity = (w->>'quantity')::numeric, cost = (w->>'cost')::numeric, realized_pnl = (w->>'realizedPnl')::numeric,
      version = version + 1, updated_at = clock_timestamp()
    where account = d.account and strategy = the_strategy and instrument = the_instrument;
  -- Its owner sees that it is over, or makes the stop fit what is left.
  insert into outbox (kind, data) values ('positionChanged', jsonb_build_object('account', d.account, 'strategy', the_strategy,
    'instrument', the_instrument, 'because', 'lateEvidence'));
  return jsonb_build_object('result', 'done');
end $$;

-- What a decision books next of the fills of an order by another hand, each with the id of its movement. What it has booked already, before a process
-- died, is left out.
create function fills_to_book(d reconciliation_differences, most integer) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(f || jsonb_build_object('movementId', id) order by n), '[]') from (
    select f, n, id from jsonb_array_elements(d.evidence->'venue'->'fills') with ordinality told (f, n)
      cross join lateral (select md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || (f->>'venueTradeId') || ':'
        || (f->>'venueOrderId'))::uuid as id) named
      -- Each by its own index, whatever the planner thinks of how many there are.
      left join lateral (select true as is_there from ledger_movements m where m.movement_id = named.id limit 1) booked on true
      where is_there is null order by n limit most) next
$$;

-- As before, and: a sale by another hand may be booked for the strategy that held what it sold; and with a fill that is taken back goes what
-- was entered beside it. What an order by another hand has filled is booked in parts (`more`), each a statement of its own: nothing that trades waits
-- long for the locks, however many they are. The last of them is the decision.
create or replace function decide_one_difference(p jsonb) returns jsonb language plpgsql as $$
declare
  d reconciliation_differences;
  answer text := 'done';
  moved record;
  fills_told jsonb;
  evidence jsonb;
  part_size constant integer := 200;
  is_last boolean := true;
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
  evidence := d.evidence;

  if p->>'decision' = 'adopt' then
    answer := adopt_order(d, p->>'strategy');
  elsif p->>'decision' = 'cancel' then
    answer := coalesce(cancel_refusal(d), answer);
  elsif p->>'decision' = 'book' then
    if d.class = 'orphanOrder' and p->>'strategy' is null then
      fills_told := fills_to_book(d, part_size + 1);
      is_last := jsonb_array_length(fills_told) <= part_size;
      if jsonb_array_length(fills_told) > 0 then
        d.evidence := jsonb_set(d.evidence, '{venue,fills}', case when is_last then fills_told else fills_told - part_size end);
      end if;
    end if;
    answer := coalesce(booking_refusal(d), case when corrects_fill(d) then correction_refusal(d) end, answer);
    if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;
    fills_told := case when d.class = 'orphanOrder' then coalesce(d.evidence->'venue'->'fills', '[]') else '[]' end;
    cause := jsonb_build_object('account', d.account, 'incidentId', d.incident_id::text, 'reason', p->>'reason', 'subject', p->>'subject',
      'underKey', p->>'underKey');
    if p->>'strategy' is not null then
      answer := coalesce(sale_refusal(d, p->>'strategy'), answer);
      if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;
      if not may_book(cause) then return jsonb_build_object('result', 'impossible', 'why', 'the ledger refuses: person'); end if;
      booked := book_sale(d, p);
      if booked->>'result' <> 'done' then return booked; end if;
    elsif corrects_fill(d) then
      if not may_book(cause) then return jsonb_build_object('result', 'impossible', 'why', 'the ledger refuses: person'); end if;
      booked := correct_fill(d, p);
      if booked->>'result' <> 'done' then return booked; end if;
      if d.evidence->'ledger' ? 'bookedBeside' then
        for moved in select key as asset, value as amount from jsonb_each_text(d.deltas) order by key loop
          perform assert_booked(book_movement(cause || jsonb_build_object(
            'movementId', md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || moved.asset)::uuid,
            'asset', moved.asset, 'amount', trim_scale(-moved.amount::numeric)::text, 'kind', 'correction',
            'eventTime', epoch_ms(d.first_seen_at))));
        end loop;
      end if;
    elsif jsonb_array_length(fills_told) > 0 then
      -- Trades by another hand stand in the books as what they are: fills, of no order of ours.
      perform assert_booked(book_foreign_fills(cause || jsonb_build_object('fills', fills_told)));
      if not is_last then return jsonb_build_object('result', 'more'); end if;
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
    'reason', p->>'reason', 'underKey', p->>'underKey', 'evidence', evidence));
  perform close_incident(jsonb_build_object('incidentId', d.incident_id::text, 'subject', p->>'subject', 'underKey', p->>'underKey',
    'reason', p->>'reason'));
  return jsonb_build_object('result', 'done');
end $$;
