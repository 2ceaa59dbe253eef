-- A person decides that an order rests nowhere: one whose outcome nobody can find out was not placed (P11, P12), one that was there
-- and that the venue does not show any more is canceled.

-- Answers done | unknown | settled | tooSoon. It stays on watch like one that was proven absent (P13), and entries of its
-- instrument stay blocked until somebody unblocks them: what the venue shows later may still be this order.
create function decide_order(p jsonb) returns text language plpgsql as $$
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
  elsif o.status in ('accepted', 'partiallyFilled', 'pendingCancel') then
    decided := 'canceled';
    perform from incidents i where i.incident_key = 'workingOrderMissing:' || o.intent_id and i.closed_at is null
      and i.opened_at <= clock_timestamp() - interval '60 seconds';
    if not found then return 'settled'; end if;
  else
    return 'settled';
  end if;
  refusal := jsonb_build_object('code', 'ORDER_DECIDED_BY_PERSON', 'message', p->>'message',
    'values', jsonb_build_object('subject', p->>'subject', 'reason', p->>'reason'));
  update orders set status = decided, reserved_quantity = 0, reserved_notional = 0, failures = failures || jsonb_build_array(refusal),
    version = version + 1, updated_at = clock_timestamp(), final_at = clock_timestamp() where intent_id = o.intent_id;
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
