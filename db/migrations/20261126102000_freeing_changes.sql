-- A change of an order that only frees what it held moves the risk version no more. The version keeps a verdict from being
-- written over a state that it has not seen and that would have denied it (P4); a view from before such a change holds more
-- back than it need, so what it lets pass may pass. A denial is never made on a held view. Before, the orders of one account
-- made each other's verdicts conflict: at ten entries a second more than half were decided twice.
create or replace function change_order(p jsonb) returns jsonb language plpgsql as $$
declare
  d jsonb := p->'order';
  o orders;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  -- Of the very version that is changed below, or nothing is changed. What blocks an instrument as well takes its locks in the usual order.
  if jsonb_array_length(coalesce(p->'blocks', '[]')) = 0 and exists (select from orders where intent_id = d->>'intentId' and version = (d->>'version')::bigint and is_freeing(orders, d)) then
    -- Who holds a view may take its time.
    perform pg_notify('keelson_risk', 'freed ' || (d->>'account'));
  else
    update risk_state set version = version + 1 where account = d->>'account';
  end if;
  if not write_order_state(d) then return jsonb_build_object('result', 'conflict'); end if;
  perform write_events(p);
  select * into o from orders where intent_id = d->>'intentId';
  return jsonb_build_object('result', 'written', 'order', order_json(o));
end $$;

-- Nothing is executed, reserved, triggered or begun anew by it, and it is no `unknown`, which blocks the instrument.
create function is_freeing(o orders, d jsonb) returns boolean language sql immutable as $$
  select d->>'status' <> 'unknown'
    and (d->>'reservedQuantity')::numeric <= o.reserved_quantity and (d->>'reservedNotional')::numeric <= o.reserved_notional
    and (d->>'executedQuantity')::numeric = o.executed_quantity and (d->>'executedNotional')::numeric = o.executed_notional
    and ((d->>'isFinal')::boolean or o.final_at is null)
    and (o.triggered_at is not null or not (d->>'isTriggered')::boolean)
$$;
