-- What the run of a drawdown asks and does, and that its halt ends only when somebody answers for the report.

-- A run that a person has asked for is of the drawdown's halt that stands.
create function attach_drawdown(the_run uuid) returns void language sql as $$
  insert into drawdown_runs (run_id, account, latch_id)
    select r.run_id, r.account, l.latch_id from runbook_runs r join account_watch w using (account) join latches l on l.latch_id = w.latch_id
    where r.run_id = the_run and l.released_at is null
  on conflict (run_id) do nothing
$$;

-- Null: there is no halt of a drawdown that it could be of.
create function read_drawdown(the_run uuid) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('account', d.account, 'latchId', d.latch_id, 'now', epoch_ms(clock_timestamp()), 'isStanding', l.released_at is null,
      'engagedTime', epoch_ms(l.engaged_at), 'reason', l.reason,
      'partTime', (select epoch_ms(max(started_at)) from runbook_parts where run_id = d.run_id and ended_at is null),
      'kill', (select jsonb_build_object('phase', k.phase, 'verifiedTime', epoch_ms(k.verified_at)) from kills k where k.account = d.account),
      'evidence', d.evidence, 'incidentId', (select incident_id::text from incidents where incident_key = 'drawdown:' || d.latch_id),
      'totals', d.report->'totals')
    from drawdown_runs d join latches l using (latch_id) where d.run_id = the_run);
end $$;

-- Everything that tells how it came about, of one moment: a section for each, for a file that can be handed on.
create function drawdown_evidence(the_run uuid) returns jsonb language plpgsql stable as $$
declare
  d drawdown_runs;
  l latches;
  w account_watch;
  day_began timestamptz;
  peak_at timestamptz;
begin
  select * into d from drawdown_runs where run_id = the_run;
  select * into l from latches where latch_id = d.latch_id;
  select * into w from account_watch where account = d.account;
  day_began := date_trunc('day', l.engaged_at at time zone 'UTC') at time zone 'UTC';
  -- The last minute that was as high; where a deposit or withdrawal has moved the peak since there is none, and the day counts.
  select max(minute) into peak_at from account_equity where account = d.account and minute <= l.engaged_at and highest >= w.peak;
  return jsonb_build_object(
    'halt', jsonb_build_object('latch', latch_json(l), 'sinceTime', epoch_ms(least(coalesce(peak_at, day_began), day_began)),
      'peakTime', epoch_ms(peak_at), 'dayTime', epoch_ms(day_began), 'engagedTime', epoch_ms(l.engaged_at),
      'evidence', (select evidence from kills where account = d.account)),
    'watch', to_jsonb(w),
    'samples', (select coalesce(jsonb_agg(to_jsonb(e) order by e.sampled_at), '[]') from account_watch_samples e
      where e.account = d.account and e.sampled_at between l.engaged_at - interval '5 minutes' and l.engaged_at + interval '5 minutes'),
    'equity', (select coalesce(jsonb_agg(to_jsonb(e) order by e.minute), '[]') from account_equity e
      where e.account = d.account and e.minute >= l.engaged_at - interval '24 hours'),
    'orders', (select coalesce(jsonb_agg(order_json(o) order by o.created_at, o.intent_id), '[]') from orders o
      where o.account = d.account and (o.updated_at >= day_began or o.final_at is null)),
    'fills', (select coalesce(jsonb_agg(to_jsonb(f) order by f.event_time, f.booking), '[]') from fills f
      where f.account = d.account and f.event_time >= epoch_ms(day_began)),
    'positions', (select coalesce(jsonb_agg(to_jsonb(h) order by h.strategy, h.instrument), '[]') from positions h where h.account = d.account),
    'marks', (select coalesce(jsonb_object_agg(h.instrument, price_at(a.venue, h.instrument, epoch_ms(clock_timestamp()), 86400000)::text), '{}')
      from (select distinct instrument from positions where account = d.account) h, accounts a where a.account = d.account),
    'limits', limit_rows(d.account),
    'models', (select coalesce(jsonb_agg(to_jsonb(s) order by s.strategy, s.instrument), '[]') from active_strategies s where s.account = d.account));
end $$;

create function keep_drawdown_evidence(p jsonb) returns void language plpgsql as $$
declare
  d drawdown_runs;
begin
  update drawdown_runs set evidence = p->'evidence' where run_id = (p->>'runId')::uuid returning * into d;
  insert into audit_events (kind, account, subject, data) values ('drawdown.evidence', d.account, 'drawdown',
    jsonb_build_object('runId', d.run_id, 'latchId', d.latch_id, 'evidence', d.evidence));
end $$;

-- Stores the report and opens the incident that has it; a later run of the same halt adds its own to its row.
create function report_drawdown(p jsonb) returns void language plpgsql as $$
declare
  d drawdown_runs;
begin
  update drawdown_runs set report = p->'report' where run_id = (p->>'runId')::uuid returning * into d;
  insert into incidents (incident_key, account, kind, data) values ('drawdown:' || d.latch_id, d.account, 'drawdown',
      jsonb_build_object('runId', d.run_id, 'latchId', d.latch_id, 'evidence', d.evidence, 'report', d.report))
    on conflict (incident_key) do nothing;
  insert into audit_events (kind, account, subject, data) values ('drawdown.reported', d.account, 'drawdown',
    jsonb_build_object('runId', d.run_id, 'latchId', d.latch_id, 'report', d.report));
end $$;

-- Why a halt may not end yet: nobody answers for the report of the drawdown that has caused it. Signed, left out with name and reason, or
-- its run ended by a person; any of its runs will do, and people may begin another. Null: none is missing.
create function missing_drawdown_report(the_latch uuid) returns text language sql stable as $$
  select 'the report of the drawdown is not signed: keelson runbooks show ' || d.run_id || ', then sign or skip its step signature'
    || case when r.ended_at is null then '' else ' of a new run (keelson runbooks run drawdown)' end
  from drawdown_runs d join runbook_runs r using (run_id)
  where d.latch_id = the_latch and not exists (
    select from drawdown_runs e join runbook_runs o using (run_id) where e.latch_id = the_latch and (o.status = 'aborted' or exists (
      select from runbook_parts t where t.run_id = e.run_id and t.name = 'signature' and t.part in ('signature', 'skip'))))
  order by r.created_at desc limit 1
$$;

-- As before, and: what a drawdown has halted ends only when somebody answers for its report.
create or replace function release_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  touched text[];
  found_there text;
  state text;
begin
  perform from instance for update;
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid for update;
  if not found or r.action <> 'rearm' or r.payload->>'latchId' <> p->>'latchId' then
    return jsonb_build_object('result', 'notApproved', 'state', 'missing');
  end if;
  select * into l from latches where latch_id = (p->>'latchId')::uuid;
  if l.released_at is not null and l.released_by = r.request_id::text then return jsonb_build_object('result', 'released'); end if;
  state := approval_state(r);
  -- Who asked may have left since: then nobody starts anything in that name.
  if exists (select from people q join api_keys k using (subject)
      where k.key_id = r.key_id and (q.deactivated_at is not null or k.revoked_at is not null)) then
    state := 'expired';
  end if;
  -- Whoever approved before it was called again has approved the end of another halt.
  if state = 'approved' and not exists (select from approvals d join people q using (subject) join api_keys k using (key_id)
      where d.request_id = r.request_id and d.decision = 'approved' and q.deactivated_at is null and k.revoked_at is null
        and d.decided_at > l.called_at) then
    state := 'expired';
  end if;
  if state <> 'approved' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  if l.released_at is not null then return jsonb_build_object('result', 'notClean', 'found', 'the halt was ended by another request'); end if;
  if r.payload->>'policy' <> l.policy then return jsonb_build_object('result', 'notApproved', 'state', 'otherPayload'); end if;

  found_there := missing_drawdown_report(l.latch_id);
  if found_there is not null then return jsonb_build_object('result', 'notClean', 'found', found_there); end if;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_under(l.scope, l.scope_value, l.account))
    order by c.account for update) locked;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from kills k where k.account = one.account and k.phase = 'verified'
      and k.verified_at > greatest(clock_timestamp() - interval '1 minute',
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from reconciliations c where c.account = one.account
      and c.last_clean_at > clock_timestamp() - interval '1 minute');
  if found_there is not null then
    return jsonb_build_object('result', 'notReconciled', 'found', 'not found clean by a reconciliation: ' || found_there,
      'accounts', to_jsonb(string_to_array(found_there, ', ')));
  end if;
  select string_agg(o.intent_id || ' is ' || o.status, ', ' order by o.intent_id) into found_there
    from orders o join accounts a using (account)
    where o.account = any (touched) and o.final_at is null and o.status in ('authorised', 'submitting', 'unknown', 'pendingCancel')
      and is_latched(l, o.account, a.venue, o.strategy, o.instrument);
  if found_there is not null then return jsonb_build_object('result', 'notClean', 'found', found_there); end if;
  select string_agg('incident ' || i.incident_id || ' (' || i.kind || ')', ', ' order by i.incident_id) into found_there from incidents i
    where i.account = any (touched) and i.closed_at is null
      and not (r.payload->'incidents') @> to_jsonb(i.incident_id::text);
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'open, and not named in the request: ' || found_there);
  end if;

  state := use_approval(r.request_id, 'rearm', r.payload);
  if state <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  update latches set released_at = clock_timestamp(), released_by = r.request_id::text where latch_id = l.latch_id;
  update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  insert into audit_events (kind, account, subject, data)
    select 'halt.ended', account, r.requested_by, jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value,
      'reason', r.reason, 'requestId', r.request_id, 'incidents', r.payload->'incidents', 'keyId', r.key_id,
      'approvedBy', (select jsonb_agg(subject order by decided_at) from approvals where request_id = r.request_id and decision = 'approved'))
    from unnest(touched) account;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  insert into outbox (kind, data) select 'positionChanged', jsonb_build_object('account', q.account, 'strategy', q.strategy,
      'instrument', q.instrument, 'because', 'bought')
    from positions q where q.account = any (touched) and q.quantity <> 0;
  return jsonb_build_object('result', 'released');
end $$;

-- As before, and: a step may say which people sign it.
create or replace function command_runbook(p jsonb) returns text language plpgsql as $$
declare
  r runbook_runs;
  signers jsonb;
begin
  if not key_stands((p->>'underKey')::uuid, p->>'subject') then return 'noKey'; end if;
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid;
  if not found then return 'unknown'; end if;
  signers := r.plan->'steps'->((p->>'position')::integer)->'signedBy';
  if p->>'kind' = 'sign' and signers is not null
      and not exists (select from people q, unnest(q.roles) role where q.subject = p->>'subject' and signers ? role) then
    return 'notSigner';
  end if;
  insert into runbook_commands (command_id, run_id, kind, position, reason, subject, key_id)
    values ((p->>'commandId')::uuid, (p->>'runId')::uuid, p->>'kind', (p->>'position')::integer, p->>'reason', p->>'subject', (p->>'underKey')::uuid)
    on conflict (command_id) do nothing;
  return case when exists (select from runbook_commands c where c.command_id = (p->>'commandId')::uuid and c.run_id = (p->>'runId')::uuid
    and c.kind = p->>'kind' and c.position is not distinct from (p->>'position')::integer and c.subject = p->>'subject') then 'written' else 'other' end;
end $$;

-- A page of an account's fills, in the venue's order, each with the price of a fee in a third asset.
create function drawdown_fills(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('account', f.account, 'instrument', f.instrument, 'venueTradeId', f.venue_trade_id,
      'venueOrderId', f.venue_order_id, 'intentId', f.intent_id, 'origin', f.origin, 'side', f.side, 'price', f.price::text,
      'quantity', f.quantity::text, 'fee', f.fee::text, 'feeAsset', f.fee_asset, 'liquiditySide', f.liquidity_side, 'eventTime', f.event_time,
      'booking', f.booking, 'strategy', o.strategy, 'strategyVersion', o.strategy_version, 'base', n.base, 'quote', n.quote,
      'feePrice', case when f.fee <> 0 and f.fee_asset not in (n.base, n.quote) then
        price_at(a.venue, f.fee_asset || '/' || n.quote, f.event_time, (p->>'feePriceMaxAgeMs')::bigint)::text end) order by f.event_time, f.booking), '[]')
    from (select * from fills where account = p->>'account' and (event_time, booking) > ((p->>'time')::bigint, (p->>'booking')::bigint)
        order by event_time, booking limit (p->>'most')::integer) f
      join accounts a using (account) left join orders o using (intent_id)
      cross join lateral (select coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote) n);
end $$;

-- Orders of ours with their first fill since then: executed, and the price that they were decided at (a stop's is its own).
create function drawdown_executions(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('strategy', o.strategy, 'instrument', o.instrument, 'side', o.side,
      'quantity', o.executed_quantity::text, 'notional', o.executed_notional::text, 'decided', coalesce(o.stop_price, s.reference_price)::text)
      order by o.created_at, o.intent_id), '[]')
    from orders o left join signals s using (signal_id)
    where o.account = p->>'account' and o.executed_quantity > 0
      and (select min(event_time) from fills f where f.intent_id = o.intent_id) >= (p->>'since')::bigint);
end $$;

create function drawdown_steps(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (select coalesce(jsonb_object_agg(n.instrument, n.rules->>'stepSize'), '{}') from instruments n join accounts a using (venue)
    where a.account = the_account and n.rules ? 'stepSize');
end $$;
