-- A clock of the database's that was ahead and is set back, for what is authorised: by its hours it could be sent for as long as the step, however old
-- it was by then (P5). Whoever wants it makes another.

-- P5. As before, and: what was authorised at a time to come is refused.
create or replace function begin_submit(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  c control;
  a accounts;
  refusal text;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  select * into o from orders where intent_id = p->>'intentId';
  if not found then return jsonb_build_object('result', 'absent'); end if;
  if o.status <> 'authorised' then return jsonb_build_object('result', 'stored', 'order', order_json(o)); end if;
  select * into c from control where account = o.account for share;
  select * into a from accounts where account = o.account;

  if exists (
    select from latches l where l.released_at is null and (
      l.scope = 'everything'
      or (l.scope = 'venue' and l.scope_value = a.venue)
      or (l.scope = 'account' and l.scope_value = o.account)
      or (l.scope = 'strategy' and l.scope_value = o.strategy and coalesce(l.account, o.account) = o.account)
      or (l.scope = 'instrument' and l.scope_value = o.instrument and coalesce(l.account, o.account) = o.account)))
  then refusal := 'RISK_KILLED';
  elsif c.version <> o.control_version then refusal := 'RISK_CONTROL_CHANGED';
  elsif clock_timestamp() > o.authorised_until or not_ahead(o.created_at) is null then refusal := 'RISK_AUTHORISATION_EXPIRED';
  -- What the venue has shown since (an order that was called not placed, for one) may already be this entry (P13).
  elsif o.leg = 'open' and exists (select from blocked_instruments b where b.account = o.account and b.instrument = o.instrument)
  then refusal := 'RISK_INSTRUMENT_BLOCKED';
  elsif o.leg = 'open' and exists (select from strategy_switches w
      where w.account = o.account and w.strategy = o.strategy and w.disabled_reason is not null)
  then refusal := 'RISK_STRATEGY_DISABLED';
  end if;

  if refusal is null then
    update orders set status = 'submitting', signed_timestamp = (p->>'signedTimestamp')::bigint,
      receive_window_ms = (p->>'receiveWindowMs')::integer, clock_error_ms = (p->>'clockErrorMs')::integer,
      version = version + 1, updated_at = clock_timestamp()
      where intent_id = o.intent_id and status = 'authorised' returning * into o;
    if found then
      perform write_events(p);
      return jsonb_build_object('result', 'submitting', 'order', order_json(o));
    end if;
  else
    update risk_state set version = version + 1 where account = o.account;
    update orders set status = 'expired', reserved_quantity = 0, reserved_notional = 0, version = version + 1,
      -- An older build has no words for what it did not ask.
      failures = failures || jsonb_build_array(coalesce(p->'refusals'->refusal, p->'refusals'->'RISK_CONTROL_CHANGED')),
      updated_at = clock_timestamp(), final_at = clock_timestamp()
      where intent_id = o.intent_id and status = 'authorised' returning * into o;
    if found then
      insert into audit_events (kind, account, data) values ('order.expired', o.account,
        jsonb_build_object('intentId', o.intent_id, 'instrument', o.instrument, 'side', o.side, 'strategy', o.strategy,
          'quantity', o.quantity::text, 'price', o.price::text, 'code', refusal));
      return jsonb_build_object('result', 'refused', 'order', order_json(o));
    end if;
  end if;
  select * into o from orders where intent_id = p->>'intentId';
  return jsonb_build_object('result', 'stored', 'order', order_json(o));
end $$;

-- P5 as the kill. As before, and: the same.
create or replace function begin_submit_as_kill(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  c control;
  refusal text;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  select * into o from orders where intent_id = p->>'intentId';
  if not found then return jsonb_build_object('result', 'absent'); end if;
  if o.status <> 'authorised' then return jsonb_build_object('result', 'stored', 'order', order_json(o)); end if;
  refusal := kill_refusal(o.account, o.strategy, o.instrument, o.purpose, p->>'leaseOwner');
  select * into c from control where account = o.account for share;
  -- Asked again under the lock of the control row: a release that came meanwhile is seen.
  if refusal is null then
    refusal := kill_refusal(o.account, o.strategy, o.instrument, o.purpose, p->>'leaseOwner');
  end if;
  if refusal is not null then refusal := 'RISK_KILLED';
  elsif c.version <> o.control_version then refusal := 'RISK_CONTROL_CHANGED';
  elsif clock_timestamp() > o.authorised_until or not_ahead(o.created_at) is null then refusal := 'RISK_AUTHORISATION_EXPIRED';
  end if;
  if refusal is null then
    update orders set status = 'submitting', signed_timestamp = (p->>'signedTimestamp')::bigint,
      receive_window_ms = (p->>'receiveWindowMs')::integer, clock_error_ms = (p->>'clockErrorMs')::integer,
      version = version + 1, updated_at = clock_timestamp()
      where intent_id = o.intent_id and status = 'authorised' returning * into o;
    if found then
      perform write_events(p);
      return jsonb_build_object('result', 'submitting', 'order', order_json(o));
    end if;
  else
    update risk_state set version = version + 1 where account = o.account;
    update orders set status = 'expired', reserved_quantity = 0, reserved_notional = 0, version = version + 1,
      failures = failures || jsonb_build_array(p->'refusals'->refusal),
      updated_at = clock_timestamp(), final_at = clock_timestamp()
      where intent_id = o.intent_id and status = 'authorised' returning * into o;
    if found then
      insert into audit_events (kind, account, data) values ('order.expired', o.account,
        jsonb_build_object('intentId', o.intent_id, 'instrument', o.instrument, 'side', o.side, 'strategy', o.strategy,
          'quantity', o.quantity::text, 'price', o.price::text, 'code', refusal));
      return jsonb_build_object('result', 'refused', 'order', order_json(o));
    end if;
  end if;
  select * into o from orders where intent_id = p->>'intentId';
  return jsonb_build_object('result', 'stored', 'order', order_json(o));
end $$;
