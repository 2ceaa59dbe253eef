-- What positions are kept as against what their fills add up to, at every look; and for how long looks have seen a difference.

-- What the fills of each position add up to, kept beside it, so that a look need not read them all. Nobody writes it but the fills themselves.
create table position_sums (
  account text not null references accounts,
  strategy text not null,
  instrument text not null,
  quantity numeric not null,
  primary key (account, strategy, instrument)
);

-- As core/ledger does: a fee in the base asset makes a position smaller.
create function position_change(side text, quantity numeric, fee numeric, fee_asset text, base text) returns numeric
language sql immutable as $$
  select case side when 'buy' then quantity else -quantity end - case when fee_asset = base then fee else 0 end
$$;

-- A build of before may be booking meanwhile: what it books comes before this sum, or is added by the trigger.
lock table fills in share row exclusive mode;
insert into position_sums
  select f.account, o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base))
  from fills f join orders o using (intent_id) group by f.account, o.strategy, f.instrument;

create function sum_positions() returns trigger language plpgsql as $$
begin
  insert into position_sums as had (account, strategy, instrument, quantity)
    select w.account, o.strategy, w.instrument, sum(position_change(w.side, w.quantity, w.fee, w.fee_asset, o.base))
    from written w join orders o using (intent_id) group by w.account, o.strategy, w.instrument order by 1, 2, 3
    on conflict (account, strategy, instrument) do update set quantity = had.quantity + excluded.quantity;
  return null;
end $$;
create trigger fills_summed after insert on fills referencing new table as written for each statement execute function sum_positions();

-- Since when looks have seen it, each of them; what it was may have changed meanwhile.
alter table reconciliation_differences add column seen_since timestamptz not null default clock_timestamp();
update reconciliation_differences set seen_since = first_seen_at;

-- As before, and: positions that are kept otherwise than their fills add up to, and for how long each look has seen a difference.
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
          'evidence', evidence_less_booked(d), 'eventTime', d.event_time, 'repairs', d.repairs,
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

-- As before, and: one that was not looked at from one minute to the next has to be seen anew.
create or replace function write_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  run uuid := (p->>'runId')::uuid;
  change jsonb;
  f jsonb;
  d reconciliation_differences;
  first_opened reconciliation_differences;
  first_incident bigint;
  opens boolean;
  classes jsonb := '[]';
  overtaken boolean := false;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  perform from control where account = p->>'account' for update;
  select * into r from reconciliations where account = p->>'account' and lease_owner = p->>'owner' for update;
  if not found then return jsonb_build_object('result', 'busy'); end if;
  update reconciliation_runs set looks = looks + 1, fills_since = (p->>'fillsSince')::bigint, cursor_time = (p->>'cursor')::bigint,
      calls = calls + (p->>'calls')::integer, weight = weight + (p->>'weight')::integer,
      fills_read = fills_read + (p->>'fillsRead')::integer, rows_read = rows_read + (p->>'rowsRead')::integer
    where run_id = run;
  for change in select * from jsonb_array_elements(p->'changes') loop
    f := change->'difference';
    if change->>'kind' = 'new' then
      insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence,
          event_time, first_run, last_run)
        values (p->>'account', f->>'class', f->>'class', f->>'subject', f->>'fingerprint', f->>'treatment', 'pending', f->'deltas',
          f->'evidence', (f->>'eventTime')::bigint, run, run)
        on conflict (account, class, subject) where ended_at is null do nothing returning * into d;
    elsif change->>'kind' in ('kept', 'opened') then
      update reconciliation_differences set fingerprint = f->>'fingerprint', treatment = f->>'treatment', deltas = f->'deltas',
          evidence = f->'evidence', event_time = (f->>'eventTime')::bigint, last_run = run, last_seen_at = clock_timestamp(),
          same_since = case when (change->>'isMoved')::boolean then clock_timestamp() else same_since end,
          seen_since = case when (change->>'isLost')::boolean then clock_timestamp() else seen_since end
        where difference_id = (change->>'id')::bigint and status = change->'saw'->>'status'
          and decision is not distinct from change->'saw'->>'decision' returning * into d;
    else
      update reconciliation_differences set status = change->>'outcome', last_run = run, ended_at = clock_timestamp(),
          class = case when change->>'outcome' = 'settled' and opened_at is null then 'timing' else class end
        where difference_id = (change->>'id')::bigint and status = change->'saw'->>'status'
          and decision is not distinct from change->'saw'->>'decision' returning * into d;
    end if;
    if not found then
      overtaken := true;
      continue;
    end if;
    opens := change->>'kind' = 'opened' or (change->>'kind' = 'new' and change->>'status' = 'open');
    if opens then
      -- Both sides in short are with the first incident of a look; the others name it.
      if first_incident is null then
        first_opened := d;
        first_incident := open_difference(d, p->'snapshot');
      else
        perform open_difference(d, jsonb_build_object('incidentId', first_incident::text));
      end if;
      classes := classes || to_jsonb(d.class);
    end if;
    if change->>'kind' <> 'kept' then
      perform audit_difference(d, case change->>'kind' when 'new' then 'found' when 'opened' then 'opened' else d.status end);
    end if;
  end loop;
  if first_incident is not null then perform pause_for_differences(first_opened, classes); end if;
  return jsonb_build_object('result', 'written', 'isOvertaken', overtaken, 'standing', coalesce((
    select jsonb_agg(jsonb_build_object('id', s.difference_id::text, 'class', s.class, 'subject', s.subject))
    from reconciliation_differences s where s.account = p->>'account' and s.ended_at is null), '[]'));
end $$;

-- As before, and: what the fills of each position add up to, against those sums.
create or replace function book_contradictions(the_account text) returns setof jsonb language sql stable as $$
  select jsonb_build_object('subject', 'books:balance:' || b.asset, 'kept', b.quantity::text, 'reckoned', coalesce(e.sum, 0)::text)
    from ledger_balances b left join (
      select asset, sum(delta) as sum from ledger_entries
        where account = the_account and ledger_account = 'venue' and movement_id is null group by asset) e using (asset)
    where b.account = the_account and b.quantity <> coalesce(e.sum, 0)
  union all
  select jsonb_build_object('subject', 'books:order:' || o.intent_id, 'kept', o.executed_quantity::text, 'reckoned', coalesce(f.sum, 0)::text)
    from orders o left join (
      select intent_id, sum(quantity) as sum from fills where account = the_account group by intent_id) f using (intent_id)
    where o.account = the_account and o.executed_quantity <> coalesce(f.sum, 0)
  union all
  select jsonb_build_object('subject', 'books:position:' || strategy || ':' || instrument,
      'kept', coalesce(k.quantity, 0)::text, 'reckoned', coalesce(f.quantity, 0)::text)
    from (select strategy, instrument, quantity from position_sums where account = the_account) k
    full join (select o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base)) as quantity
        from fills f join orders o using (intent_id) where f.account = the_account group by o.strategy, f.instrument) f using (strategy, instrument)
    where coalesce(k.quantity, 0) <> coalesce(f.quantity, 0)
$$;

-- As before, but not while a difference waits for its decision: it could not be booked any more. Answers `undecided` with its number then.
create or replace function close_incident(p jsonb) returns text language plpgsql as $$
declare
  i incidents;
  undecided text;
begin
  select * into i from incidents where incident_id = (p->>'incidentId')::bigint for update;
  if not found then return 'unknown'; end if;
  if i.closed_at is not null then return 'done'; end if;
  select difference_id::text into undecided from reconciliation_differences where incident_id = i.incident_id and status = 'open';
  if found then return 'undecided ' || undecided; end if;
  update incidents set closed_at = clock_timestamp() where incident_id = i.incident_id;
  insert into audit_events (kind, account, subject, data) values ('incident.closed', i.account, p->>'subject',
    jsonb_build_object('incidentId', i.incident_id::text, 'incident', i.kind, 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;

-- Those that were closed so are open again.
with again as (
  update incidents i set closed_at = null from reconciliation_differences d
    where d.incident_id = i.incident_id and d.status = 'open' and i.closed_at is not null
    returning i.account, i.incident_id, d.difference_id)
insert into audit_events (kind, account, subject, data)
  select 'incident.reopened', account, 'migration', jsonb_build_object('incidentId', incident_id::text, 'differenceId', difference_id::text,
    'reason', 'its difference waits for a decision') from again;
