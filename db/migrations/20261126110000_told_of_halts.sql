-- Halts: what is told of one, what is handed on of one, and which requests may still end one.

-- ---- what an auditor is given

-- A row as JSON in which what is exact stays so: a reader takes JSON's numbers for floats, so every numeric column is text.
create function row_json(r anyelement) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(one.key, case when c.atttypid = 'numeric'::regtype then to_jsonb(one.value #>> '{}') else one.value end), '{}')
    from jsonb_each(to_jsonb(r)) one
    join pg_attribute c on c.attname = one.key and c.attnum > 0
      and c.attrelid = (select typrelid from pg_type where oid = pg_typeof(r)::oid)
$$;

-- Equity before a moment and after all that was booked since. What the account watch says of now is `after` only where it has read the
-- balances after the last fill; until then it is `newest`, with its own time. `isWatched`: another sample is worth waiting for.
create function equity_around(the_account text, since timestamptz) returns jsonb language plpgsql stable as $$
declare
  w account_watch;
  last_fill timestamptz;
  newest jsonb;
begin
  select * into w from account_watch where account = the_account;
  select max(booked_at) into last_fill from fills where account = the_account and booked_at >= since;
  newest := case when w.equity is not null then jsonb_build_object('sampledTime', epoch_ms(w.sampled_at),
    'balancesTime', epoch_ms(w.sampled_at) - (w.details->>'balancesMs')::bigint, 'equity', w.equity::text, 'quote', w.quote) end;
  return jsonb_build_object(
    'before', coalesce(
      (select jsonb_build_object('sampledTime', epoch_ms(s.sampled_at), 'equity', s.equity::text, 'quote', w.quote)
        from account_watch_samples s where s.account = the_account and s.sampled_at <= since and s.equity is not null
        order by s.sampled_at desc limit 1),
      (select jsonb_build_object('sampledTime', epoch_ms(s.taken_at), 'equity', s.equity::text, 'quote', s.quote)
        from account_snapshots s where s.account = the_account and s.taken_at <= since order by s.taken_at desc limit 1)),
    'lastFillTime', epoch_ms(last_fill),
    'after', case when (newest->>'balancesTime')::bigint > epoch_ms(greatest(since, last_fill)) then newest end,
    'newest', newest,
    'isWatched', coalesce(newest is not null and w.details ? 'balancesMs' and w.sampled_at > clock_timestamp() - interval '5 seconds', false));
end $$;

-- As before, and: amounts as text, and equity with the moment that it is of.
create or replace function kill_evidence(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with standing as (
      select l from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    since as (select coalesce(min((l).engaged_at), clock_timestamp()) as at from standing)
    select jsonb_build_object(
      'latches', coalesce((select jsonb_agg(latch_json(l) order by (l).engaged_at) from standing), '[]'),
      'timeline', coalesce((select jsonb_agg(jsonb_build_object('time', occurred_at, 'kind', kind, 'subject', subject, 'data', data) order by event_id)
        from audit_events, since where account = the_account and occurred_at >= since.at - interval '1 minute'), '[]'),
      'venueReplies', coalesce((select jsonb_agg(jsonb_build_object('time', observed_at, 'kind', kind, 'data', data) order by observation_id)
        from kill_observations, since where account = the_account and observed_at >= since.at), '[]'),
      'orders', coalesce((select jsonb_agg(order_json(o) order by o.created_at, o.intent_id) from orders o, since
        where o.account = the_account and (o.updated_at >= since.at or o.final_at is null)), '[]'),
      'fills', coalesce((select jsonb_agg(row_json(f) order by f.event_time, f.venue_trade_id) from fills f, since
        where f.account = the_account and f.booked_at >= since.at), '[]'),
      'positions', coalesce((select jsonb_agg(row_json(p) order by p.strategy, p.instrument) from positions p where p.account = the_account), '[]'),
      'inventory', coalesce((select jsonb_object_agg(asset, quantity::text) from inventory where account = the_account), '{}'),
      'equity', equity_around(the_account, (select at from since))));
end $$;

-- As before, and: amounts as text, and only the file of this halt.
create or replace function drawdown_evidence(the_run uuid) returns jsonb language plpgsql stable as $$
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
      'evidence', (select evidence from kills k where k.account = d.account and k.evidence->'latchIds' ? d.latch_id::text)),
    'watch', row_json(w),
    'samples', (select coalesce(jsonb_agg(row_json(e) order by e.sampled_at), '[]') from account_watch_samples e
      where e.account = d.account and e.sampled_at between l.engaged_at - interval '5 minutes' and l.engaged_at + interval '5 minutes'),
    'equity', (select coalesce(jsonb_agg(row_json(e) order by e.minute), '[]') from account_equity e
      where e.account = d.account and e.minute >= l.engaged_at - interval '24 hours'),
    'orders', (select coalesce(jsonb_agg(order_json(o) order by o.created_at, o.intent_id), '[]') from orders o
      where o.account = d.account and (o.updated_at >= day_began or o.final_at is null)),
    'fills', (select coalesce(jsonb_agg(row_json(f) order by f.event_time, f.booking), '[]') from fills f
      where f.account = d.account and f.event_time >= epoch_ms(day_began)),
    'positions', (select coalesce(jsonb_agg(row_json(h) order by h.strategy, h.instrument), '[]') from positions h where h.account = d.account),
    'marks', (select coalesce(jsonb_object_agg(h.instrument, price_at(a.venue, h.instrument, epoch_ms(clock_timestamp()), 86400000)::text), '{}')
      from (select distinct instrument from positions where account = d.account) h, accounts a where a.account = d.account),
    'limits', limit_rows(d.account),
    'models', (select coalesce(jsonb_agg(row_json(s) order by s.strategy, s.instrument), '[]') from active_strategies s where s.account = d.account));
end $$;

-- As before, and: whether the file of the halt is written.
create or replace function read_drawdown(the_run uuid) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('account', d.account, 'latchId', d.latch_id, 'now', epoch_ms(clock_timestamp()), 'isStanding', l.released_at is null,
      'engagedTime', epoch_ms(l.engaged_at), 'reason', l.reason,
      'partTime', (select epoch_ms(max(started_at)) from runbook_parts where run_id = d.run_id and ended_at is null),
      'kill', (select jsonb_build_object('phase', k.phase, 'verifiedTime', epoch_ms(k.verified_at),
        'hasEvidence', coalesce(k.evidence->'latchIds' ? d.latch_id::text, false)) from kills k where k.account = d.account),
      'evidence', d.evidence, 'incidentId', (select incident_id::text from incidents where incident_key = 'drawdown:' || d.latch_id),
      'totals', d.report->'totals')
    from drawdown_runs d join latches l using (latch_id) where d.run_id = the_run);
end $$;

-- As before, and: a file that was told of already is no change.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
begin
  select * into had from kills where account = p->>'account' for update;
  insert into kills as k (account, phase, verified_at, state, evidence)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then clock_timestamp() end, p->'state', nullif(p->'evidence', 'null'))
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      verified_at = case excluded.phase when 'verified' then clock_timestamp() when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', p->'state') or p->'evidence' <> 'null' and p->'evidence' is distinct from had.evidence then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase');
  end if;
end $$;

-- ---- what a kill decides on

-- As before, and: when it tried to sell of each position last.
create or replace function read_kill(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with standing as (
      select l from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account)))
    select jsonb_build_object(
      'risk', read_risk(the_account, '', ''),
      'latches', coalesce((select jsonb_agg(latch_json(l) order by (l).engaged_at) from standing), '[]'),
      'inventory', coalesce((select jsonb_object_agg(asset, quantity::text) from inventory where account = the_account), '{}'),
      'instruments', coalesce((select jsonb_object_agg(n.instrument, n.rules) from instruments n join accounts a using (venue)
        where a.account = the_account and (n.instrument in (select instrument from active_strategies where account = the_account)
          or n.instrument in (select instrument from positions where account = the_account and quantity <> 0)
          or n.instrument in (select instrument from orders where account = the_account and final_at is null))), '{}'),
      'working', coalesce((select jsonb_agg(order_json(o) order by o.created_at, o.intent_id) from orders o
        where o.account = the_account and o.final_at is null), '[]'),
      'sold', coalesce((select jsonb_agg(jsonb_build_object('strategy', s.strategy, 'instrument', s.instrument, 'count', s.count, 'tries', s.tries,
            'lastTime', coalesce(epoch_ms(s.last_at), 0)))
        from (select o.strategy, o.instrument, max(o.sequence) as count,
            max(o.created_at) filter (where o.created_at >= (select min((l).engaged_at) from standing)) as last_at,
            count(*) filter (where o.venue_order_id is not null and o.status <> 'filled'
              and o.created_at >= (select min((l).engaged_at) from standing)) as tries
          from orders o where o.account = the_account and o.purpose = 'flatten' group by o.strategy, o.instrument) s), '[]')));
end $$;

-- ---- requests that may still end a halt

-- A halt was called again, was made stricter or has ended since its end was asked for: whoever asked has not seen what stands.
create function is_overtaken(r approval_requests) returns boolean language sql stable as $$
  select r.action = 'rearm' and exists (select from latches l where l.latch_id = (r.payload->>'latchId')::uuid
    and (l.called_at >= r.created_at or l.policy <> r.payload->>'policy' or l.released_at is not null))
$$;

-- As before, and: the same rule as approvalState in core/people/approvals.ts.
create or replace function approval_state(r approval_requests) returns text language sql volatile as $$
  select case
    when r.used_at is not null then 'used'
    when exists (select from approvals d where d.request_id = r.request_id and d.decision = 'refused') then 'refused'
    when is_overtaken(r) then 'overtaken'
    when r.expires_at <= clock_timestamp() then 'expired'
    when exists (select from approvals d join people p using (subject) join api_keys k using (key_id)
      where d.request_id = r.request_id and d.decision = 'approved' and p.deactivated_at is null and k.revoked_at is null) then 'approved'
    else 'pending'
  end
$$;

-- ---- who is called for a halt

-- In a few words: what is halted, who called it and why, and what becomes of what is held.
create function latch_text(l latches) returns text language sql stable as $$
  select trim(l.scope || ' ' || l.scope_value) || coalesce(' in ' || l.account, '') || ', called by ' || l.subject || ' at '
    || to_char(l.engaged_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC: ' || left(l.reason, 600)
    || case l.policy when 'atOnce' then '. What is held is sold' else '. What is held stays with its stops' end
$$;

create function latches_text(data jsonb) returns text language sql stable as $$
  select string_agg(latch_text(l), '; ' order by l.engaged_at) from latches l where data->'latchIds' ? l.latch_id::text
$$;

-- As before, and: whoever is called for a halt reads what is halted, by whom, why, how far it is, and what to do next.
create or replace function alert_of_incident() returns trigger language plpgsql as $$
begin
  perform raise_alert(jsonb_build_object('key', 'incident:' || new.incident_key, 'account', new.account, 'kind', 'incident.' || new.kind,
    'severity', case
      when new.kind ~ 'databaseChanged|evidence|overfilled|otherVenueOrderId|createdBeforeSend|escapeStuck|stopRefused|protectionDenied|haltNotVerified' then 'critical'
      when new.kind = 'twoStops' then 'warning' else 'error' end,
    'summary', 'Incident ' || new.incident_id || ' in ' || new.account || ': ' || case new.kind
      when 'halt' then 'a halt is verified at the venue. Halted: ' || coalesce(latches_text(new.data), 'no more')
        || '. It stays so until two people end it (keelson halts, then keelson rearm). Its evidence: ' || coalesce(new.data->'evidence'->>'path', 'none')
      when 'haltNotVerified' then 'a halt is NOT VERIFIED yet: '
        || coalesce((select left(string_agg(one, '; '), 900) from jsonb_array_elements_text(new.data->'text') one), 'nothing was seen')
        || '. Halted: ' || coalesce(latches_text(new.data), 'no more') || '. It is tried on; what each line needs is in the guide on halts (keelson halts)'
      else new.kind end || '. See keelson incidents list.',
    'data', jsonb_build_object('incidentId', new.incident_id::text)));
  return null;
end $$;

-- Two people have ended a halt of which the venue has shown the target: whoever was called for it is not called any more. It is answered
-- under the key of who asked. What came of it stays open for a person: its incidents.
create function answer_pages_of_halt(ended uuid, touched text[], r approval_requests) returns void language plpgsql as $$
begin
  perform acknowledge_alert(jsonb_build_object('alertId', a.alert_id::text, 'subject', r.requested_by, 'underKey', r.key_id,
      'reason', left('two people have ended its halt: ' || r.reason, 2000)))
    from alerts a left join incidents i on i.incident_id::text = a.data->>'incidentId'
    where a.account = any (touched) and a.acknowledged_at is null and (
      -- Not while another halt, of which it tells too, still stands.
      a.kind in ('incident.halt', 'incident.haltNotVerified') and i.data->'latchIds' ? ended::text
        and not exists (select from latches l where l.released_at is null and i.data->'latchIds' ? l.latch_id::text)
      or a.kind = 'kill.silent' and not exists (select from latches l
        where l.released_at is null and a.account in (select accounts_under(l.scope, l.scope_value, l.account))));
end $$;

-- As before, and: what has overtaken the request is its state, and whoever was called for the halt is answered.
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
  -- Whoever approved before it was called again has seen another halt.
  if state = 'approved' and not exists (select from approvals d join people q using (subject) join api_keys k using (key_id)
      where d.request_id = r.request_id and d.decision = 'approved' and q.deactivated_at is null and k.revoked_at is null
        and d.decided_at > l.called_at) then
    state := 'overtaken';
  end if;
  if state <> 'approved' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;

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
  perform answer_pages_of_halt(l.latch_id, touched, r);
  return jsonb_build_object('result', 'released');
end $$;
