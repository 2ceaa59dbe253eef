-- Reconciliation: venue, ledger and running workflows against one another. What was found is a row with the evidence of both
-- sides; what of it is a person's pauses the account until a newer comparison is clean.

-- An ordinary comparison reads what is new, however many fills there are.
create index fills_newest on fills (account, event_time);

-- Where the comparisons of an account are.
create table reconciliations (
  account text primary key references accounts,
  -- Fills up to this moment of the venue's are compared, but for those that it shows late.
  cursor_time bigint,
  -- When the comparison began that was clean last.
  last_clean_at timestamptz,
  -- One at a time; it ends by itself.
  lease_owner text,
  lease_until timestamptz
);

create table reconciliation_runs (
  run_id uuid primary key,
  account text not null references accounts,
  scope text not null check (scope in ('start', 'reconnect', 'minute', 'hour', 'day', 'rearm', 'demand', 'deepDemand')),
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  -- Null while it runs.
  result text check (result in ('clean', 'differences', 'postponed', 'failed')),
  looks integer not null default 0,
  -- Of the venue: from when on fills were read, and up to when; what was asked, and what it costs by the venue's own table.
  fills_since bigint,
  cursor_time bigint,
  calls integer not null default 0,
  weight integer not null default 0,
  fills_read integer not null default 0,
  -- Of the ledger: fills and orders that were read.
  rows_read integer not null default 0,
  detail text,
  -- Whose wish it was; null for a part of ours.
  subject text references people,
  key_id uuid,
  foreign key (key_id, subject) references api_keys (key_id, subject)
);
create index reconciliation_runs_of_account on reconciliation_runs (account, started_at desc);

create table reconciliation_differences (
  difference_id bigint generated always as identity primary key,
  account text not null references accounts,
  -- What it is; `timing` when it went by itself before anybody had to see it.
  class text not null check (class in ('timing', 'missedFill', 'missingOrder', 'orphanOrder', 'orphanedWorkflow', 'duplicate',
    'feeDifference', 'balanceMovement', 'positionWithoutOwner', 'positionWithoutStop', 'wrongStopQuantity', 'twoStops',
    'stopWithoutPosition', 'unknown')),
  -- What it was taken for, which `class` was until it settled.
  seen_as text not null,
  subject text not null,
  fingerprint text not null,
  treatment text not null check (treatment in ('repair', 'secondLook', 'person')),
  status text not null check (status in ('pending', 'open', 'decided', 'settled', 'repaired', 'closed')),
  -- What the venue has and the ledger has not, by asset.
  deltas jsonb not null,
  evidence jsonb not null,
  event_time bigint,
  repairs integer not null default 0,
  first_run uuid not null references reconciliation_runs,
  last_run uuid not null references reconciliation_runs,
  first_seen_at timestamptz not null default clock_timestamp(),
  same_since timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  opened_at timestamptz,
  incident_id bigint references incidents,
  decision text check (decision in ('adopt', 'cancel', 'book', 'reject')),
  decided_at timestamptz,
  decided_by text references people,
  key_id uuid,
  reason text,
  ended_at timestamptz,
  foreign key (key_id, decided_by) references api_keys (key_id, subject),
  check ((status = 'decided') <= (decision is not null and key_id is not null)),
  check ((status in ('settled', 'repaired', 'closed')) = (ended_at is not null))
);
create unique index reconciliation_differences_one_standing on reconciliation_differences (account, class, subject) where ended_at is null;
create index reconciliation_differences_booked on reconciliation_differences (account, event_time) where decision = 'book';
-- So that runs which no difference names are found, and dropped, without reading every difference for each.
create index reconciliation_differences_first_run on reconciliation_differences (first_run);
create index reconciliation_differences_last_run on reconciliation_differences (last_run);
create index reconciliation_differences_newest on reconciliation_differences (account, difference_id desc);

-- That a reconciliation has paused the account: since when, which mode it was in before, and for which classes.
alter table control add column reconciliation_hold jsonb;

create function is_reconciled(c control) returns boolean language sql stable as $$
  select exists (select from reconciliations r where r.account = c.account
    and r.last_clean_at > (c.reconciliation_hold->>'since')::timestamptz)
$$;

-- What stands against an account, in a few words.
create function reconciliation_findings(the_account text) returns text language sql stable as $$
  select coalesce(string_agg(d.difference_id || ' (' || d.class || ' ' || d.subject || ', ' || d.status || ')', ', ' order by d.difference_id),
    'no reconciliation has found it clean since')
  from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.decision is distinct from 'reject'
$$;

-- When the comparison began that found an account clean last, epoch ms by this database's clock; null: none did.
create function last_clean_reconciliation(the_account text) returns bigint language sql stable as $$
  select epoch_ms(last_clean_at) from reconciliations where account = the_account
$$;

-- A person's wish to have an account compared, before any worker hears of it.
create function ask_reconciliation(p jsonb) returns text language plpgsql as $$
begin
  insert into reconciliation_runs (run_id, account, scope, subject, key_id)
    values ((p->>'runId')::uuid, p->>'account', p->>'scope', p->>'subject', (p->>'underKey')::uuid) on conflict (run_id) do nothing;
  if not found then
    return case when exists (select from reconciliation_runs where run_id = (p->>'runId')::uuid and account = p->>'account'
      and scope = p->>'scope' and subject = p->>'subject') then 'done' else 'otherRun' end;
  end if;
  insert into audit_events (kind, account, subject, data) values ('reconciliation.asked', p->>'account', p->>'subject',
    jsonb_build_object('runId', p->>'runId', 'scope', p->>'scope', 'underKey', p->>'underKey'));
  return 'done';
end $$;

-- Begins a look: one at a time for an account, whichever process makes it. Answers mine | busy | epoch.
create function begin_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  fills_from bigint;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  insert into reconciliations as had (account, lease_owner, lease_until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
      where had.lease_owner is null or had.lease_owner = excluded.lease_owner or had.lease_until < clock_timestamp()
    returning * into r;
  if r.account is null then return jsonb_build_object('result', 'busy'); end if;
  insert into reconciliation_runs (run_id, account, scope) values ((p->>'runId')::uuid, p->>'account', p->>'scope')
    on conflict (run_id) do nothing;
  -- Reckoned once: the index of the newest fills is used only for what does not change from row to row.
  fills_from := coalesce(r.cursor_time, epoch_ms(clock_timestamp()) - 90000000) - 93600000;
  return (
    select jsonb_build_object('result', 'mine', 'cursor', r.cursor_time, 'began', clock_timestamp(),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)), 'instruments', coalesce((
        select jsonb_agg(instrument) from (
          select instrument from active_strategies s where s.account = a.account
          union select instrument from positions q where q.account = a.account and q.quantity <> 0
          union select instrument from orders o where o.account = a.account and o.final_at is null
          -- What was traded within the longest window, and is flat by now: else its fills would be told as not listed.
          union select instrument from fills f where f.account = a.account
            and f.event_time >= fills_from) concerned), '[]'))
    from accounts a where a.account = p->>'account');
end $$;

-- The evidence of what stands of an order by another hand, without the fills that have been booked as such since.
create function evidence_less_booked(d reconciliation_differences) returns jsonb language plpgsql stable as $$
begin
  if d.class <> 'orphanOrder' or d.ended_at is not null or not d.evidence->'venue' ? 'fills' then return d.evidence; end if;
  return jsonb_set(d.evidence, '{venue,fills}', (select coalesce(jsonb_agg(f order by n), '[]')
    from jsonb_array_elements(d.evidence->'venue'->'fills') with ordinality as told (f, n)
    where not is_booked(f || jsonb_build_object('account', d.account))));
end $$;

-- What of the ledger a look compares, of one moment. Fills by their time, orders that work or that the venue has named: never
-- all that there ever were.
create function read_reconciliation(p jsonb) returns jsonb language plpgsql stable as $$
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
    keys as (
      select strategy, instrument, held.quantity, held.updated_at from held full join stops using (strategy, instrument))
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
          'held', coalesce(k.quantity, 0)::text, 'unchangedMs', greatest(0, epoch_ms(clock_timestamp()) - epoch_ms(greatest(k.updated_at,
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
          'decidedMs', epoch_ms(clock_timestamp()) - epoch_ms(d.decided_at),
          'isBooked', d.class = 'missedFill' and d.evidence->'venue' ? 'venueTradeId'
            and is_booked(d.evidence->'venue' || jsonb_build_object('account', the_account))) order by d.difference_id)
        from reconciliation_differences d where d.account = the_account and (d.ended_at is null
          or (d.decision = 'book' and d.status = 'closed' and d.event_time >= (p->>'fillsSince')::bigint - 60000))), '[]'))
    from accounts a where a.account = the_account);
end $$;

-- Whether anything is left to do for a run of a signal, or for the owner of a position, or was a moment ago.
create function is_workflow_needed(the_account text, workflow_id text) returns boolean language plpgsql stable as $$
declare
  recent timestamptz := clock_timestamp() - interval '3 minutes';
  s signals;
begin
  if workflow_id like 'protect:%' then
    return exists (select from positions q where q.account = the_account and q.quantity <> 0
        and 'protect:' || q.account || ':' || q.strategy || ':' || replace(q.instrument, '/', '-') = workflow_id)
      or exists (select from positions q where q.account = the_account and q.updated_at > recent
        and 'protect:' || q.account || ':' || q.strategy || ':' || replace(q.instrument, '/', '-') = workflow_id)
      or exists (select from orders o where o.account = the_account and o.final_at is null
        and 'protect:' || o.account || ':' || o.strategy || ':' || replace(o.instrument, '/', '-') = workflow_id);
  end if;
  -- One that has written nothing yet waits for the database, or for the owner: that is no loose end.
  select * into s from signals where signal_id = substr(workflow_id, length('signal:') + 1);
  return not found or s.recorded_at > recent or exists (select from orders o where o.account = s.account and o.strategy = s.strategy
    and o.instrument = s.instrument and (o.final_at is null or o.final_at > recent));
end $$;

-- Where the books contradict themselves: sums that are kept against what they are the sums of.
create function book_contradictions(the_account text) returns setof jsonb language sql stable as $$
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
$$;

-- A difference becomes a person's: an incident with both sides. Whoever calls it pauses the account.
create function open_difference(d reconciliation_differences, snapshot jsonb) returns bigint language plpgsql as $$
declare
  key text := 'reconciliation:' || d.difference_id || ':' || epoch_ms(clock_timestamp());
  opened bigint;
begin
  perform write_events(jsonb_build_object('incidents', jsonb_build_array(jsonb_build_object('key', key, 'account', d.account,
    'kind', 'reconciliation', 'data', jsonb_build_object('differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject,
      'evidence', d.evidence, 'deltas', d.deltas, 'snapshot', snapshot)))));
  update reconciliation_differences set status = 'open', opened_at = clock_timestamp(), decision = null, decided_at = null,
      decided_by = null, key_id = null, reason = null,
      incident_id = (select incident_id from incidents where incident_key = key)
    where difference_id = d.difference_id returning incident_id into opened;
  return opened;
end $$;

-- Pauses an account for what has become a person's, once for all of it; `d` is the first. The control row is locked already.
create function pause_for_differences(d reconciliation_differences, classes jsonb) returns void language plpgsql as $$
declare
  c control;
begin
  select * into c from control where account = d.account for update;
  update control set mode = 'paused', updated_at = clock_timestamp(),
      version = version + case when c.mode = 'paused' then 0 else 1 end,
      reconciliation_hold = jsonb_build_object('since', clock_timestamp(), 'was', coalesce(c.reconciliation_hold->>'was', c.mode),
        'classes', (select coalesce(jsonb_agg(distinct one), '[]')
          from jsonb_array_elements(coalesce(c.reconciliation_hold->'classes', '[]') || classes) one))
    where account = d.account;
  if c.mode <> 'paused' then
    insert into audit_events (kind, account, subject, data) values ('mode.changed', d.account, 'reconciliation', jsonb_build_object(
      'mode', 'paused', 'was', c.mode, 'reason', 'reconciliation: ' || d.class || ' ' || d.subject, 'differenceId', d.difference_id::text));
  end if;
end $$;

create function audit_difference(d reconciliation_differences, what text) returns void language sql as $$
  insert into audit_events (kind, account, subject, data) values ('reconciliation.' || what, d.account, 'reconciliation',
    jsonb_build_object('differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'evidence', d.evidence,
      'deltas', d.deltas, 'repairs', d.repairs))
$$;

-- Writes what a look has found, before anything is done about it. What a person has decided since the look read it is left as it is.
-- Answers written | busy | epoch, with the rows that stand, and whether anything was overtaken so.
create function write_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
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
          same_since = case when (change->>'isMoved')::boolean then clock_timestamp() else same_since end
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

-- A repair was done, or a person's decision carried out.
create function note_reconciliation_repair(p jsonb) returns void language plpgsql as $$
declare
  d reconciliation_differences;
begin
  update reconciliation_differences set repairs = repairs + 1 where difference_id = (p->>'id')::bigint and ended_at is null returning * into d;
  if not found then return; end if;
  insert into audit_events (kind, account, subject, data) values ('reconciliation.treated', d.account, 'reconciliation',
    jsonb_build_object('differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'repair', p->'repair',
      'failed', p->'failed', 'evidence', d.evidence));
end $$;

-- Ends a look, and with `result` its run. A clean one lets an account go on that a reconciliation has paused, where the
-- configuration says so of every class that it was paused for.
create function end_reconciliation_look(p jsonb) returns void language plpgsql as $$
declare
  c control;
  is_clean boolean := p->>'result' = 'clean';
begin
  select * into c from control where account = p->>'account' for update;
  update reconciliations set lease_owner = null, lease_until = null,
      cursor_time = case when p->>'cursor' is null then cursor_time else greatest(cursor_time, (p->>'cursor')::bigint) end,
      last_clean_at = case when is_clean then (p->>'began')::timestamptz else last_clean_at end
    where account = p->>'account' and lease_owner = p->>'owner';
  if not found or p->>'result' is null then return; end if;
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

-- Drops the minutes' runs of more than a week ago that found nothing and that no difference names. It locks no account, and takes
-- so many at a time, so that nobody ever waits for it.
create function prune_reconciliation_runs(the_account text) returns integer language plpgsql as $$
declare
  pruned integer;
begin
  delete from reconciliation_runs where run_id in (
    select run_id from reconciliation_runs old where old.account = the_account and old.scope = 'minute' and old.result = 'clean'
      and old.started_at < clock_timestamp() - interval '7 days'
      and not exists (select from reconciliation_differences d where d.first_run = old.run_id)
      and not exists (select from reconciliation_differences d where d.last_run = old.run_id)
    limit 2000);
  get diagnostics pruned = row_count;
  return pruned;
end $$;
