-- What a movement may be: an asset has a name as venues give them, an amount is one that is still exact when many are added up, and it has
-- happened. The places of an amount are those of a price times a quantity, since what a person decides may be the whole of a fill.
create or replace function movement_refusal(m jsonb) returns text language plpgsql volatile as $$
begin
  if coalesce(m->>'amount', '') !~ '^-?\d{1,18}(\.\d{1,36})?$' or (m->>'amount')::numeric = 0 then return 'amount'; end if;
  if coalesce(m->>'asset', '') !~ '^[A-Z0-9][A-Z0-9._-]{0,39}$' then return 'asset'; end if;
  if coalesce(m->>'eventTime', '') !~ '^\d{1,15}$'
      or (m->>'eventTime')::bigint not between 1230768000000 and epoch_ms(clock_timestamp()) + 60000 then return 'eventTime'; end if;
  if coalesce(trim(m->>'reason'), '') = '' then return 'reason'; end if;
  if coalesce(trim(m->>'subject'), '') = '' then return 'subject'; end if;
  if not exists (select from accounts where account = m->>'account') then return 'account'; end if;
  case m->>'kind'
    when 'deposit' then if (m->>'amount')::numeric < 0 then return 'amount'; end if;
    when 'withdrawal' then if (m->>'amount')::numeric > 0 then return 'amount'; end if;
    when 'transfer' then
      -- Written from the side that it leaves.
      if (m->>'amount')::numeric > 0 then return 'amount'; end if;
      if m->>'counterAccount' = m->>'account' or not exists (select from accounts where account = m->>'counterAccount') then
        return 'counterAccount';
      end if;
    when 'correction' then
      if m->>'incidentId' is null then return 'incident'; end if;
      if m->>'underKey' is null then return 'person'; end if;
    else return 'kind';
  end case;
  if m->>'kind' <> 'transfer' and m->>'counterAccount' is not null then return 'counterAccount'; end if;
  if m->>'underKey' is null and m->>'venueReference' is null then return 'person'; end if;
  if m->>'underKey' is not null and not may_book(m) then return 'person'; end if;
  -- What was looked into and closed explains nothing new.
  if m->>'incidentId' is not null and not exists (select from incidents i where i.incident_id::text = m->>'incidentId'
      and i.account in (m->>'account', m->>'counterAccount') and i.closed_at is null) then return 'incident'; end if;
  return null;
end $$;

-- What an account has of an asset by its books.
create function booked_balance(the_account text, the_asset text) returns numeric language sql stable as $$
  select coalesce((select quantity from inventory where account = the_account and asset = the_asset), 0)
    + coalesce((select quantity from ledger_balances where account = the_account and asset = the_asset), 0)
$$;

-- Whether a comparison has found this at the venue and it is not booked yet: so much of an asset, or the whole of what a difference moves
-- of it, under its incident.
create function is_shown_at_venue(the_account text, the_asset text, the_amount numeric, the_incident text) returns boolean
language sql stable as $$
  select exists (select from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.deltas ? the_asset
    and case when d.class = 'balanceMovement'
      then sign((d.deltas->>the_asset)::numeric) = sign(the_amount) and abs((d.deltas->>the_asset)::numeric) >= abs(the_amount)
        and (d.evidence->'ledger'->>'balance')::numeric = booked_balance(the_account, the_asset)
      else (d.deltas->>the_asset)::numeric = the_amount and d.incident_id::text = the_incident
        and not exists (select from ledger_movements b where b.incident_id = d.incident_id and b.asset = the_asset) end)
$$;

-- What a person says of a coin that positions hold decides how much of them has a stop, and whether a halt calls them sold. So it has to be
-- what the venue shows: nothing is taken that they hold, and nothing added, of which no comparison knows. Null: it may be booked.
create function held_movement_refusal(m jsonb) returns text language plpgsql stable as $$
declare
  side record;
  held numeric;
begin
  -- A part of ours names the venue's own record.
  if m->>'underKey' is null then return null; end if;
  for side in select * from (values (m->>'account', (m->>'amount')::numeric),
      (m->>'counterAccount', -(m->>'amount')::numeric)) sides (account, amount) where account is not null loop
    select sum(quantity) into held from positions
      where account = side.account and split_part(instrument, '/', 1) = m->>'asset' and quantity > 0;
    continue when held is null or is_shown_at_venue(side.account, m->>'asset', side.amount, m->>'incidentId');
    if side.amount > 0 then return 'unshown'; end if;
    if booked_balance(side.account, m->>'asset') + side.amount < held then return 'held'; end if;
  end loop;
  return null;
end $$;

-- As before, and: not what contradicts what is held.
create or replace function book_movement(m jsonb) returns jsonb language plpgsql as $$
declare
  refusal text;
  known jsonb;
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
