-- Each account asks whether a halt is over it, and of no other account.

-- As before, and: of which latches. What a guardian does by itself it says once of the same.
create or replace function missing_kill(the_account text, after_ms integer) returns jsonb language plpgsql stable as $$
declare
  late timestamptz := clock_timestamp() - make_interval(secs => after_ms / 1000.0);
begin
  return (
    with standing as (
      select l.latch_id, l.scope, coalesce(not_ahead(l.engaged_at), 'epoch') as engaged_at, coalesce(not_ahead(l.called_at), 'epoch') as called_at
      from latches l where l.released_at is null and is_under(the_account, l.scope, l.scope_value, l.account)),
    told as (select max(not_ahead(k.updated_at)) as at,
        max(coalesce(case when k.due_at <= clock_timestamp() + kill_longest() then k.due_at end,
          not_ahead(k.updated_at) + interval '2 minutes')) as due
      from kills k where k.account = the_account and k.phase <> 'released')
    select jsonb_build_object('scope', (select scope from standing order by scope in ('account', 'venue', 'everything') desc limit 1),
        'of', (select string_agg(latch_id::text, '+' order by latch_id) from standing),
        'since', epoch_ms(coalesce(nullif(greatest(told.at, (select max(called_at) from standing)), 'epoch'), clock_timestamp())))
      from told where exists (select from standing l
        where l.called_at <= late and (told.at >= l.called_at) is not true
          -- However often it is called: of this halt nothing was ever told.
          or l.engaged_at <= late and (told.at >= l.engaged_at) is not true
          or l.engaged_at <= late and told.due < clock_timestamp()));
end $$;

-- As before, but: it says who carries the halt out meanwhile, and how far it is; and what was asked for and is not done yet is asked for once.
create or replace function wake_lost_kill() returns trigger language plpgsql as $$
declare
  since timestamptz;
  the_key text;
begin
  select max(coalesce(not_ahead(l.called_at), 'epoch')) into since from latches l
    where l.released_at is null and is_under(new.account, l.scope, l.scope_value, l.account);
  if since is null or since > clock_timestamp() - interval '60 seconds' then return null; end if;
  if exists (select from kills k where k.account = new.account and k.phase <> 'released' and not_ahead(k.workflow_at) > clock_timestamp() - interval '60 seconds')
    or exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account
      and not_ahead(o.created_at) > clock_timestamp() - interval '60 seconds') then return null;
  end if;
  the_key := 'killSilent:' || new.account || ':' || epoch_ms(since);
  if not exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account and o.done_at is null
      -- One of a time to come, or that somebody has claimed until then, may be taken up by nobody.
      and not_ahead(o.created_at) is not null and coalesce(o.claimed_until, o.created_at) < clock_timestamp() + interval '2 minutes') then
    insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', new.account));
  elsif exists (select from alerts where alert_key = the_key) then return null;
  end if;
  -- Whoever writes this row watches the account, and so carries the halt out.
  perform raise_alert(jsonb_build_object('key', the_key, 'account', new.account,
    'kind', 'kill.silent', 'severity', 'error',
    'summary', 'No workflow has told anything of the halt of ' || new.account || ' for a minute; Temporal may be away. The guardian that watches the account carries it out by itself: '
      || case when exists (select from kills k where k.account = new.account) and not exists (select from kills k, latches l
          where k.account = new.account and l.released_at is null and is_under(new.account, l.scope, l.scope_value, l.account) and not has_seen(k, l))
        then 'it is verified at the venue, and looked at again twice a minute' else 'it is not verified yet' end
      || '. The workflow is asked for, and begins when Temporal answers: without it nobody can end the halt. See keelson halts.'));
  return null;
end $$;

create or replace function read_kill(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with standing as (
      select l from latches l where l.released_at is null and is_under(the_account, l.scope, l.scope_value, l.account))
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
              and f.created_at >= since.at) t on true), '[]'),
      'contradicted', coalesce((select jsonb_agg(jsonb_build_object('strategy', k.strategy, 'instrument', k.instrument,
            'held', k.held::text, 'filled', k.filled::text) order by k.strategy, k.instrument)
        from (select strategy, instrument, trim_scale(coalesce(p.quantity, 0)) as held, trim_scale(coalesce(s.quantity, 0)) as filled
          from (select * from positions where account = the_account) p
            full join (select * from position_sums where account = the_account) s using (strategy, instrument)) k
        where k.held <> k.filled), '[]'),
      -- By the order of the venue's time, of which there is an index: one that is booked late is of balances that are shown by now.
      'lastFills', coalesce((select jsonb_object_agg(base, booked) from (
        select o.base, epoch_ms(max(f.booked_at)) as booked from fills f join orders o using (intent_id)
          where f.account = the_account and f.event_time > epoch_ms(clock_timestamp() - interval '5 minutes') group by o.base) newest), '{}'),
      'money', coalesce((select jsonb_agg(b.asset order by b.asset) from ledger_balances b where b.account = the_account
        and not exists (select from position_sums s where s.account = the_account and split_part(s.instrument, '/', 1) = b.asset)), '[]')));
end $$;

-- As before, and: nothing is left of a time to come.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  look jsonb := case when p->>'phase' <> 'released' then p->'state'->'look' end;
  looked timestamptz := to_timestamp((look->>'time')::numeric / 1000);
  told jsonb := (p->'state') - 'look';
  file jsonb := file_with_latches(p->>'account', nullif(p->'evidence', 'null'));
  is_file_new boolean;
  is_direct boolean := coalesce((p->>'isDirect')::boolean, false);
  due timestamptz := clock_timestamp() + kill_grace() + (p->>'againMs')::bigint * interval '1 millisecond';
begin
  perform leave_no_halt_ahead();
  select * into had from kills where account = p->>'account' for update;
  is_file_new := file is not null and file is distinct from had.evidence;
  insert into kills as k (account, phase, verified_at, state, evidence, evidence_at, looked_at, looked_under, due_at, workflow_at)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then coalesce(looked, clock_timestamp()) end, told, file,
      case when file is not null then clock_timestamp() end, looked, look->'under', due, case when not is_direct then clock_timestamp() end)
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      due_at = excluded.due_at, workflow_at = coalesce(excluded.workflow_at, k.workflow_at), looked_at = excluded.looked_at, looked_under = excluded.looked_under,
      verified_at = case excluded.phase when 'verified' then excluded.verified_at when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      evidence_at = case when excluded.phase = 'running' and k.phase = 'released' then null when is_file_new then excluded.evidence_at
        else k.evidence_at end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', told) or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase' - 'againMs' - 'isDirect'
      || jsonb_build_object('state', told, 'evidence', file, 'wasPhase', had.phase, 'isFileNew', is_file_new,
        'halted', (select coalesce(jsonb_agg(trim(l.scope || ' ' || l.scope_value) order by l.engaged_at), '[]') from latches l
          where l.released_at is null and is_under(p->>'account', l.scope, l.scope_value, l.account))));
  end if;
  if p->>'phase' = 'verified' then perform close_told_unverified(p->>'account'); end if;
end $$;

create or replace function observe_kill(p jsonb) returns void language sql as $$
  insert into kill_observations (account, kind, data)
    select p->>'account', p->>'kind', p->'data'
    where 2 > (
      select count(*) from (
        select observed_at, kind, data from kill_observations where account = p->>'account' order by observation_id desc limit 2) o
      where o.kind = p->>'kind' and o.data - 'prices' - 'venueTime' = (p->'data') - 'prices' - 'venueTime'
        and o.observed_at > clock_timestamp() - interval '1 hour'
        and o.observed_at > all (select l.engaged_at from latches l
          where l.released_at is null and is_under(p->>'account', l.scope, l.scope_value, l.account)))
$$;

create or replace function kill_evidence(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with standing as (
      select l from latches l where l.released_at is null and is_under(the_account, l.scope, l.scope_value, l.account)),
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

create or replace function is_workflow_needed(the_account text, workflow_id text) returns boolean language plpgsql stable as $$
declare
  recent timestamptz := clock_timestamp() - interval '3 minutes';
  s signals;
begin
  if workflow_id like 'protect:%' then
    return exists (select from latches l where (l.released_at is null or l.released_at > recent)
        and is_under(the_account, l.scope, l.scope_value, l.account))
      or exists (select from positions q where q.account = the_account and q.quantity <> 0
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

create or replace function halted_since(the_account text, since timestamptz) returns text language sql stable as $$
  select 'a halt (' || btrim(l.scope || ' ' || l.scope_value) || ') stands over ' || the_account from latches l
    where l.released_at is null and l.scope not in ('strategy', 'instrument')
      and is_under(the_account, l.scope, l.scope_value, l.account)
      and l.engaged_at > since
    order by l.engaged_at limit 1
$$;

create or replace function is_kill_at_work(the_account text) returns boolean language sql stable as $$
  select coalesce((
    select s.engaged_at is not null
      and greatest(s.engaged_at, case when k.phase = 'running' then k.started_at end) > clock_timestamp() - interval '5 minutes'
      and (k.phase = 'verified' and k.verified_at > s.engaged_at) is not true
      and (k.phase = 'running' and k.state->'unverified' @> '[{"kind": "surplus"}]') is not true
    from (select max(l.engaged_at) as engaged_at from latches l
      where l.released_at is null and is_under(the_account, l.scope, l.scope_value, l.account)) s
    left join kills k on k.account = the_account), false)
$$;

create or replace function answer_pages_of_halt(ended uuid, touched text[], r approval_requests) returns void language plpgsql as $$
begin
  perform acknowledge_alert(jsonb_build_object('alertId', a.alert_id::text, 'subject', r.requested_by, 'underKey', r.key_id,
      'reason', left('two people have ended its halt: ' || r.reason, 2000)))
    from alerts a left join incidents i on i.incident_id::text = a.data->>'incidentId'
    where a.account = any (touched) and a.acknowledged_at is null and (
      -- Not while another halt, of which it tells too, still stands.
      a.kind in ('incident.halt', 'incident.haltNotVerified') and i.data->'latchIds' ? ended::text
        and not exists (select from latches l where l.released_at is null and i.data->'latchIds' ? l.latch_id::text)
      or a.kind = 'kill.silent' and not exists (select from latches l
        where l.released_at is null and is_under(a.account, l.scope, l.scope_value, l.account)));
end $$;
