-- What the ledger derives, written anew from its entries when it is stored otherwise: a person's decision, and never a correction.

alter table reconciliation_differences drop constraint reconciliation_differences_decision_check;
alter table reconciliation_differences add constraint reconciliation_differences_decision_check
  check (decision in ('adopt', 'cancel', 'book', 'reject', 'rebuild'));

-- What a row says that is derived, as against what follows. Positions are reckoned by core/ledger and come in `wanted` (strategy, instrument,
-- quantity, cost, realizedPnl); everything else is a sum. What was there at the onboarding counts where it was audited.
create function derived_differences(the_account text, wanted jsonb) returns table (what text, name text, stored numeric, rebuilt numeric)
language sql stable as $$
  with
    figures as (
      select w.strategy || ' ' || w.instrument as of_position, f.*
        from jsonb_to_recordset(wanted) w (strategy text, instrument text, quantity numeric, cost numeric, "realizedPnl" numeric)
        cross join lateral (values ('quantity', w.quantity), ('cost', w.cost), ('realizedPnl', w."realizedPnl")) f (figure, value)),
    kept as (
      select q.strategy || ' ' || q.instrument as of_position, f.*
        from positions q cross join lateral (values ('quantity', q.quantity), ('cost', q.cost), ('realizedPnl', q.realized_pnl)) f (figure, value)
        where q.account = the_account),
    sums as (
      select o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base)) as quantity
        from fills f join orders o using (intent_id) where f.account = the_account group by o.strategy, f.instrument),
    entered as (
      select asset, sum(delta) filter (where movement_id is null) as by_fills, sum(delta) filter (where movement_id is not null) as by_movements
        from ledger_entries where account = the_account and ledger_account = 'venue' group by asset),
    opening as (
      select coalesce(data->'inventory', '{}') as amounts from audit_events where account = the_account and kind = 'account.onboarded'
        order by event_id limit 1),
    executed as (
      select o.intent_id, o.executed_quantity, o.executed_notional, f.quantity, f.notional
        from orders o cross join lateral (select coalesce(sum(quantity), 0) as quantity, coalesce(sum(quantity * price), 0) as notional
          from fills where intent_id = o.intent_id) f
        where o.account = the_account),
    said (what, name, stored, rebuilt) as (
      select 'position', of_position || ' ' || figure, kept.value, figures.value from kept full join figures using (of_position, figure)
      union all
      select 'positionSum', strategy || ' ' || instrument, k.quantity, sums.quantity
        from (select * from position_sums where account = the_account) k full join sums using (strategy, instrument)
      union all
      select 'balance', asset, b.quantity, entered.by_fills
        from (select * from ledger_balances where account = the_account) b full join entered using (asset)
      union all
      select 'inventory', asset, i.moved, entered.by_movements
        from (select * from inventory where account = the_account) i full join entered using (asset)
      union all
      select 'opening', coalesce(i.asset, a.key), i.quantity - i.moved, a.value::numeric
        from (select * from inventory where account = the_account) i
          full join (select e.key, e.value from opening cross join jsonb_each_text(opening.amounts) e) a on a.key = i.asset
        where exists (select from opening)
      union all
      select 'order', intent_id, executed_quantity, quantity from executed
      union all
      select 'order', intent_id || ' notional', executed_notional, notional from executed)
  select said.what, said.name, coalesce(said.stored, 0), coalesce(said.rebuilt, 0) from said
    where coalesce(said.stored, 0) <> coalesce(said.rebuilt, 0)
$$;

-- Whether a difference is about rows that are derived.
create function is_of_derived(class text, subject text) returns boolean language sql immutable as $$
  select class = 'unknown' and (subject like 'position:%' or subject like 'books:%')
$$;

-- Writes derived rows of an account as they follow, one audit event for each figure, and decides what waits for just that. Answers {result,
-- changed, decided}: rebuilt | unknown | person | moved (something was booked since `lastBooking`: reckon anew).
create function rebuild_ledger(p jsonb) returns jsonb language plpgsql as $$
declare
  the_account text := p->>'account';
  changed jsonb;
  decided jsonb := '[]';
  d reconciliation_differences;
begin
  -- In the order in which everything takes its locks: nothing is booked meanwhile.
  perform from control where account = the_account for update;
  if not found then return jsonb_build_object('result', 'unknown'); end if;
  update risk_state set version = version + 1 where account = the_account;
  if not exists (select from api_keys k join people q using (subject) where k.key_id = (p->>'underKey')::uuid and subject = p->>'subject'
      and k.revoked_at is null and q.deactivated_at is null and q.roles && array['risk', 'admin']) then
    return jsonb_build_object('result', 'person');
  end if;
  if coalesce((select max(booking) from fills where account = the_account), 0) <> (p->>'lastBooking')::bigint then
    return jsonb_build_object('result', 'moved');
  end if;
  -- Only how a cost is shared is taken from whoever asks: what is held, and what was earned less what it cost, are sums.
  if exists (select from (
        select o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base)) as quantity,
            sum(case f.side when 'buy' then -1 else 1 end * f.price * f.quantity - case when f.fee_asset = o.quote then f.fee else 0 end) as cash
          from fills f join orders o using (intent_id) where f.account = the_account group by o.strategy, f.instrument) s
      full join jsonb_to_recordset(p->'positions') w (strategy text, instrument text, quantity numeric, cost numeric, "realizedPnl" numeric)
        using (strategy, instrument)
      where (coalesce(s.quantity, 0), coalesce(s.cash, 0)) <> (coalesce(w.quantity, 0), coalesce(w."realizedPnl" - w.cost, 0))) then
    raise exception 'positions of % are not what its fills add up to', the_account;
  end if;

  select coalesce(jsonb_agg(jsonb_build_object('what', f.what, 'of', f.name, 'stored', trim_scale(f.stored)::text,
    'rebuilt', trim_scale(f.rebuilt)::text) order by f.what, f.name), '[]') into changed from derived_differences(the_account, p->'positions') f;
  insert into audit_events (kind, account, subject, data)
    select 'ledger.rebuilt', the_account, p->>'subject', c || jsonb_build_object('reason', p->>'reason', 'underKey', p->>'underKey')
      from jsonb_array_elements(changed) c;

  insert into positions as held (account, strategy, instrument, quantity, cost, realized_pnl)
    select the_account, w.strategy, w.instrument, w.quantity, w.cost, w."realizedPnl"
      from jsonb_to_recordset(p->'positions') w (strategy text, instrument text, quantity numeric, cost numeric, "realizedPnl" numeric)
    on conflict (account, strategy, instrument) do update set quantity = excluded.quantity, cost = excluded.cost,
      realized_pnl = excluded.realized_pnl, version = held.version + 1, updated_at = clock_timestamp()
      where (held.quantity, held.cost, held.realized_pnl) <> (excluded.quantity, excluded.cost, excluded.realized_pnl);
  -- One of no fills is nothing.
  update positions q set quantity = 0, cost = 0, realized_pnl = 0, version = version + 1, updated_at = clock_timestamp()
    where account = the_account and (quantity, cost, realized_pnl) <> (0, 0, 0) and not exists (
      select from fills f join orders o using (intent_id) where f.account = the_account and f.instrument = q.instrument and o.strategy = q.strategy);
  delete from position_sums where account = the_account and exists (select from jsonb_array_elements(changed) c where c->>'what' = 'positionSum');
  insert into position_sums (account, strategy, instrument, quantity)
    select the_account, o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base))
      from fills f join orders o using (intent_id) where f.account = the_account group by o.strategy, f.instrument
    on conflict do nothing;
  insert into ledger_balances as held (account, asset, quantity)
    select the_account, c->>'of', (c->>'rebuilt')::numeric from jsonb_array_elements(changed) c where c->>'what' = 'balance'
    on conflict (account, asset) do update set quantity = excluded.quantity;
  insert into inventory as held (account, asset, quantity, moved)
    select the_account, asset, opening + moved, moved from (
      select asset,
          coalesce((select (c->>'rebuilt')::numeric from jsonb_array_elements(changed) c where c->>'what' = 'opening' and c->>'of' = asset),
            i.quantity - i.moved, 0) as opening,
          coalesce((select (c->>'rebuilt')::numeric from jsonb_array_elements(changed) c where c->>'what' = 'inventory' and c->>'of' = asset),
            i.moved, 0) as moved
        from (select distinct c->>'of' as asset from jsonb_array_elements(changed) c where c->>'what' in ('opening', 'inventory')) named
          left join (select * from inventory where account = the_account) i using (asset)) parts
    on conflict (account, asset) do update set quantity = excluded.quantity, moved = excluded.moved;
  update orders o set executed_quantity = f.quantity, executed_notional = f.notional, version = version + 1
    from (select i.intent_id, coalesce(sum(f.quantity), 0) as quantity, coalesce(sum(f.quantity * f.price), 0) as notional
      from orders i left join fills f using (intent_id) where i.account = the_account
        and exists (select from jsonb_array_elements(changed) c where c->>'what' = 'order' and c->>'of' in (i.intent_id, i.intent_id || ' notional'))
      group by i.intent_id) f
    where o.intent_id = f.intent_id;

  for d in select * from reconciliation_differences where account = the_account and status = 'open' and is_of_derived(class, subject)
      order by difference_id for update loop
    update reconciliation_differences set status = 'decided', decision = 'rebuild', decided_at = clock_timestamp(),
        decided_by = p->>'subject', key_id = (p->>'underKey')::uuid, reason = p->>'reason'
      where difference_id = d.difference_id;
    insert into audit_events (kind, account, subject, data) values ('reconciliation.decided', d.account, p->>'subject', jsonb_build_object(
      'differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'decision', 'rebuild', 'reason', p->>'reason',
      'underKey', p->>'underKey', 'evidence', d.evidence));
    perform close_incident(jsonb_build_object('incidentId', d.incident_id::text, 'subject', p->>'subject', 'underKey', p->>'underKey',
      'reason', p->>'reason'));
    decided := decided || to_jsonb(d.difference_id::text);
  end loop;
  return jsonb_build_object('result', 'rebuilt', 'changed', changed, 'decided', decided);
end $$;
