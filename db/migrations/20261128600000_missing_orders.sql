-- That a working order is shown no more is a fact of the order, beside what is told of it: a person decides on the fact, whatever has become of
-- the incident.

-- Since when its venue does not show it any more; null while it does, and before it was there.
alter table orders add column missing_since timestamptz;

-- As before, and: since when it is missing.
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
    'triggeredTime', floor(extract(epoch from o.triggered_at) * 1000)::bigint,
    'missingTime', floor(extract(epoch from o.missing_since) * 1000)::bigint, 'failures', o.failures, 'version', o.version,
    'createdTime', floor(extract(epoch from o.created_at) * 1000)::bigint,
    'updatedTime', floor(extract(epoch from o.updated_at) * 1000)::bigint,
    'isFinal', o.final_at is not null)
$$;

-- Tells people of an order that went missing. One that is shown now and then makes one incident an hour, as long as that is open.
create function tell_of_missing(o orders) returns void language plpgsql as $$
begin
  if exists (select from incidents i where i.kind = 'workingOrderMissing' and i.account = o.account and i.data->>'intentId' = o.intent_id
    and i.closed_at is null and i.opened_at > clock_timestamp() - interval '1 hour') then return; end if;
  perform write_events(jsonb_build_object('incidents', jsonb_build_array(jsonb_build_object('account', o.account, 'kind', 'workingOrderMissing',
    'key', format('workingOrderMissing:%s:%s', o.intent_id, o.version), 'data', jsonb_build_object('intentId', o.intent_id,
      'clientOrderId', o.client_order_id, 'instrument', o.instrument, 'purpose', o.purpose)))));
end $$;

-- As before, and: whether it is missing. What an older build writes, or what shows the order, ends that.
create or replace function write_order_state(d jsonb) returns boolean language plpgsql as $$
declare
  o orders;
  at timestamptz := clock_timestamp();
begin
  update orders set status = d->>'status', reserved_quantity = (d->>'reservedQuantity')::numeric,
    reserved_notional = (d->>'reservedNotional')::numeric, executed_quantity = (d->>'executedQuantity')::numeric,
    executed_notional = (d->>'executedNotional')::numeric, venue_order_id = d->>'venueOrderId',
    venue_status = d->>'venueStatus', venue_executed_quantity = (d->>'venueExecutedQuantity')::numeric,
    triggered_at = case when (d->>'isTriggered')::boolean then coalesce(triggered_at, clock_timestamp()) else triggered_at end,
    missing_since = case when (d->>'isMissing')::boolean then coalesce(missing_since, at) end,
    failures = failures || coalesce(d->'failures', '[]'), version = version + 1, updated_at = clock_timestamp(),
    final_at = case when (d->>'isFinal')::boolean then coalesce(final_at, clock_timestamp()) end
    where intent_id = d->>'intentId' and version = (d->>'version')::bigint returning * into o;
  if not found then return false; end if;
  if o.missing_since = at then perform tell_of_missing(o); end if;
  return true;
end $$;

-- As before, but of an order that was there it asks whether its venue has not shown it for a minute, and not for an incident: one that somebody
-- had closed made the order undecidable for ever.
create or replace function decide_order(p jsonb) returns text language plpgsql as $$
declare
  o orders;
  account_of text;
  refusal jsonb;
  decided text;
begin
  select account into account_of from orders where intent_id = p->>'intentId';
  if not found then return 'unknown'; end if;
  -- In the order in which every change of an order takes its locks.
  update risk_state set version = version + 1 where account = account_of;
  select * into o from orders where intent_id = p->>'intentId' for update;
  if o.status = 'unknown' then
    decided := 'notPlaced';
    if o.updated_at > clock_timestamp() - interval '60 seconds' then return 'tooSoon'; end if;
  elsif o.status in ('accepted', 'partiallyFilled', 'pendingCancel') and o.missing_since is not null then
    decided := 'canceled';
    if o.missing_since > clock_timestamp() - interval '60 seconds' then return 'tooSoon'; end if;
  else
    return 'settled';
  end if;
  refusal := jsonb_build_object('code', 'ORDER_DECIDED_BY_PERSON', 'message', p->>'message',
    'values', jsonb_build_object('subject', p->>'subject', 'reason', p->>'reason'));
  update orders set status = decided, reserved_quantity = 0, reserved_notional = 0, failures = failures || jsonb_build_array(refusal),
    missing_since = null, version = version + 1, updated_at = clock_timestamp(), final_at = clock_timestamp() where intent_id = o.intent_id;
  perform write_events(jsonb_build_object(
    'audit', jsonb_build_array(jsonb_build_object('kind', 'order.decided', 'account', o.account, 'subject', p->>'subject',
      'data', jsonb_build_object('intentId', o.intent_id, 'clientOrderId', o.client_order_id, 'instrument', o.instrument,
        'purpose', o.purpose, 'status', decided, 'reason', p->>'reason', 'underKey', p->>'underKey'))),
    'outbox', jsonb_build_array(jsonb_build_object('kind', 'positionChanged', 'data', jsonb_build_object('account', o.account,
      'strategy', o.strategy, 'instrument', o.instrument, 'because', 'lateEvidence'))),
    'blocks', jsonb_build_array(jsonb_build_object('account', o.account, 'instrument', o.instrument,
      'reason', format('a person decided that order %s rests nowhere', o.intent_id)))));
  return 'done';
end $$;

-- As before, and not while its order is missing: nobody would be told any more. Answers `missing` with the order's intent id then.
create or replace function close_incident(p jsonb) returns text language plpgsql as $$
declare
  i incidents;
  undecided text;
begin
  select * into i from incidents where incident_id = (p->>'incidentId')::bigint for update;
  if not found then return 'unknown'; end if;
  if i.closed_at is not null then return 'done'; end if;
  select difference_id::text into undecided from reconciliation_differences where incident_id = i.incident_id and status = 'open';
  if found then return 'undecided ' || undecided; end if;
  if i.kind = 'workingOrderMissing' and exists (select from orders where intent_id = i.data->>'intentId' and final_at is null
    and missing_since is not null) then return 'missing ' || (i.data->>'intentId'); end if;
  update incidents set closed_at = clock_timestamp() where incident_id = i.incident_id;
  insert into audit_events (kind, account, subject, data) values ('incident.closed', i.account, p->>'subject',
    jsonb_build_object('incidentId', i.incident_id::text, 'incident', i.kind, 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;
