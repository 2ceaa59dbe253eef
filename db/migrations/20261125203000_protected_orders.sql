-- Stops, resting orders and the owners of positions. What an older build still calls goes on to work: new fields of the
-- statements are optional.

alter table orders add column purpose text not null default 'entry' check (purpose in ('entry', 'exit', 'stop', 'escape'));
update orders set purpose = 'exit' where leg = 'close';
alter table orders add column order_type text not null default 'limit' check (order_type in ('limit', 'stopLimit', 'stopMarket'));
alter table orders add column post_only boolean not null default false;
alter table orders add column stop_price numeric;
-- When the venue first showed that the price of a stop was reached, by our clock.
alter table orders add column triggered_at timestamptz;
-- Until when a resting order may work, epoch ms in the venue's time; then it is canceled, whoever looks at it.
alter table orders add column working_until bigint;
-- Counts the orders of one kind that a position has had; part of the intent's id.
alter table orders add column sequence integer not null default 1;
alter table orders add column sizing jsonb;
create index orders_position on orders (account, strategy, instrument, created_at desc);

alter table signals add column volatility_ratio double precision;

create or replace function order_json(o orders) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'intentId', o.intent_id, 'clientOrderId', o.client_order_id, 'signalId', o.signal_id, 'account', o.account,
    'strategy', o.strategy, 'strategyVersion', o.strategy_version, 'instrument', o.instrument, 'base', o.base,
    'quote', o.quote, 'leg', o.leg, 'side', o.side, 'status', o.status, 'timeInForce', o.time_in_force,
    'purpose', o.purpose, 'type', o.order_type, 'postOnly', o.post_only, 'sequence', o.sequence,
    'quantity', o.quantity::text, 'price', o.price::text, 'stopPrice', o.stop_price::text,
    'reservedQuantity', o.reserved_quantity::text, 'reservedNotional', o.reserved_notional::text,
    'executedQuantity', o.executed_quantity::text, 'executedNotional', o.executed_notional::text,
    'venueOrderId', o.venue_order_id, 'venueStatus', o.venue_status,
    'venueExecutedQuantity', o.venue_executed_quantity::text, 'signedTimestamp', o.signed_timestamp,
    'receiveWindowMs', o.receive_window_ms, 'workingUntil', o.working_until,
    'triggeredTime', floor(extract(epoch from o.triggered_at) * 1000)::bigint, 'failures', o.failures, 'version', o.version,
    'createdTime', floor(extract(epoch from o.created_at) * 1000)::bigint,
    'updatedTime', floor(extract(epoch from o.updated_at) * 1000)::bigint,
    'isFinal', o.final_at is not null)
$$;

create or replace function store_signal(p jsonb, traded boolean) returns void language sql as $$
  insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, model_hash,
    features, score, threshold, reference_price, stop_distance_ratio, volatility_ratio, reason, decided_time, valid_until,
    outcome, failures)
  values (p->>'signalId', p->>'account', p->>'strategy', p->>'instrument', (p->>'barCloseTime')::bigint, p->>'leg',
    p->>'strategyVersion', p->>'modelHash', p->'features', (p->>'score')::double precision,
    (p->>'threshold')::double precision, (p->>'referencePrice')::numeric, (p->>'stopDistanceRatio')::double precision,
    (p->>'volatilityRatio')::double precision, p->>'reason', (p->>'decidedTime')::bigint, (p->>'validUntil')::bigint,
    case when traded then 'traded' else 'notTraded' end, coalesce(p->'failures', '[]'))
  on conflict do nothing
$$;

-- P4. Besides what it did before: orders without a signal (stops, escapes), several intents of one signal, and types. A
-- denied intent without a signal is not stored: its sequence is free for the next try.
create or replace function authorise_order(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  approved boolean := p->>'verdict' = 'authorised';
  d jsonb := p->'order';
  has_signal boolean := jsonb_typeof(p->'signal') = 'object';
  refusals jsonb;
begin
  select * into o from orders where intent_id = d->>'intentId';
  if found then return jsonb_build_object('result', 'stored', 'order', order_json(o)); end if;
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;

  if approved then
    perform from control where account = d->>'account' and version = (d->>'controlVersion')::bigint for share;
    if not found then return jsonb_build_object('result', 'conflict'); end if;
    update risk_state set version = version + 1
      where account = d->>'account' and version = (p->>'riskVersion')::bigint;
    if not found then return jsonb_build_object('result', 'conflict'); end if;
  elsif not has_signal then
    perform write_events(p);
    return jsonb_build_object('result', 'denied');
  end if;

  if has_signal then
    perform store_signal(p->'signal', approved);
    -- A signal is an order or it is on record as not traded, never both: who started it may have given up and recorded it
    -- while a step that had stalled was still about to authorise it (P1). Whoever writes the signal's row first is right.
    if approved then
      select failures into refusals from signals where signal_id = p->'signal'->>'signalId' and outcome = 'notTraded';
      if found then return jsonb_build_object('result', 'untraded', 'failures', refusals); end if;
    end if;
  end if;
  insert into orders (intent_id, client_order_id, signal_id, account, strategy, strategy_version, instrument, base, quote,
    leg, side, status, time_in_force, purpose, order_type, post_only, stop_price, working_until, sequence, sizing,
    quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until, failures, final_at)
  values (d->>'intentId', d->>'clientOrderId', case when has_signal then p->'signal'->>'signalId' end, d->>'account',
    d->>'strategy', d->>'strategyVersion', d->>'instrument', d->>'base', d->>'quote', d->>'leg', d->>'side', p->>'verdict',
    d->>'timeInForce', coalesce(d->>'purpose', case when d->>'leg' = 'open' then 'entry' else 'exit' end),
    coalesce(d->>'type', 'limit'), coalesce((d->>'postOnly')::boolean, false), (d->>'stopPrice')::numeric,
    (d->>'workingUntil')::bigint, coalesce((d->>'sequence')::integer, 1), nullif(d->'sizing', 'null'),
    (d->>'quantity')::numeric, (d->>'price')::numeric, (d->>'reservedQuantity')::numeric,
    (d->>'reservedNotional')::numeric, (d->>'controlVersion')::bigint, (p->>'epoch')::integer,
    case when approved then clock_timestamp() + make_interval(secs => (p->>'authorisedForMs')::double precision / 1000) end,
    coalesce(p->'failures', '[]'), case when approved then null else clock_timestamp() end)
  on conflict (intent_id) do nothing
  returning * into o;
  if not found then
    -- Another process authorised the same intent between our look and our insert: its verdict stands, and the
    -- reservation above goes with this statement's failure.
    raise exception 'authorised elsewhere' using errcode = 'KE001';
  end if;
  perform write_events(p);
  return jsonb_build_object('result', 'written', 'order', order_json(o));
end $$;

-- P5, which now also asks whether entries of the instrument were blocked since the gate looked.
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
  elsif clock_timestamp() > o.authorised_until then refusal := 'RISK_AUTHORISATION_EXPIRED';
  -- What the venue has shown since (an order that was called not placed, for one) may already be this entry (P13).
  elsif o.leg = 'open' and exists (select from blocked_instruments b where b.account = o.account and b.instrument = o.instrument)
  then refusal := 'RISK_INSTRUMENT_BLOCKED';
  end if;

  if refusal is null then
    update orders set status = 'submitting', signed_timestamp = (p->>'signedTimestamp')::bigint,
      receive_window_ms = (p->>'receiveWindowMs')::integer, version = version + 1, updated_at = clock_timestamp()
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

create or replace function write_order_state(d jsonb) returns boolean language plpgsql as $$
begin
  update orders set status = d->>'status', reserved_quantity = (d->>'reservedQuantity')::numeric,
    reserved_notional = (d->>'reservedNotional')::numeric, executed_quantity = (d->>'executedQuantity')::numeric,
    executed_notional = (d->>'executedNotional')::numeric, venue_order_id = d->>'venueOrderId',
    venue_status = d->>'venueStatus', venue_executed_quantity = (d->>'venueExecutedQuantity')::numeric,
    triggered_at = case when (d->>'isTriggered')::boolean then coalesce(triggered_at, clock_timestamp()) else triggered_at end,
    failures = failures || coalesce(d->'failures', '[]'), version = version + 1, updated_at = clock_timestamp(),
    final_at = case when (d->>'isFinal')::boolean then coalesce(final_at, clock_timestamp()) end
    where intent_id = d->>'intentId' and version = (d->>'version')::bigint;
  return found;
end $$;

create or replace function read_risk(the_account text, the_strategy text, the_instrument text) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'account', a.account, 'venue', a.venue, 'epoch', (select epoch from instance), 'mode', c.mode,
    'controlVersion', c.version::text, 'riskVersion', r.version::text, 'limits', r.limits,
    'latches', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account)))
      from latches l where l.released_at is null), '[]'),
    'activeVersion', (select s.version from active_strategies s
      where s.account = a.account and s.strategy = the_strategy and s.instrument = the_instrument),
    'positions', coalesce((select jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument,
        'quantity', p.quantity::text, 'cost', p.cost::text))
      from positions p where p.account = a.account and p.quantity <> 0), '[]'),
    'workingOrders', coalesce((select jsonb_agg(jsonb_build_object('intentId', o.intent_id, 'strategy', o.strategy,
        'instrument', o.instrument, 'leg', o.leg, 'side', o.side, 'purpose', o.purpose, 'status', o.status,
        'reservedQuantity', o.reserved_quantity::text, 'reservedNotional', o.reserved_notional::text, 'quote', o.quote))
      from orders o where o.account = a.account and o.final_at is null), '[]'),
    'balances', coalesce((select jsonb_object_agg(held.asset, held.quantity::text) from (
        select asset, sum(quantity) as quantity from (
          select asset, quantity from inventory i where i.account = a.account
          union all select asset, quantity from ledger_balances b where b.account = a.account) both_parts
        group by asset) held), '{}'),
    'blocked', (select b.reason from blocked_instruments b where b.account = a.account and b.instrument = the_instrument),
    'instrument', (select n.rules from instruments n where n.venue = a.venue and n.instrument = the_instrument),
    'databaseTime', floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
  from accounts a join control c using (account) join risk_state r using (account)
  where a.account = the_account
$$;

-- What the owner of a position decides on, of one moment: the gate's view, the orders that are not final, the newest
-- stops and escapes with the number of each, and what the position was opened at.
create function read_protection(the_account text, the_strategy text, the_instrument text) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'risk', read_risk(the_account, the_strategy, the_instrument),
    'working', coalesce((select jsonb_agg(order_json(o) order by o.created_at, o.intent_id) from orders o
      where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.final_at is null), '[]'),
    'recent', coalesce((select jsonb_agg(order_json(o) order by o.created_at desc, o.sequence desc) from (
      (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
        and o.purpose = 'stop' order by o.created_at desc, o.sequence desc limit 12)
      union all
      -- Whether the position is escaping, and how wide, is told by what came since its newest stop, however much that is.
      (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
        and o.purpose = 'escape' order by o.created_at desc, o.sequence desc limit 24)) o), '[]'),
    'stops', (select coalesce(max(sequence), 0) from orders o
      where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'stop'),
    'escapes', (select coalesce(max(sequence), 0) from orders o
      where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'escape'),
    'basis', (select jsonb_build_object('intentId', o.intent_id, 'averagePrice', (o.executed_notional / o.executed_quantity)::text,
        'stopDistanceRatio', s.stop_distance_ratio, 'strategyVersion', o.strategy_version,
        'createdTime', floor(extract(epoch from o.created_at) * 1000)::bigint)
      from orders o left join signals s using (signal_id)
      where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
        and o.executed_quantity > 0 order by o.created_at desc limit 1))
$$;

-- Positions whose venue stop is not exactly what the owner would have it, for whoever looks after owners (P24): nothing
-- that rests protects them, or something rests without a position.
create function unprotected_positions(the_account text) returns jsonb language sql stable as $$
  with held as (
    select strategy, instrument, quantity, cost from positions where account = the_account and quantity > 0),
  resting as (
    select strategy, instrument, sum(reserved_quantity) as quantity, count(*) as orders, count(triggered_at) as awake from orders
      where account = the_account and purpose = 'stop' and final_at is null group by strategy, instrument),
  pairs as (
    select strategy, instrument, coalesce(held.quantity, 0) as held, held.cost, coalesce(resting.quantity, 0) as resting,
        coalesce(resting.orders, 0) as stops, coalesce(resting.awake, 0) as awake
      from held full join resting using (strategy, instrument))
  select coalesce(jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument)), '[]')
  from pairs p join accounts a on a.account = the_account
  left join instruments n on n.venue = a.venue and n.instrument = p.instrument
  where p.stops > 1
    -- Its owner has to see that it sells.
    or p.awake > 0
    or abs(p.held - p.resting) >= greatest(coalesce((n.rules->>'stepSize')::numeric, 0), 0.000000000000000001)
      -- Less than the venue would take is dust, and nobody waits for it.
      and (p.stops > 0 or (p.held >= coalesce((n.rules->>'minQuantity')::numeric, 0)
        and p.cost >= coalesce((n.rules->>'minNotional')::numeric, 0)))
$$;

-- The outbox is drained by whoever claims a row first; a claim ends by itself, so that a drainer's death loses nothing.
alter table outbox add column claimed_until timestamptz;
create function claim_outbox(p jsonb) returns jsonb language sql as $$
  with claimed as (
    update outbox set claimed_until = clock_timestamp() + make_interval(secs => (p->>'forMs')::double precision / 1000)
    where outbox_id in (
      select outbox_id from outbox where done_at is null and (claimed_until is null or claimed_until < clock_timestamp())
        and kind in (select jsonb_array_elements_text(p->'kinds'))
      order by outbox_id limit (p->>'most')::integer for update skip locked)
    returning outbox_id, kind, data)
  select coalesce(jsonb_agg(jsonb_build_object('id', outbox_id::text, 'kind', kind, 'data', data) order by outbox_id), '[]') from claimed
$$;
create function finish_outbox(ids jsonb) returns void language sql as $$
  update outbox set done_at = clock_timestamp()
    where outbox_id in (select id::bigint from jsonb_array_elements_text(ids) id) and done_at is null
$$;
create function tell_outbox() returns trigger language plpgsql as $$
begin
  perform pg_notify('keelson_outbox', '');
  return null;
end $$;
create trigger outbox_told after insert on outbox for each row execute function tell_outbox();
