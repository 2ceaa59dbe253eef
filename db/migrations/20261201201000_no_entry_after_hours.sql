-- Trading hours, and what the calendar blocks, hold for the sending of an entry, not only for its decision: it is authorised until they speak
-- against it at the latest, and P5 asks that.

-- As before, and: an entry is authorised no longer than `notAfter` says, and decided again where that has passed already.
create or replace function authorise_order(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  approved boolean := p->>'verdict' = 'authorised';
  d jsonb := p->'order';
  has_signal boolean := jsonb_typeof(p->'signal') = 'object';
  needed uuid[] := array(select id::uuid from jsonb_array_elements_text(coalesce(p->'order'->'overrides', '[]')) id);
  refusals jsonb;
begin
  select * into o from orders where intent_id = d->>'intentId';
  if found then return jsonb_build_object('result', 'stored', 'order', order_json(o)); end if;
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;

  if approved then
    perform from control where account = d->>'account' and version = (d->>'controlVersion')::bigint for share;
    if not found then return jsonb_build_object('result', 'conflict'); end if;
    if d->>'neighbourVersion' is not null then
      perform from risk_state r join accounts n using (account)
        where n.venue = (select venue from accounts where account = d->>'account') order by r.account for update of r;
      if (select coalesce(sum(r.version), 0) from risk_state r join accounts n using (account)
          where n.venue = (select venue from accounts where account = d->>'account') and n.account <> d->>'account')
        <> (d->>'neighbourVersion')::numeric then return jsonb_build_object('result', 'conflict');
      end if;
    end if;
    perform from risk_state where account = d->>'account' and version = (p->>'riskVersion')::bigint for update;
    if not found then return jsonb_build_object('result', 'conflict'); end if;
    if extract(epoch from clock_timestamp()) * 1000 not between coalesce((d->>'notBefore')::numeric, 0) and coalesce((d->>'notAfter')::numeric, 'infinity') then
      return jsonb_build_object('result', 'conflict');
    end if;
    if cardinality(needed) <> (select count(*) from limit_overrides v where v.override_id = any (needed)
        and v.account = d->>'account' and v.used_at is null and v.ended_at is null and v.expires_at > clock_timestamp()) then
      return jsonb_build_object('result', 'conflict');
    end if;
    update risk_state set version = version + 1 where account = d->>'account';
  else
    perform disable_strategy_row(e->>'account', e->>'strategy', e->>'reason', null, '{}')
      from jsonb_array_elements(coalesce(p->'disables', '[]')) e;
    if not has_signal then
      perform write_events(p);
      return jsonb_build_object('result', 'denied');
    end if;
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
    case when approved then least(clock_timestamp() + make_interval(secs => (p->>'authorisedForMs')::double precision / 1000),
      (select min(expires_at) from limit_overrides where override_id = any (needed)),
      to_timestamp((d->>'notAfter')::numeric / 1000)) end,
    coalesce(p->'failures', '[]'), case when approved then null else clock_timestamp() end)
  on conflict (intent_id) do nothing
  returning * into o;
  if not found then
    -- Another process authorised the same intent between our look and our insert: its verdict stands, and the
    -- reservation above goes with this statement's failure.
    raise exception 'authorised elsewhere' using errcode = 'KE001';
  end if;
  if approved then
    update limit_overrides set used_at = clock_timestamp(), used_by = o.intent_id where override_id = any (needed) and for_one_order;
  end if;
  perform write_events(p);
  return jsonb_build_object('result', 'written', 'order', order_json(o));
end $$;
