-- A signal is an order or it is on record as not traded, never both: who started it may have given up and recorded it
-- while a step that had stalled was still about to authorise it (P1). Whoever writes the signal's row first is right.

-- P4: the verdict of the gate, its reservation and its order row. Answers
-- stored | written | untraded | conflict | epoch.
create or replace function authorise_order(p jsonb) returns jsonb language plpgsql as $$
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
