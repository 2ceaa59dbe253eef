-- A clock of the database's that was ahead and is set back, for what a person decides: since when an order is unknown or missing is of a time to
-- come then, and nobody could decide until that had come.

-- As before, but: a time to come is as of now from here on. Nobody knows how long ago it was, and a minute is waited in any case (P11).
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
    if o.updated_at > clock_timestamp() - interval '60 seconds' then
      update orders set updated_at = clock_timestamp() where intent_id = o.intent_id and not_ahead(updated_at) is null;
      return 'tooSoon';
    end if;
  elsif o.status in ('accepted', 'partiallyFilled', 'pendingCancel') and o.missing_since is not null then
    decided := 'canceled';
    if o.missing_since > clock_timestamp() - interval '60 seconds' then
      update orders set missing_since = clock_timestamp() where intent_id = o.intent_id and not_ahead(missing_since) is null;
      return 'tooSoon';
    end if;
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
