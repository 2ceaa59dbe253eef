-- Double entry: what a fill, a fee, a deposit, a withdrawal, a transfer or a correction changes at the venue has a counter-entry in a
-- named ledger account, so that every transaction sums to zero for each asset. What an older build calls goes on to work:
-- `ledger_balances` stays the sum of the venue's entries of our own fills, `inventory` plus these stays what the venue must show.

-- What moved an account's assets without a fill of ours. Never changed: a mistake is corrected by another one.
create table ledger_movements (
  movement_id uuid primary key,
  account text not null references accounts,
  kind text not null check (kind in ('deposit', 'withdrawal', 'transfer', 'correction', 'foreignFill')),
  -- Null for a fill without an intent of ours, whose row in `fills` says what was exchanged for what.
  asset text,
  amount numeric,
  counter_account text references accounts,
  -- When it happened, by the venue.
  event_time bigint not null,
  venue_reference text,
  -- Of a transfer: how the other account's venue calls it.
  counter_reference text,
  incident_id bigint references incidents,
  reason text not null check (reason <> ''),
  subject text not null check (subject <> ''),
  -- Null: a part of ours booked it, by the venue's own reference.
  key_id uuid,
  content_sha256 bytea not null,
  booked_at timestamptz not null default clock_timestamp(),
  foreign key (key_id, subject) references api_keys (key_id, subject),
  check ((kind = 'foreignFill') = (asset is null) and (asset is null) = (amount is null)),
  check ((kind = 'transfer') = (counter_account is not null) and counter_account <> account),
  check (kind not in ('correction', 'foreignFill') or (incident_id is not null and key_id is not null)),
  check (key_id is not null or venue_reference is not null),
  unique (account, venue_reference),
  unique (counter_account, counter_reference)
);
create index ledger_movements_of_account on ledger_movements (account, event_time);
create index ledger_movements_of_counter on ledger_movements (counter_account, event_time) where counter_account is not null;
create trigger ledger_movements_append_only before update or delete on ledger_movements for each row execute function refuse_change();
create trigger ledger_movements_no_truncate before truncate on ledger_movements for each statement execute function refuse_change();
create trigger fills_no_truncate before truncate on fills for each statement execute function refuse_change();
create trigger ledger_entries_no_truncate before truncate on ledger_entries for each statement execute function refuse_change();

-- Trades by hand and by other clients: fills like all others, but of no intent of ours and so of no strategy.
alter table fills
  alter column intent_id drop not null,
  add column origin text not null default 'ours' check (origin in ('ours', 'foreign')),
  add column movement_id uuid references ledger_movements,
  -- In which order they were booked; what is kept of positions follows from them in this order.
  add column booking bigint generated always as identity,
  add constraint fills_have_origin check ((origin = 'ours') = (intent_id is not null) and (origin = 'foreign') = (movement_id is not null));
create index fills_of_account on fills (account, event_time, booking);
create index fills_booked on fills (account, booking);

-- Of `quantity`, what movements brought (or took) since the onboarding: it belongs to no strategy, so no exit sells it.
alter table inventory add column moved numeric not null default 0;

-- Where the other half of an entry goes.
create function counter_ledger_account(kind text) returns text language sql immutable strict as $$
  select case kind when 'trade' then 'trading' when 'fee' then 'fees' when 'transfer' then 'transfers' when 'correction' then 'corrections'
    when 'deposit' then 'external' when 'withdrawal' then 'external' end
$$;

-- Entries from before are the venue's; their counter-entries follow. A transaction is a fill (its intent and trade) or a movement.
alter table ledger_entries
  add column ledger_account text not null default 'venue'
    check (ledger_account in ('venue', 'trading', 'fees', 'external', 'transfers', 'corrections')),
  add column movement_id uuid references ledger_movements;
insert into ledger_entries (account, asset, delta, kind, intent_id, venue_trade_id, booked_at, ledger_account)
  select account, asset, -delta, kind, intent_id, venue_trade_id, booked_at, counter_ledger_account(kind)
  from ledger_entries order by entry_id;
alter table ledger_entries alter column ledger_account drop default;
create index ledger_entries_of_fill on ledger_entries (account, venue_trade_id);
create index ledger_entries_of_movement on ledger_entries (movement_id) where movement_id is not null;
insert into audit_events (kind, account, data)
  select 'ledger.balanced', account, jsonb_build_object('entries', count(*)) from ledger_entries group by account;

-- Whoever writes entries writes all of a transaction at once, and they sum to zero for each asset of each account.
create function refuse_unbalanced() returns trigger language plpgsql as $$
declare
  found_there text;
begin
  select string_agg(account || ' ' || asset || ' ' || sum, ', ') into found_there from (
    select account, asset, sum(delta)::text as sum from written
    group by account, asset, intent_id, venue_trade_id, movement_id having sum(delta) <> 0) unbalanced;
  if found_there is not null then
    raise exception 'entries do not sum to zero: %', found_there using errcode = 'check_violation';
  end if;
  return null;
end $$;
create trigger ledger_entries_balanced after insert on ledger_entries referencing new table as written
  for each statement execute function refuse_unbalanced();

-- Writes what a transaction changes at the venue, each with its counter-entry.
create function post_entries(the_account text, changes jsonb, the_intent text, the_trade text, the_movement uuid) returns void
language sql as $$
  insert into ledger_entries (account, asset, delta, kind, intent_id, venue_trade_id, movement_id, ledger_account)
    select the_account, e.value->>'asset', half.delta, e.value->>'kind', the_intent, the_trade, the_movement, half.ledger_account
    from jsonb_array_elements(changes) with ordinality e, lateral (values
      ('venue', (e.value->>'delta')::numeric),
      (counter_ledger_account(e.value->>'kind'), -(e.value->>'delta')::numeric)) half (ledger_account, delta)
    order by e.ordinality
$$;

-- As before, with both halves of each entry.
create or replace function book_fill(p jsonb) returns jsonb language plpgsql as $$
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
  perform post_entries(f->>'account', p->'entries', f->>'intentId', f->>'venueTradeId', null);
  insert into ledger_balances as held (account, asset, quantity)
    select f->>'account', e->>'asset', sum((e->>'delta')::numeric) from jsonb_array_elements(p->'entries') e group by e->>'asset'
    on conflict (account, asset) do update set quantity = held.quantity + excluded.quantity;
  perform write_events(p);
  select * into o from orders where intent_id = f->>'intentId';
  return jsonb_build_object('result', 'applied', 'order', order_json(o));
end $$;

-- ---- movements

create function refused_movement(why text) returns jsonb language sql immutable as $$
  select jsonb_build_object('kind', 'refused', 'why', why)
$$;

-- Whether somebody may book under this key: it counts, it is theirs, and they keep the machines or the people.
create function may_book(p jsonb) returns boolean language sql volatile as $$
  select exists (select from api_keys k join people q using (subject)
    where k.key_id = (p->>'underKey')::uuid and subject = p->>'subject' and k.revoked_at is null and q.deactivated_at is null
      and q.roles && array['operator', 'risk', 'admin'])
$$;

-- What makes a movement what it is; who told of it, and with which words, does not.
create function movement_hash(m jsonb) returns bytea language sql immutable as $$
  select payload_hash(jsonb_build_object('account', m->>'account', 'asset', m->>'asset', 'amount', trim_scale((m->>'amount')::numeric)::text,
    'kind', m->>'kind', 'counterAccount', m->>'counterAccount', 'venueReference', m->>'venueReference', 'fill', m->'fill'))
$$;

-- What is stored already under this id, or under this reference of the venue; null: nothing, so it may be booked.
create function known_movement(m jsonb) returns jsonb language plpgsql volatile as $$
declare
  had ledger_movements;
begin
  select * into had from ledger_movements where movement_id = (m->>'movementId')::uuid;
  if found then
    if had.content_sha256 = movement_hash(m) then return jsonb_build_object('kind', 'known', 'movementId', had.movement_id); end if;
    return refused_movement('otherMovement');
  end if;
  select * into had from ledger_movements
    where (account = m->>'account' and venue_reference = m->>'venueReference')
      or (counter_account = m->>'account' and counter_reference = m->>'venueReference')
      or (account = m->>'counterAccount' and venue_reference = m->>'counterReference')
      or (counter_account = m->>'counterAccount' and counter_reference = m->>'counterReference') limit 1;
  if not found then return null; end if;
  -- The other half of a transfer that is booked already, as its venue tells it.
  if had.content_sha256 = movement_hash(m) or (had.counter_account = m->>'account' and had.asset = m->>'asset'
      and -had.amount = (m->>'amount')::numeric) then
    return jsonb_build_object('kind', 'known', 'movementId', had.movement_id);
  end if;
  return refused_movement('referenceUsed');
end $$;

-- Why this may not be booked, in one word; null: it may.
create function movement_refusal(m jsonb) returns text language plpgsql volatile as $$
begin
  if coalesce(m->>'amount', '') !~ '^-?\d{1,30}(\.\d{1,30})?$' or (m->>'amount')::numeric = 0 then return 'amount'; end if;
  if coalesce(m->>'asset', '') !~ '^\S{1,40}$' then return 'asset'; end if;
  if coalesce(m->>'eventTime', '') !~ '^\d{1,15}$' then return 'eventTime'; end if;
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

-- What a movement brought or took is the account's, and no strategy's.
create function move_inventory(the_account text, changes jsonb) returns void language sql as $$
  insert into inventory as had (account, asset, quantity, moved)
    select the_account, e->>'asset', sum((e->>'delta')::numeric), sum((e->>'delta')::numeric)
    from jsonb_array_elements(changes) e group by e->>'asset' order by e->>'asset'
    on conflict (account, asset) do update set quantity = had.quantity + excluded.quantity, moved = had.moved + excluded.moved
$$;

-- Books a deposit, withdrawal, transfer or correction, once for each id: movement, entries, balance and audit in one statement.
-- Answers booked | known | refused (with `why`). Locks the risk state of its accounts, in the order of their ids.
create function book_movement(m jsonb) returns jsonb language plpgsql as $$
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

-- Books a fill of which no intent of ours knows, because a person says so over its incident: it is the account's, of no strategy.
create function book_foreign_fill(m jsonb) returns jsonb language plpgsql as $$
declare
  f jsonb := m->'fill' || jsonb_build_object('account', m->>'account');
  the_id uuid := (m->>'movementId')::uuid;
  the_sign integer := case f->>'side' when 'buy' then 1 else -1 end;
  notional numeric := (f->>'price')::numeric * (f->>'quantity')::numeric;
  known jsonb;
  changes jsonb;
begin
  if m ? 'epoch' and not is_current_epoch(m) then return refused_movement('epoch'); end if;
  if the_id is null then return refused_movement('movementId'); end if;
  perform from risk_state where account = m->>'account' for update;
  if not found then return refused_movement('account'); end if;
  known := known_movement(m || '{"kind": "foreignFill"}');
  if known is not null then return known; end if;
  if is_booked(f) then
    return jsonb_build_object('kind', 'known', 'movementId', (select movement_id from fills where account = m->>'account'
      and instrument = f->>'instrument' and venue_trade_id = f->>'venueTradeId' and venue_order_id = f->>'venueOrderId'));
  end if;
  if coalesce(trim(m->>'reason'), '') = '' then return refused_movement('reason'); end if;
  if not may_book(m) then return refused_movement('person'); end if;
  if not exists (select from incidents i where i.incident_id::text = m->>'incidentId' and i.account = m->>'account' and i.closed_at is null) then
    return refused_movement('incident');
  end if;
  -- An order of ours has executed it, so it is booked with that order (P15).
  if exists (select from orders where account = m->>'account' and instrument = f->>'instrument' and venue_order_id = f->>'venueOrderId') then
    return refused_movement('ours');
  end if;
  if (f->>'side') not in ('buy', 'sell') or (f->>'price')::numeric <= 0 or (f->>'quantity')::numeric <= 0
      or split_part(f->>'instrument', '/', 2) = '' then
    return refused_movement('fill');
  end if;
  insert into ledger_movements (movement_id, account, kind, event_time, incident_id, reason, subject, key_id, content_sha256)
    values (the_id, m->>'account', 'foreignFill', (f->>'eventTime')::bigint, (m->>'incidentId')::bigint, m->>'reason', m->>'subject',
      (m->>'underKey')::uuid, movement_hash(m || '{"kind": "foreignFill"}'));
  insert into fills (account, instrument, venue_trade_id, venue_order_id, side, price, quantity, fee, fee_asset, liquidity_side,
      event_time, origin, movement_id)
    values (m->>'account', f->>'instrument', f->>'venueTradeId', f->>'venueOrderId', f->>'side', (f->>'price')::numeric,
      (f->>'quantity')::numeric, (f->>'fee')::numeric, f->>'feeAsset', f->>'liquiditySide', (f->>'eventTime')::bigint, 'foreign', the_id);
  changes := jsonb_build_array(
      jsonb_build_object('asset', split_part(f->>'instrument', '/', 1), 'delta', (the_sign * (f->>'quantity')::numeric)::text, 'kind', 'trade'),
      jsonb_build_object('asset', split_part(f->>'instrument', '/', 2), 'delta', (-the_sign * notional)::text, 'kind', 'trade'))
    || case when (f->>'fee')::numeric = 0 then '[]' else
      jsonb_build_array(jsonb_build_object('asset', f->>'feeAsset', 'delta', (-(f->>'fee')::numeric)::text, 'kind', 'fee')) end;
  perform post_entries(m->>'account', changes, null, f->>'venueTradeId', the_id);
  perform move_inventory(m->>'account', changes);
  insert into audit_events (kind, account, subject, data) values ('fill.booked', m->>'account', m->>'subject',
    (f - 'account') || jsonb_build_object('origin', 'foreign', 'movementId', the_id, 'incidentId', m->>'incidentId', 'reason', m->>'reason',
      'underKey', m->>'underKey'));
  return jsonb_build_object('kind', 'booked', 'movementId', the_id);
end $$;

-- ---- what results are derived from beside the entries

-- What the account was worth, minute by minute, for ever; the watch's own samples go after hours.
create table account_equity (
  account text not null references accounts,
  minute timestamptz not null,
  opening numeric not null,
  highest numeric not null,
  lowest numeric not null,
  closing numeric not null,
  primary key (account, minute)
);
create function keep_equity() returns trigger language plpgsql as $$
begin
  insert into account_equity as had values (new.account, date_trunc('minute', new.sampled_at), new.equity, new.equity, new.equity, new.equity)
    on conflict (account, minute) do update set highest = greatest(had.highest, excluded.highest),
      lowest = least(had.lowest, excluded.lowest), closing = excluded.closing;
  return null;
end $$;
insert into account_equity
  select account, date_trunc('minute', sampled_at), (array_agg(equity order by sampled_at))[1], max(equity), min(equity),
    (array_agg(equity order by sampled_at desc))[1]
  from account_watch_samples where equity is not null group by 1, 2;
create trigger account_watch_samples_kept after insert on account_watch_samples for each row
  when (new.equity is not null) execute function keep_equity();

-- What an order was decided at is in the event of its authorisation, where slippage looks it up.
create index audit_events_authorised on audit_events ((data->>'intentId')) where kind = 'order.authorised';

-- The close of the newest bar that had closed by then and is not older than that, whatever its interval; null: there is none. The
-- intervals of an instrument are found one by one, so that the index is all that is read.
create function price_at(the_venue text, the_instrument text, the_time bigint, max_age_ms bigint) returns numeric language sql stable as $$
  with recursive i (ms) as (
    select min(interval_ms) from bars where venue = the_venue and instrument = the_instrument
    union all
    select (select min(interval_ms) from bars where venue = the_venue and instrument = the_instrument and interval_ms > i.ms)
      from i where i.ms is not null)
  select b.close from i cross join lateral (
    select close, close_time from bars where venue = the_venue and instrument = the_instrument and interval_ms = i.ms
      and open_time <= the_time - i.ms + 1 order by open_time desc limit 1) b
  where i.ms is not null and b.close_time between the_time - max_age_ms and the_time
  order by b.close_time desc limit 1
$$;
