-- What a look leaves for the next one, what repairs have come to, and how long runs are kept.

-- Those of its repairs that could not be done: what then goes has gone by itself.
alter table reconciliation_differences add column failed_repairs integer not null default 0;

-- As before, and: what could not be done is counted besides.
create or replace function note_reconciliation_repair(p jsonb) returns void language plpgsql as $$
declare
  d reconciliation_differences;
begin
  update reconciliation_differences set repairs = repairs + 1,
      failed_repairs = failed_repairs + case when p->>'failed' is null then 0 else 1 end
    where difference_id = (p->>'id')::bigint and ended_at is null returning * into d;
  if not found then return; end if;
  insert into audit_events (kind, account, subject, data) values ('reconciliation.treated', d.account, 'reconciliation',
    jsonb_build_object('differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'repair', p->'repair',
      'failed', p->'failed', 'evidence', d.evidence));
end $$;

-- As before, and: how many of the repairs could not be done.
create or replace function read_reconciliation(p jsonb) returns jsonb language plpgsql stable as $$
declare
  the_account text := p->>'account';
begin
  return (
    with named as (
      select client_order_id from jsonb_array_elements_text(p->'clientOrderIds') client_order_id),
    numbered as (
      select distinct n->>'instrument' as instrument, n->>'venueOrderId' as venue_order_id from jsonb_array_elements(p->'venueOrders') n),
    concerned as (
      select intent_id from orders where account = the_account and final_at is null
      -- Each by its own index, whatever the planner thinks of how many there are.
      union select found.intent_id from named n cross join lateral (select intent_id from orders o
        where o.client_order_id = n.client_order_id and o.account = the_account limit 1) found
      union select found.intent_id from numbered n cross join lateral (select intent_id from orders o
        where o.account = the_account and o.instrument = n.instrument and o.venue_order_id = n.venue_order_id limit 1) found),
    held as (
      select strategy, instrument, quantity, updated_at from positions where account = the_account and quantity <> 0),
    stops as (
      select distinct strategy, instrument from orders where account = the_account and final_at is null and purpose = 'stop'),
    -- A position that is kept otherwise than its fills add up to: its stop would be for what is not so.
    damaged as (
      select s.strategy, s.instrument, q.quantity, q.updated_at from position_sums s left join positions q using (account, strategy, instrument)
        where s.account = the_account and s.quantity <> coalesce(q.quantity, 0)
      union all select q.strategy, q.instrument, q.quantity, q.updated_at from held q where not exists (select from position_sums s
        where s.account = the_account and s.strategy = q.strategy and s.instrument = q.instrument)),
    keys as (
      select strategy, instrument, coalesce(held.quantity, damaged.quantity) as quantity, coalesce(held.updated_at, damaged.updated_at) as updated_at
        from held full join stops using (strategy, instrument) full join damaged using (strategy, instrument))
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)),
      'orders', coalesce((select jsonb_agg(order_json(o) || jsonb_build_object('unchangedMs',
          greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(o.updated_at))) order by o.created_at)
        from orders o join concerned using (intent_id)), '[]'),
      'fills', coalesce((select jsonb_agg(jsonb_build_object('instrument', f.instrument, 'venueTradeId', f.venue_trade_id,
          'venueOrderId', f.venue_order_id, 'intentId', f.intent_id, 'side', f.side, 'price', f.price::text, 'quantity', f.quantity::text,
          'fee', f.fee::text, 'feeAsset', f.fee_asset, 'eventTime', f.event_time) order by f.event_time)
        from fills f where f.account = the_account and f.event_time >= (p->>'fillsSince')::bigint - 60000), '[]'),
      'balances', coalesce((select jsonb_object_agg(asset, quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity from inventory i where i.account = the_account
            union all select asset, quantity from ledger_balances b where b.account = the_account) both_parts
          group by asset) kept), '{}'),
      'keys', coalesce((select jsonb_agg(jsonb_build_object('strategy', k.strategy, 'instrument', k.instrument,
          'held', coalesce(k.quantity, 0)::text, 'filled', coalesce((select s.quantity from position_sums s where s.account = the_account
            and s.strategy = k.strategy and s.instrument = k.instrument), 0)::text, 'unchangedMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(greatest(k.updated_at,
            (select max(updated_at) from (select updated_at from orders o where o.account = the_account and o.strategy = k.strategy
              and o.instrument = k.instrument order by o.created_at desc limit 5) newest))))))
        from keys k), '[]'),
      'instruments', coalesce((select jsonb_object_agg(n.instrument, jsonb_build_object('base', n.rules->'base', 'quote', n.rules->'quote'))
        from instruments n where n.venue = a.venue), '{}'),
      'contradictions', case when (p->>'isFull')::boolean then coalesce((select jsonb_agg(c) from book_contradictions(the_account) c), '[]')
        else '[]' end,
      'needed', coalesce((select jsonb_agg(w) from jsonb_array_elements_text(p->'workflows') w where is_workflow_needed(the_account, w)), '[]'),
      'known', coalesce((select jsonb_agg(jsonb_build_object('id', d.difference_id::text, 'class', d.class, 'subject', d.subject,
          'fingerprint', d.fingerprint, 'treatment', d.treatment, 'status', d.status, 'decision', d.decision, 'deltas', d.deltas,
          'evidence', evidence_less_booked(d), 'eventTime', d.event_time, 'repairs', d.repairs, 'failedRepairs', d.failed_repairs,
          'sameMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(d.same_since)),
          'seenMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(d.seen_since)),
          'unseenMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(d.last_seen_at)),
          'decidedMs', epoch_ms(clock_timestamp()) - epoch_ms(d.decided_at),
          'isBooked', d.class = 'missedFill' and d.evidence->'venue' ? 'venueTradeId'
            and is_booked(d.evidence->'venue' || jsonb_build_object('account', the_account))) order by d.difference_id)
        from reconciliation_differences d where d.account = the_account and (d.ended_at is null
          or (d.decision = 'book' and d.status = 'closed' and d.event_time >= (p->>'fillsSince')::bigint - 60000))), '[]'))
    from accounts a where a.account = the_account);
end $$;

-- As before, but: the cursor is where this look has left it. One that left something out has it read again, and a clock of the venue's that
-- was ahead once keeps no cursor there. Whose lease has ended writes nothing; if it did, more would be read, and nothing lost.
create or replace function end_reconciliation_look(p jsonb) returns void language plpgsql as $$
declare
  c control;
  is_clean boolean := p->>'result' = 'clean';
begin
  select * into c from control where account = p->>'account' for update;
  update reconciliations set lease_owner = null, lease_until = null,
      cursor_time = coalesce((p->>'cursor')::bigint, cursor_time),
      last_clean_at = case when is_clean then (p->>'began')::timestamptz else last_clean_at end
    where account = p->>'account' and lease_owner = p->>'owner';
  if not found then return; end if;
  update reconciliation_runs set calls = calls + coalesce((p->>'calls')::integer, 0), weight = weight + coalesce((p->>'weight')::integer, 0)
    where run_id = (p->>'runId')::uuid and ended_at is null and (p->>'calls')::integer > 0;
  if p->>'result' is null then return; end if;
  update reconciliation_runs set result = p->>'result', detail = p->>'detail', ended_at = clock_timestamp()
    where run_id = (p->>'runId')::uuid and ended_at is null;
  if not is_clean or c.reconciliation_hold is null or not is_reconciled(c) then return; end if;
  if c.reconciliation_hold->>'was' <> 'paused' and c.held_by is null and c.mode = 'paused'
      and p->'lifts' @> (c.reconciliation_hold->'classes') then
    update control set mode = c.reconciliation_hold->>'was', reconciliation_hold = null, version = version + 1, updated_at = clock_timestamp()
      where account = c.account;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', c.account, 'reconciliation', jsonb_build_object(
      'mode', c.reconciliation_hold->>'was', 'was', 'paused', 'reason', 'a new reconciliation is clean', 'runId', p->>'runId'));
  end if;
end $$;

-- As before, and: minutes that were not clean are kept for a month, or as long as a difference names them. What they found is in the rows of the
-- differences, in their incidents and in the audit, which stay.
create or replace function prune_reconciliation_runs(the_account text) returns integer language plpgsql as $$
declare
  pruned integer;
begin
  delete from reconciliation_runs where run_id in (
    select run_id from reconciliation_runs old where old.account = the_account and old.scope = 'minute'
      and old.started_at < clock_timestamp() - case when old.result = 'clean' then interval '7 days' else interval '30 days' end
      and not exists (select from reconciliation_differences d where d.first_run = old.run_id)
      and not exists (select from reconciliation_differences d where d.last_run = old.run_id)
    limit 2000);
  get diagnostics pruned = row_count;
  return pruned;
end $$;
