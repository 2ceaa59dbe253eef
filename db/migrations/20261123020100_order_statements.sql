-- The statements of the order protocol. Each is called alone, in autocommit: what they decide on was decided in
-- core/, they only write it over the versions that the decision saw. Locks are always taken in the order
-- control -> risk_state -> orders -> positions.

create function order_json(o orders) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'intentId', o.intent_id, 'clientOrderId', o.client_order_id, 'signalId', o.signal_id, 'account', o.account,
    'strategy', o.strategy, 'strategyVersion', o.strategy_version, 'instrument', o.instrument, 'base', o.base,
    'quote', o.quote, 'leg', o.leg, 'side', o.side, 'status', o.status, 'timeInForce', o.time_in_force,
    'quantity', o.quantity::text, 'price', o.price::text, 'reservedQuantity', o.reserved_quantity::text,
    'reservedNotional', o.reserved_notional::text, 'executedQuantity', o.executed_quantity::text,
    'executedNotional', o.executed_notional::text, 'venueOrderId', o.venue_order_id, 'venueStatus', o.venue_status,
    'venueExecutedQuantity', o.venue_executed_quantity::text, 'signedTimestamp', o.signed_timestamp,
    'receiveWindowMs', o.receive_window_ms, 'failures', o.failures, 'version', o.version,
    'createdTime', floor(extract(epoch from o.created_at) * 1000)::bigint,
    'updatedTime', floor(extract(epoch from o.updated_at) * 1000)::bigint,
    'isFinal', o.final_at is not null)
$$;

create function write_events(p jsonb) returns void language sql as $$
  insert into audit_events (kind, account, subject, data)
    select e->>'kind', e->>'account', e->>'subject', e->'data' from jsonb_array_elements(coalesce(p->'audit', '[]')) e;
  insert into outbox (kind, data)
    select e->>'kind', e->'data' from jsonb_array_elements(coalesce(p->'outbox', '[]')) e;
  with opened as (
    insert into incidents (incident_key, account, kind, data)
      select e->>'key', e->>'account', e->>'kind', e->'data' from jsonb_array_elements(coalesce(p->'incidents', '[]')) e
      on conflict (incident_key) do nothing returning account, kind, data)
  insert into audit_events (kind, account, data)
    select 'incident.opened', account, data || jsonb_build_object('incident', kind) from opened;
  insert into blocked_instruments (account, instrument, reason)
    select e->>'account', e->>'instrument', e->>'reason' from jsonb_array_elements(coalesce(p->'blocks', '[]')) e
    on conflict (account, instrument) do nothing;
$$;

create function is_current_epoch(p jsonb) returns boolean language sql stable as $$
  select epoch = (p->>'epoch')::integer from instance
$$;

-- A signal is stored once; a second one of the same key changes nothing.
create function store_signal(p jsonb, traded boolean) returns void language sql as $$
  insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, model_hash,
    features, score, threshold, reference_price, stop_distance_ratio, reason, decided_time, valid_until, outcome, failures)
  values (p->>'signalId', p->>'account', p->>'strategy', p->>'instrument', (p->>'barCloseTime')::bigint, p->>'leg',
    p->>'strategyVersion', p->>'modelHash', p->'features', (p->>'score')::double precision,
    (p->>'threshold')::double precision, (p->>'referencePrice')::numeric, (p->>'stopDistanceRatio')::double precision,
    p->>'reason', (p->>'decidedTime')::bigint, (p->>'validUntil')::bigint,
    case when traded then 'traded' else 'notTraded' end, coalesce(p->'failures', '[]'))
  on conflict do nothing
$$;

-- A signal that never became an order: recorded with its reasons, audited once.
create function record_untraded_signal(p jsonb) returns boolean language plpgsql as $$
begin
  perform store_signal(p->'signal', false);
  if (select outcome from signals where signal_id = p->'signal'->>'signalId') <> 'notTraded' then return false; end if;
  if exists (select from audit_events where kind = 'signal.notTraded' and data->>'signalId' = p->'signal'->>'signalId') then
    return false;
  end if;
  perform write_events(p);
  return true;
end $$;
create index audit_untraded on audit_events ((data->>'signalId')) where kind = 'signal.notTraded';

-- P4: the verdict of the gate, its reservation and its order row. Answers
-- stored | written | untraded | conflict | epoch.
create function authorise_order(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  approved boolean := p->>'verdict' = 'authorised';
  d jsonb := p->'order';
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
  end if;

  perform store_signal(p->'signal', approved);
  -- A signal is an order or it is on record as not traded, never both: who started it may have given up and recorded it
  -- while a step that had stalled was still about to authorise it (P1). Whoever writes the signal's row first is right.
  if approved then
    select failures into refusals from signals where signal_id = p->'signal'->>'signalId' and outcome = 'notTraded';
    if found then return jsonb_build_object('result', 'untraded', 'failures', refusals); end if;
  end if;
  insert into orders (intent_id, client_order_id, signal_id, account, strategy, strategy_version, instrument, base, quote,
    leg, side, status, time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch,
    authorised_until, failures, final_at)
  values (d->>'intentId', d->>'clientOrderId', p->'signal'->>'signalId', d->>'account', d->>'strategy',
    d->>'strategyVersion', d->>'instrument', d->>'base', d->>'quote', d->>'leg', d->>'side', p->>'verdict',
    d->>'timeInForce', (d->>'quantity')::numeric, (d->>'price')::numeric, (d->>'reservedQuantity')::numeric,
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

-- P5: authorised -> submitting, or proven unsent. Answers submitting | stored | refused | epoch.
create function begin_submit(p jsonb) returns jsonb language plpgsql as $$
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

-- Writes an order's next state over the version it was decided on. Answers written | conflict | epoch.
create function write_order_state(d jsonb) returns boolean language plpgsql as $$
begin
  update orders set status = d->>'status', reserved_quantity = (d->>'reservedQuantity')::numeric,
    reserved_notional = (d->>'reservedNotional')::numeric, executed_quantity = (d->>'executedQuantity')::numeric,
    executed_notional = (d->>'executedNotional')::numeric, venue_order_id = d->>'venueOrderId',
    venue_status = d->>'venueStatus', venue_executed_quantity = (d->>'venueExecutedQuantity')::numeric,
    failures = failures || coalesce(d->'failures', '[]'), version = version + 1, updated_at = clock_timestamp(),
    final_at = case when (d->>'isFinal')::boolean then coalesce(final_at, clock_timestamp()) end
    where intent_id = d->>'intentId' and version = (d->>'version')::bigint;
  return found;
end $$;

create function change_order(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  update risk_state set version = version + 1 where account = p->'order'->>'account';
  if not write_order_state(p->'order') then return jsonb_build_object('result', 'conflict'); end if;
  perform write_events(p);
  select * into o from orders where intent_id = p->'order'->>'intentId';
  return jsonb_build_object('result', 'written', 'order', order_json(o));
end $$;

create function is_booked(f jsonb) returns boolean language sql volatile as $$
  select exists (select from fills where account = f->>'account' and instrument = f->>'instrument'
    and venue_trade_id = f->>'venueTradeId' and venue_order_id = f->>'venueOrderId')
$$;

-- P15: fill, order, position, ledger and audit in one statement, applied only if the fill is new.
-- Answers applied | duplicate | conflict | epoch.
create function book_fill(p jsonb) returns jsonb language plpgsql as $$
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
    liquidity_side, event_time)
  values (f->>'account', f->>'instrument', f->>'venueTradeId', f->>'venueOrderId', f->>'intentId', f->>'side',
    (f->>'price')::numeric, (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide',
    (f->>'eventTime')::bigint);
  insert into ledger_entries (account, asset, delta, kind, intent_id, venue_trade_id)
    select f->>'account', e->>'asset', (e->>'delta')::numeric, e->>'kind', f->>'intentId', f->>'venueTradeId'
    from jsonb_array_elements(p->'entries') e;
  insert into ledger_balances as held (account, asset, quantity)
    select f->>'account', e->>'asset', sum((e->>'delta')::numeric) from jsonb_array_elements(p->'entries') e group by e->>'asset'
    on conflict (account, asset) do update set quantity = held.quantity + excluded.quantity;
  perform write_events(p);
  select * into o from orders where intent_id = f->>'intentId';
  return jsonb_build_object('result', 'applied', 'order', order_json(o));
end $$;

-- Mode of an account, changed because a person's command row says so; the same command changes it once.
create function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid for update;
  if not found or m.account <> p->>'account' or m.kind <> p->>'kind' then
    return jsonb_build_object('result', 'noCommand');
  end if;
  select * into c from control where account = m.account for update;
  if m.applied_at is null then
    update commands set applied_at = clock_timestamp() where command_id = m.command_id;
    update control set mode = p->>'mode', version = version + 1, updated_at = clock_timestamp()
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id));
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- What the configuration says of an account. A change of limits or of an active version bumps the control row, so that
-- no order authorised before it can still be sent (P5).
create function apply_configuration(p jsonb) returns boolean language plpgsql as $$
declare
  changed boolean := false;
  touched integer;
begin
  insert into accounts (account, venue) values (p->>'account', p->>'venue') on conflict do nothing;
  insert into control (account) values (p->>'account') on conflict do nothing;
  insert into risk_state (account, limits) values (p->>'account', p->'limits') on conflict do nothing;
  get diagnostics touched = row_count;
  changed := touched > 0;
  perform from control where account = p->>'account' for update;
  update risk_state set limits = p->'limits', version = version + 1
    where account = p->>'account' and limits <> p->'limits';
  changed := changed or found;
  delete from active_strategies where account = p->>'account' and not exists (
    select from jsonb_array_elements(p->'strategies') s
    where s->>'strategy' = active_strategies.strategy and s->>'instrument' = active_strategies.instrument);
  changed := changed or found;
  insert into active_strategies as had (account, strategy, instrument, version, model_hash)
    select p->>'account', s->>'strategy', s->>'instrument', s->>'version', s->>'modelHash'
    from jsonb_array_elements(p->'strategies') s
    on conflict (account, strategy, instrument) do update set version = excluded.version, model_hash = excluded.model_hash
    where (had.version, had.model_hash) is distinct from (excluded.version, excluded.model_hash);
  changed := changed or found;
  if changed then
    update control set version = version + 1, updated_at = clock_timestamp() where account = p->>'account';
    insert into audit_events (kind, account, subject, data) values ('config.applied', p->>'account', p->>'subject', p - 'account');
  end if;
  return changed;
end $$;

-- What the account held before us, written once: the venue's balance is this plus the ledger (protocol, Rows).
create function onboard_account(the_account text, held jsonb) returns boolean language plpgsql as $$
begin
  update accounts set onboarded_at = clock_timestamp() where account = the_account and onboarded_at is null;
  if not found then return false; end if;
  insert into inventory (account, asset, quantity)
    select the_account, key, value::numeric from jsonb_each_text(held);
  insert into audit_events (kind, account, data) values ('account.onboarded', the_account, jsonb_build_object('inventory', held));
  return true;
end $$;
