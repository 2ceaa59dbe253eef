-- What a halt is called verified by, which of its tries count, who carries it out, and what its file tells.

alter table kills
  -- When the ledger was read for the last look, and under which latches (`latchId:policy`). Null where a build told of it that does not say so:
  -- then nobody knows whether it saw a halt that was called meanwhile.
  add column looked_at timestamptz,
  add column looked_under jsonb,
  -- When the file was told of.
  add column evidence_at timestamptz;
update kills set evidence_at = updated_at where evidence is not null;

-- Whether what a kill has called verified last is about this latch, as it stands now: it was looked at under it, and after it was called last.
create function has_seen(k kills, l latches) returns boolean language sql immutable as $$
  select k.phase = 'verified' and coalesce(k.looked_at >= l.called_at and k.looked_under ? (l.latch_id || ':' || l.policy), false)
$$;

-- As before, and: when and under what it was looked. That is no change of what was found. What people were told of a halt that is verified now
-- is over by itself: each was one more line that whoever ends the halt would have to name.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  look jsonb := case when p->>'phase' <> 'released' then p->'state'->'look' end;
  looked timestamptz := to_timestamp((look->>'time')::numeric / 1000);
  told jsonb := (p->'state') - 'look';
  file jsonb := file_with_latches(p->>'account', nullif(p->'evidence', 'null'));
  is_file_new boolean;
begin
  select * into had from kills where account = p->>'account' for update;
  is_file_new := file is not null and file is distinct from had.evidence;
  insert into kills as k (account, phase, verified_at, state, evidence, evidence_at, looked_at, looked_under)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then coalesce(looked, clock_timestamp()) end, told, file,
      case when file is not null then clock_timestamp() end, looked, look->'under')
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      looked_at = excluded.looked_at, looked_under = excluded.looked_under,
      verified_at = case excluded.phase when 'verified' then excluded.verified_at when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      evidence_at = case when excluded.phase = 'running' and k.phase = 'released' then null when is_file_new then excluded.evidence_at
        else k.evidence_at end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', told) or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase'
      || jsonb_build_object('state', told, 'evidence', file, 'wasPhase', had.phase, 'isFileNew', is_file_new,
        'halted', (select coalesce(jsonb_agg(trim(l.scope || ' ' || l.scope_value) order by l.engaged_at), '[]') from latches l
          where l.released_at is null and p->>'account' in (select accounts_under(l.scope, l.scope_value, l.account)))));
  end if;
  if p->>'phase' = 'verified' then perform close_told_unverified(p->>'account'); end if;
end $$;

-- Closes what people were told of halts that were not verified then: those of which no latch stands that was not seen verified since.
create function close_told_unverified(the_account text) returns void language sql as $$
  with over as (
    update incidents i set closed_at = clock_timestamp() from kills k
      where k.account = the_account and i.account = k.account and i.kind = 'haltNotVerified' and i.closed_at is null
        and not exists (select from latches l where l.released_at is null and i.data->'latchIds' ? l.latch_id::text and not has_seen(k, l))
      returning i.account, i.kind, i.incident_id)
  insert into audit_events (kind, account, subject, data)
    select 'incident.closed', account, 'kill', jsonb_build_object('incidentId', incident_id::text, 'incident', kind,
      'reason', 'the venue has shown the target of its halt twice') from over
$$;

-- As before, and: verified means seen under this latch, after the last approval, and not told of after it.
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
  -- Who asked may have left since, or lost the role: then nobody starts anything in that name.
  if not may_still(r.key_id, 'rearm') then
    state := 'expired';
  end if;
  -- Whoever approved before it was called again has seen another halt.
  if state = 'approved' and not exists (select from approvals d
      where d.request_id = r.request_id and d.decision = 'approved' and may_still(d.key_id, 'decideApproval')
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
    where not exists (select from kills k where k.account = one.account and has_seen(k, l)
      and k.looked_at > greatest(clock_timestamp() - interval '1 minute',
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

-- As before, but: of its tries count those since the first latch that has this very position sold.
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
      'sold', coalesce((select jsonb_agg(jsonb_build_object('strategy', o.strategy, 'instrument', o.instrument, 'count', o.count,
            'tries', t.tries, 'lastTime', coalesce(epoch_ms(t.last_at), 0)))
        from (select strategy, instrument, max(sequence) as count from orders
            where account = the_account and purpose = 'flatten' group by strategy, instrument) o
          join accounts a on a.account = the_account
          left join lateral (select min((l).engaged_at) as at from standing
            where (l).policy = 'atOnce' and is_latched(l, the_account, a.venue, o.strategy, o.instrument)) since on true
          left join lateral (select max(f.created_at) as last_at,
              count(*) filter (where f.venue_order_id is not null and f.status <> 'filled') as tries
            from orders f where f.account = the_account and f.purpose = 'flatten' and f.strategy = o.strategy and f.instrument = o.instrument
              and f.created_at >= since.at) t on true), '[]')));
end $$;

-- As before, but: since what no file tells of yet was called, or was made stricter after the file. A halt that stands for weeks is not told of
-- once more with each that comes beside it.
create or replace function kill_evidence(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with standing as (
      select l from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    since as (
      select coalesce(min(case when (k.evidence->'latchIds' ? (l).latch_id::text) is not true then (l).engaged_at
          else (select min(e.occurred_at) from audit_events e where e.account = the_account and e.occurred_at > k.evidence_at
            and e.kind = 'halt.tightened' and e.data->>'latchId' = (l).latch_id::text) end),
        max((l).called_at), clock_timestamp()) as at
      from standing left join kills k on k.account = the_account)
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
create index audit_events_of_account on audit_events (account, occurred_at);

-- P26, in place of is_kill_missing (of builds before 0.5): a halt over the account, whoever called it, that no kill has taken up, or of which
-- none has told anything for two minutes, which is longer than one that is alive says nothing. `scope`: the widest that stands; `since`: when
-- it was left alone, epoch ms. Null: somebody carries out what there is.
create function missing_kill(the_account text, after_ms integer) returns jsonb language plpgsql stable as $$
declare
  late timestamptz := clock_timestamp() - make_interval(secs => after_ms / 1000.0);
  silent timestamptz := clock_timestamp() - interval '2 minutes';
begin
  return (
    with standing as (
      select l.* from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    told as (select max(k.updated_at) as at from kills k where k.account = the_account and k.phase <> 'released')
    select jsonb_build_object('scope', (select scope from standing order by scope in ('account', 'venue', 'everything') desc limit 1),
        'since', epoch_ms(greatest(told.at, (select max(called_at) from standing))))
      from told where exists (select from standing l
        where l.called_at <= late and (told.at >= l.called_at) is not true
          -- However often it is called: of this halt nothing was ever told.
          or l.engaged_at <= late and (told.at >= l.engaged_at) is not true
          or l.engaged_at <= silent and told.at < silent));
end $$;

-- As before, and: strategies that have entered too often.
create or replace function write_events(p jsonb) returns void language plpgsql as $$
begin
  if p ? 'audit' then
    insert into audit_events (kind, account, subject, data)
      select e->>'kind', e->>'account', e->>'subject', e->'data' from jsonb_array_elements(p->'audit') e;
  end if;
  if p ? 'outbox' then
    insert into outbox (kind, data) select e->>'kind', e->'data' from jsonb_array_elements(p->'outbox') e;
  end if;
  if p ? 'incidents' then
    with opened as (
      insert into incidents (incident_key, account, kind, data)
        select e->>'key', e->>'account', e->>'kind', e->'data' from jsonb_array_elements(p->'incidents') e
        on conflict (incident_key) do nothing returning incident_id, account, kind, data)
    insert into audit_events (kind, account, data)
      select 'incident.opened', account, data || jsonb_build_object('incident', kind, 'incidentId', incident_id::text) from opened;
  end if;
  if p ? 'blocks' then
    insert into blocked_instruments (account, instrument, reason)
      select e->>'account', e->>'instrument', e->>'reason' from jsonb_array_elements(p->'blocks') e
      on conflict (account, instrument) do nothing;
  end if;
  if p ? 'repeated' then
    -- A person who has enabled the strategy meanwhile has it counted anew: what was decided before disables it no more.
    perform disable_strategy_row(e->>'account', e->>'strategy', e->>'reason', null, '{}')
      from jsonb_array_elements(p->'repeated') e
      where entries_in_a_row(e->>'account', e->>'strategy', e->>'instrument') >= (e->>'count')::integer;
  end if;
end $$;

-- As before, but: two who ask at once under the same id have asked once.
create or replace function request_rearm(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  the_payload jsonb;
begin
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  if not found then
    select * into l from latches where latch_id = (p->>'latchId')::uuid and released_at is null;
    if not found then return jsonb_build_object('result', 'notStanding'); end if;
    the_payload := jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account,
      'policy', l.policy, 'incidents', coalesce(p->'incidents', '[]'), 'reason', p->>'reason', 'subject', p->>'subject');
    insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
      values ((p->>'requestId')::uuid, 'rearm', case when l.scope = 'account' then l.scope_value else l.account end, the_payload,
        p->>'subject', (p->>'underKey')::uuid, p->>'reason', clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond')
      on conflict (request_id) do nothing;
    if found then
      insert into audit_events (kind, account, subject, data) values ('approval.requested',
        case when l.scope = 'account' then l.scope_value else l.account end,
        p->>'subject', jsonb_build_object('requestId', p->>'requestId', 'action', 'rearm', 'reason', p->>'reason', 'payload', the_payload));
    end if;
    select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  end if;
  -- Asking again under the same id is for whoever asked first, and for the same.
  if r.action <> 'rearm' or r.requested_by <> p->>'subject' then return jsonb_build_object('result', 'otherPayload'); end if;
  return jsonb_build_object('result', approval_state(r), 'latchId', r.payload->>'latchId',
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;
