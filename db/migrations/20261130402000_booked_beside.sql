-- Until 0.6.0 the decision `book` on a fill of ours that the venue has not, or tells otherwise, entered the opposite in the inventory, and left the fill
-- where it was: balances were right, and the strategy held units that do not exist, for which its stop offered the account's own. Such a fill
-- is found by the next comparison, and the decision `book` on what it finds takes it back where it was booked, and with it what was entered beside it.

-- The fills that a decision of then has left: each as its difference told it, with the number of that as `bookedBeside`. What was taken back since is none.
create function booked_beside(the_account text) returns setof jsonb language sql stable as $$
  select jsonb_build_object('id', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'deltas', d.deltas,
      'evidence', jsonb_set(d.evidence, '{ledger,bookedBeside}', to_jsonb(d.difference_id::text)))
    from reconciliation_differences d
    where d.account = the_account and d.decision = 'book' and corrects_fill(d) and not d.evidence->'ledger' ? 'bookedBeside'
      and not exists (select from fills c where c.difference_id = d.difference_id)
      and exists (select from fills f where f.account = d.account and f.instrument = d.evidence->'ledger'->>'instrument'
        and f.venue_trade_id = d.evidence->'ledger'->>'venueTradeId' and f.venue_order_id = d.evidence->'ledger'->>'venueOrderId'
        and f.intent_id = d.evidence->'ledger'->>'intentId'
        and not exists (select from fills r where r.account = f.account and r.instrument = f.instrument
          and r.venue_order_id = f.venue_order_id and r.reverses = f.venue_trade_id))
      and d.deltas <> '{}' and not exists (select from jsonb_each_text(d.deltas) e where not exists (select from ledger_movements m
        where m.movement_id = md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || e.key)::uuid and m.amount = e.value::numeric))
$$;
create index fills_of_difference on fills (difference_id) where difference_id is not null;

-- As before, and: what takes back what was entered beside a fill that is taken back with it.
create or replace function is_shown_at_venue(the_account text, the_asset text, the_amount numeric, the_incident text) returns boolean
language sql stable as $$
  select exists (select from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.deltas ? the_asset
    and case when d.class = 'balanceMovement'
      then sign((d.deltas->>the_asset)::numeric) = sign(the_amount) and abs((d.deltas->>the_asset)::numeric) >= abs(the_amount)
        and (d.evidence->'ledger'->>'balance')::numeric = booked_balance(the_account, the_asset)
      else (d.deltas->>the_asset)::numeric = case when d.evidence->'ledger' ? 'bookedBeside' then -the_amount else the_amount end
        and d.incident_id::text = the_incident
        and not exists (select from ledger_movements b where b.incident_id = d.incident_id and b.asset = the_asset) end)
$$;

-- As before, and: with a fill that is taken back what was entered beside it.
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

-- As before, and: fills that a decision of an earlier build has left where they were.
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
