-- A deposit or withdrawal that looks like one that is booked already is asked about before it is booked once more.

-- The newest that may be the same: the same amount, within a day of it, and of not both the venue's reference is known.
create function alike_movement(m jsonb) returns jsonb language sql stable as $$
  select jsonb_build_object('movementId', had.movement_id, 'eventTime', had.event_time)
    from ledger_movements had
    where had.account = m->>'account' and had.kind = m->>'kind' and had.kind in ('deposit', 'withdrawal') and had.asset = m->>'asset'
      and had.amount = (m->>'amount')::numeric and (had.venue_reference is null or m->>'venueReference' is null)
      and had.event_time > (m->>'eventTime')::bigint - 86400000 and had.event_time < (m->>'eventTime')::bigint + 86400000
    order by had.event_time desc limit 1
$$;

-- As before, and: with `unlessAlike` not what looks like one that is booked.
create or replace function book_movement(m jsonb) returns jsonb language plpgsql as $$
declare
  refusal text;
  known jsonb;
  alike jsonb;
  the_id uuid := (m->>'movementId')::uuid;
  change jsonb := jsonb_build_object('asset', m->>'asset', 'delta', m->>'amount', 'kind', m->>'kind');
begin
  if m ? 'epoch' and not is_current_epoch(m) then return refused_movement('epoch'); end if;
  if the_id is null then return refused_movement('movementId'); end if;
  refusal := movement_refusal(m);
  if refusal in ('amount', 'asset') then return refused_movement(refusal); end if;
  perform from risk_state where account in (m->>'account', m->>'counterAccount') order by account for update;
  known := known_movement(m);
  if known is not null then return known; end if;
  if refusal is not null then return refused_movement(refusal); end if;
  refusal := held_movement_refusal(m);
  if refusal is not null then return refused_movement(refusal); end if;
  if (m->>'unlessAlike')::boolean then
    alike := alike_movement(m);
    if alike is not null then return refused_movement('alike') || jsonb_build_object('alike', alike); end if;
  end if;
  insert into ledger_movements (movement_id, account, kind, asset, amount, counter_account, event_time, venue_reference, counter_reference,
      incident_id, reason, subject, key_id, content_sha256)
    values (the_id, m->>'account', m->>'kind', m->>'asset', (m->>'amount')::numeric, m->>'counterAccount', (m->>'eventTime')::bigint,
      m->>'venueReference', m->>'counterReference', (m->>'incidentId')::bigint, m->>'reason', m->>'subject', (m->>'underKey')::uuid,
      movement_hash(m));
  perform post_entries(m->>'account', jsonb_build_array(change), null, null, the_id);
  perform move_inventory(m->>'account', jsonb_build_array(change));
  if m->>'kind' = 'transfer' then
    change := change || jsonb_build_object('delta', (-(m->>'amount')::numeric)::text);
    perform post_entries(m->>'counterAccount', jsonb_build_array(change), null, null, the_id);
    perform move_inventory(m->>'counterAccount', jsonb_build_array(change));
  end if;
  insert into audit_events (kind, account, subject, data)
    select 'movement.booked', account, m->>'subject', jsonb_strip_nulls(jsonb_build_object('movementId', the_id, 'movement', m->>'kind',
      'asset', m->>'asset', 'amount', m->>'amount', 'from', m->>'account', 'counterAccount', m->>'counterAccount', 'eventTime', (m->>'eventTime')::bigint,
      'venueReference', m->>'venueReference', 'incidentId', m->>'incidentId', 'reason', m->>'reason', 'underKey', m->>'underKey'))
    from unnest(array_remove(array[m->>'account', m->>'counterAccount'], null)) account;
  return jsonb_build_object('kind', 'booked', 'movementId', the_id,
    'balance', (select trim_scale(i.quantity + coalesce(b.quantity, 0))::text from inventory i
      left join ledger_balances b using (account, asset) where i.account = m->>'account' and i.asset = m->>'asset'));
end $$;
