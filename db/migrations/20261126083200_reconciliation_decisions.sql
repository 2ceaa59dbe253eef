-- What a person decides about a difference that waits for one.

-- A person takes an order of the venue over: from now on it is looked after like one of ours. Answers done, or why not.
create function adopt_order(d reconciliation_differences, the_strategy text) returns text language plpgsql as $$
declare
  v jsonb := d.evidence->'venue'->'order';
  s active_strategies;
  rules jsonb;
  is_buy boolean := v->>'side' = 'buy';
  leaves numeric := (v->>'quantity')::numeric;
begin
  if v is null or v = 'null' or d.subject not like 'order:%' then return 'the venue shows no open order'; end if;
  -- With the order all its fills would be booked, those that are in the books already once more.
  if exists (select from reconciliation_differences b where b.account = d.account and b.subject = d.subject and b.decision = 'book')
      or exists (select from fills b where b.account = d.account and b.instrument = v->>'instrument' and b.venue_order_id = v->>'venueOrderId') then
    return 'a fill of it is booked already; cancel the order, and book what else it has filled';
  end if;
  select * into s from active_strategies where account = d.account and strategy = the_strategy and instrument = v->>'instrument';
  if not found then return format('%s does not trade %s here', coalesce(the_strategy, 'no strategy'), v->>'instrument'); end if;
  select n.rules into rules from instruments n join accounts a using (venue) where a.account = d.account and n.instrument = v->>'instrument';
  if not found then return 'the filters of its instrument are not known'; end if;
  if not is_buy and leaves > coalesce((select q.quantity from positions q where q.account = d.account and q.strategy = s.strategy
        and q.instrument = s.instrument), 0)
      - coalesce((select sum(o.reserved_quantity) from orders o where o.account = d.account and o.strategy = s.strategy
        and o.instrument = s.instrument and o.side = 'sell' and o.final_at is null), 0) then
    return 'it sells more than the strategy holds beside its stop';
  end if;
  insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
      time_in_force, purpose, quantity, price, reserved_quantity, reserved_notional, venue_order_id, control_version, epoch,
      signed_timestamp, failures)
    values ('adopted:' || d.account || ':' || replace(s.instrument, '/', '-') || ':' || (v->>'venueOrderId'), v->>'clientOrderId', d.account,
      s.strategy, s.version, s.instrument, rules->>'base', rules->>'quote', case when is_buy then 'open' else 'close' end, v->>'side',
      'accepted', 'GTC', case when is_buy then 'entry' else 'exit' end, leaves, (v->>'price')::numeric, leaves,
      case when is_buy then leaves * (v->>'price')::numeric else 0 end, v->>'venueOrderId',
      (select version from control where account = d.account), (select epoch from instance), (v->>'createdTime')::bigint, '[]')
    on conflict do nothing;
  if not found then return 'an order of ours has its name already'; end if;
  return 'done';
end $$;

-- Why a difference cannot be entered in the ledger as a movement; null: it can. Under the lock of the account's risk state.
create function booking_refusal(d reconciliation_differences) returns text language plpgsql as $$
declare
  fills_told jsonb := case when d.class = 'orphanOrder' then coalesce(d.evidence->'venue'->'fills', '[]') else '[]' end;
begin
  if d.deltas = '{}' then return 'it moves nothing'; end if;
  if d.class = 'missedFill' or exists (select from jsonb_array_elements(fills_told) f join orders o
      on o.account = d.account and o.instrument = f->>'instrument' and o.venue_order_id = f->>'venueOrderId') then
    return 'the fill is booked with its order (P15); entered besides it would be in the books twice';
  end if;
  if exists (select from jsonb_array_elements(fills_told) f where is_booked(f || jsonb_build_object('account', d.account))) then
    return 'a fill of it is in the books already; compare again';
  end if;
  -- The amount is what was missing then.
  if d.class = 'balanceMovement' and (d.evidence->'ledger'->>'balance')::numeric is distinct from
      coalesce((select quantity from inventory where account = d.account and asset = d.evidence->'ledger'->>'asset'), 0)
      + coalesce((select quantity from ledger_balances where account = d.account and asset = d.evidence->'ledger'->>'asset'), 0) then
    return 'the books have moved since; compare again';
  end if;
  return null;
end $$;

-- Why there is nothing that could be canceled for a difference; null: there is.
create function cancel_refusal(d reconciliation_differences) returns text language plpgsql as $$
declare
  v jsonb := d.evidence->'venue';
begin
  if d.class not in ('orphanOrder', 'duplicate', 'orphanedWorkflow')
      or (d.class = 'orphanOrder' and coalesce(v->'order', 'null') = 'null' and not v ? 'clientOrderId')
      or (d.class = 'duplicate' and coalesce(v->>'clientOrderId', '') = '') then
    return 'there is nothing at the venue to cancel';
  end if;
  -- A cancel goes by the name, and the venue may take ours.
  if d.class = 'duplicate' and exists (select from orders where account = d.account and client_order_id = v->>'clientOrderId'
      and final_at is null) then
    return 'an order of ours has the same name and works still: cancel that one first, or this one by its number at the venue itself';
  end if;
  return null;
end $$;

-- What a person decides about a difference that waits for one. With it the incident is closed. Answers {result, why?}: done | unknown |
-- notOpen | impossible.
create function decide_difference(p jsonb) returns jsonb language plpgsql as $$
declare
  d reconciliation_differences;
  answer text := 'done';
  moved record;
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
    answer := coalesce(booking_refusal(d), answer);
    if answer <> 'done' then return jsonb_build_object('result', 'impossible', 'why', answer); end if;
    for moved in select key as asset, value as amount from jsonb_each_text(d.deltas) order by key loop
      -- Its own name for each asset and each time that it is a person's, so that the decision made twice books once; the venue has none
      -- for what it does not explain.
      booked := book_movement(jsonb_build_object(
        'movementId', md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || moved.asset)::uuid,
        'account', d.account, 'asset', moved.asset, 'amount', moved.amount,
        'kind', case when d.class <> 'balanceMovement' then 'correction' when moved.amount like '-%' then 'withdrawal' else 'deposit' end,
        'eventTime', coalesce(d.event_time, epoch_ms(d.first_seen_at)), 'incidentId', d.incident_id::text,
        'reason', p->>'reason', 'subject', p->>'subject', 'underKey', p->>'underKey'));
      -- All of it or nothing.
      if booked->>'kind' not in ('booked', 'known') then
        raise exception 'the ledger refuses: %', coalesce(booked->>'why', booked->>'kind') using errcode = 'KE003';
      end if;
    end loop;
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
