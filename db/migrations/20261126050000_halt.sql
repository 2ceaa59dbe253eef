-- Halts: the latch by whoever calls one (P25), what the kill does under it (P27, P28), and what ends it (P30).

alter table latches
  -- What becomes of what is held: it stays with its stops, or leaves at once.
  add column policy text not null default 'none' check (policy in ('none', 'atOnce')),
  -- The key of the person who did it; null for a part of ours.
  add column key_id uuid,
  add column released_by text;
-- A halt that stands already is kept: the same scope has one.
create unique index latches_one_standing on latches (scope, scope_value, coalesce(account, '')) where released_at is null;

-- The same rule as isInScope in core/control/mode.ts; begin_submit has it too.
create function is_latched(l latches, the_account text, the_venue text, the_strategy text, the_instrument text) returns boolean
language sql stable as $$
  select l.released_at is null and (
    l.scope = 'everything'
    or (l.scope = 'venue' and l.scope_value = the_venue)
    or (l.scope = 'account' and l.scope_value = the_account)
    or (l.scope = 'strategy' and l.scope_value = the_strategy and coalesce(l.account, the_account) = the_account)
    or (l.scope = 'instrument' and l.scope_value = the_instrument and coalesce(l.account, the_account) = the_account))
$$;

-- The accounts that a latch touches, whole or in part.
create function accounts_under(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select a.account from accounts a where case the_scope
    when 'everything' then true
    when 'venue' then a.venue = the_value
    when 'account' then a.account = the_value
    else a.account = coalesce(the_account, a.account) end
$$;

-- P25. Locks the control row of every account in scope, in the order of their ids, so that each submit that has begun is
-- over, and none begins before the latch is there to be seen. Halts come one after the other (the instance's row), and an
-- account that is being made waits for them: a latch over everything is over that one, too.
create function engage_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  touched text[];
  what text := 'halt.repeated';
begin
  perform from instance for update;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_under(p->>'scope', p->>'scopeValue', p->>'account'))
    order by c.account for update) locked;
  select * into l from latches where released_at is null and scope = p->>'scope' and scope_value = p->>'scopeValue'
    and account is not distinct from p->>'account';
  if not found then
    what := 'halt.engaged';
    insert into latches (scope, scope_value, account, reason, subject, key_id, policy)
      values (p->>'scope', p->>'scopeValue', p->>'account', p->>'reason', p->>'subject', (p->>'underKey')::uuid, p->>'policy')
      returning * into l;
  elsif l.policy = 'none' and p->>'policy' = 'atOnce' then
    what := 'halt.tightened';
    update latches set policy = 'atOnce' where latch_id = l.latch_id returning * into l;
  end if;
  if what <> 'halt.repeated' then
    update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  end if;
  -- A part of ours may repeat itself each second; what a person does is always written down.
  if what <> 'halt.repeated' or p->>'underKey' is not null then
    insert into audit_events (kind, account, subject, data)
      select what, account, p->>'subject', jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value,
        'policy', l.policy, 'reason', p->>'reason', 'underKey', p->>'underKey') from unnest(touched) account;
    insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  end if;
  return jsonb_build_object('latchId', l.latch_id, 'isNew', what = 'halt.engaged', 'policy', l.policy, 'accounts', to_jsonb(touched));
end $$;

create function wait_for_halts() returns trigger language plpgsql as $$
begin
  perform from instance for share;
  return new;
end $$;
create trigger control_waits_for_halts before insert on control for each row execute function wait_for_halts();

-- P9: ends whoever keeps a waiting halt from its lock: not those that wait themselves, but those that they wait for.
create function end_blockers(waiting integer) returns integer language sql volatile as $$
  with recursive blocking (pid) as (
    select unnest(pg_blocking_pids(waiting))
    union select unnest(pg_blocking_pids(pid)) from blocking)
  select count(pg_terminate_backend(pid))::integer from blocking where cardinality(pg_blocking_pids(pid)) = 0
$$;

-- What a kill sells, besides the stops and escapes that it places while a latch stands.
alter table orders drop constraint orders_purpose_check;
alter table orders add constraint orders_purpose_check check (purpose in ('entry', 'exit', 'stop', 'escape', 'flatten'));

-- P27: who places orders of an account under a latch. One at a time; a lease ends by itself.
create table kill_leases (
  account text primary key references accounts,
  owner text not null,
  until timestamptz not null
);

create function take_kill_lease(p jsonb) returns jsonb language plpgsql as $$
declare
  k kill_leases;
begin
  insert into kill_leases as had (account, owner, until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set owner = excluded.owner, until = excluded.until
      where had.owner = excluded.owner or had.until < clock_timestamp();
  select * into k from kill_leases where account = p->>'account';
  return jsonb_build_object('isMine', k.owner = p->>'owner', 'owner', k.owner,
    'remainingMs', greatest(0, floor(extract(epoch from k.until - clock_timestamp()) * 1000))::integer);
end $$;

create function drop_kill_lease(p jsonb) returns void language sql as $$
  delete from kill_leases where account = p->>'account' and owner = p->>'owner'
$$;

-- Whether this order may leave although a latch stands, and only then: its maker holds the lease, and a latch is over what
-- it sells, one that says so where it flattens. Null, or why not.
create function kill_refusal(the_account text, the_strategy text, the_instrument text, the_purpose text, lease_owner text) returns text
language plpgsql as $$
declare
  the_venue text := (select venue from accounts where account = the_account);
begin
  perform from kill_leases where account = the_account and owner = lease_owner and until > clock_timestamp() for share;
  if not found then return 'noLease'; end if;
  if the_purpose not in ('flatten', 'stop', 'escape') or not exists (
      select from latches l where is_latched(l, the_account, the_venue, the_strategy, the_instrument)
        and (the_purpose <> 'flatten' or l.policy = 'atOnce')) then
    return 'noLatch';
  end if;
  return null;
end $$;

-- P4 as the kill.
create function authorise_as_kill(p jsonb) returns jsonb language plpgsql as $$
declare
  d jsonb := p->'order';
  refusal text := kill_refusal(d->>'account', d->>'strategy', d->>'instrument', d->>'purpose', p->>'leaseOwner');
begin
  if refusal is not null then return jsonb_build_object('result', refusal); end if;
  return authorise_order(p);
end $$;

-- P5 as the kill: the latch that forbids all others is what allows it. Locks: lease -> control -> orders.
create function begin_submit_as_kill(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  c control;
  refusal text;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  select * into o from orders where intent_id = p->>'intentId';
  if not found then return jsonb_build_object('result', 'absent'); end if;
  if o.status <> 'authorised' then return jsonb_build_object('result', 'stored', 'order', order_json(o)); end if;
  refusal := kill_refusal(o.account, o.strategy, o.instrument, o.purpose, p->>'leaseOwner');
  select * into c from control where account = o.account for share;
  -- Asked again under the lock of the control row: a release that came meanwhile is seen.
  if refusal is null then
    refusal := kill_refusal(o.account, o.strategy, o.instrument, o.purpose, p->>'leaseOwner');
  end if;
  if refusal is not null then refusal := 'RISK_KILLED';
  elsif c.version <> o.control_version then refusal := 'RISK_CONTROL_CHANGED';
  elsif clock_timestamp() > o.authorised_until then refusal := 'RISK_AUTHORISATION_EXPIRED';
  end if;
  if refusal is null then
    update orders set status = 'submitting', signed_timestamp = (p->>'signedTimestamp')::bigint,
      receive_window_ms = (p->>'receiveWindowMs')::integer, version = version + 1, updated_at = clock_timestamp()
      where intent_id = o.intent_id and status = 'authorised' returning * into o;
    if found then
      perform write_events(p);
      return jsonb_build_object('result', 'submitting', 'order', order_json(o));
    end if;
  else
    update risk_state set version = version + 1 where account = o.account;
    update orders set status = 'expired', reserved_quantity = 0, reserved_notional = 0, version = version + 1,
      failures = failures || jsonb_build_array(p->'refusals'->refusal),
      updated_at = clock_timestamp(), final_at = clock_timestamp()
      where intent_id = o.intent_id and status = 'authorised' returning * into o;
    if found then
      insert into audit_events (kind, account, data) values ('order.expired', o.account,
        jsonb_build_object('intentId', o.intent_id, 'instrument', o.instrument, 'side', o.side, 'strategy', o.strategy,
          'quantity', o.quantity::text, 'price', o.price::text, 'code', refusal));
      return jsonb_build_object('result', 'refused', 'order', order_json(o));
    end if;
  end if;
  select * into o from orders where intent_id = p->>'intentId';
  return jsonb_build_object('result', 'stored', 'order', order_json(o));
end $$;

create function latch_json(l latches) returns jsonb language sql stable as $$
  select jsonb_strip_nulls(jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account,
    'policy', l.policy, 'reason', l.reason, 'subject', l.subject,
    'engagedTime', floor(extract(epoch from l.engaged_at) * 1000)::bigint))
$$;

-- What a kill decides on in an account, of one moment: the gate's view, the latches that touch it, what is not final, what
-- was there before us, and how often it has sold of each position under these latches.
create function read_kill(the_account text) returns jsonb language plpgsql stable as $$
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
      'sold', coalesce((select jsonb_agg(jsonb_build_object('strategy', s.strategy, 'instrument', s.instrument, 'count', s.count, 'tries', s.tries))
        from (select o.strategy, o.instrument, max(o.sequence) as count,
            count(*) filter (where o.venue_order_id is not null and o.status <> 'filled'
              and o.created_at >= (select min((l).engaged_at) from standing)) as tries
          from orders o where o.account = the_account and o.purpose = 'flatten' group by o.strategy, o.instrument) s), '[]')));
end $$;

-- How far the kill of an account is: what is not verified yet, exactly.
create table kills (
  account text primary key references accounts,
  phase text not null check (phase in ('running', 'verified', 'released')),
  started_at timestamptz not null default clock_timestamp(),
  verified_at timestamptz,
  state jsonb not null default '{}',
  evidence jsonb,
  updated_at timestamptz not null default clock_timestamp()
);

-- What the venue said while a kill went on.
create table kill_observations (
  observation_id bigint generated always as identity primary key,
  account text not null references accounts,
  observed_at timestamptz not null default clock_timestamp(),
  kind text not null,
  data jsonb not null
);
create index kill_observations_account on kill_observations (account, observed_at);
create trigger kill_observations_append_only before update or delete on kill_observations
  for each row execute function refuse_change();

-- Tells how far a kill is; a change is audited, a repetition only moves the time.
create function write_kill(p jsonb) returns void language plpgsql as $$
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
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', p->'state') or p->'evidence' <> 'null' then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase');
  end if;
end $$;

create function observe_kill(p jsonb) returns void language sql as $$
  insert into kill_observations (account, kind, data) values (p->>'account', p->>'kind', p->'data')
$$;

-- Everything about a kill that can be handed on. The orders and fills are those since the first of the latches.
create function kill_evidence(the_account text) returns jsonb language plpgsql stable as $$
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
      'fills', coalesce((select jsonb_agg(to_jsonb(f) order by f.event_time, f.venue_trade_id) from fills f, since
        where f.account = the_account and f.booked_at >= since.at), '[]'),
      'positions', coalesce((select jsonb_agg(to_jsonb(p) order by p.strategy, p.instrument) from positions p where p.account = the_account), '[]'),
      'inventory', coalesce((select jsonb_object_agg(asset, quantity::text) from inventory where account = the_account), '{}'),
      'equityBefore', (select to_jsonb(s) from account_snapshots s, since where s.account = the_account and s.taken_at <= since.at
        order by s.taken_at desc limit 1),
      'equityAfter', (select to_jsonb(s) from account_snapshots s, since where s.account = the_account and s.taken_at > since.at
        order by s.taken_at desc limit 1)));
end $$;

-- A request that concerns several accounts names none.
alter table approval_requests alter column account drop not null;

-- P30: asks for the second person that the end of a halt always needs. `standing` is false when there is nothing to end.
create function request_rearm(p jsonb) returns jsonb language plpgsql as $$
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
    insert into audit_events (kind, account, subject, data) values ('approval.requested', case when l.scope = 'account' then l.scope_value else l.account end,
      p->>'subject', jsonb_build_object('requestId', p->>'requestId', 'action', 'rearm', 'reason', p->>'reason', 'payload', the_payload));
    select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  end if;
  -- Asking again under the same id is for whoever asked first, and for the same.
  if r.action <> 'rearm' or r.requested_by <> p->>'subject' then return jsonb_build_object('result', 'otherPayload'); end if;
  return jsonb_build_object('result', approval_state(r), 'latchId', r.payload->>'latchId',
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;

-- P30: ends a latch. One statement: two people's rows, a verification of every account under it that is not older than a
-- minute, nothing unresolved, and no open incident but those that the request names. Whoever looks after what is held is woken.
create function release_latch(p jsonb) returns jsonb language plpgsql as $$
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
  if state <> 'approved' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  if l.released_at is not null then return jsonb_build_object('result', 'notClean', 'found', 'the halt was ended by another request'); end if;

  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_under(l.scope, l.scope_value, l.account))
    order by c.account for update) locked;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from kills k where k.account = one.account and k.phase = 'verified'
      and k.verified_at > clock_timestamp() - interval '1 minute');
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(o.intent_id || ' is ' || o.status, ', ' order by o.intent_id) into found_there from orders o
    where o.account = any (touched) and o.final_at is null and o.status in ('authorised', 'submitting', 'unknown', 'pendingCancel');
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

-- Any mode by command: which, and on which version of the control row the person decided.
alter table commands
  add column mode text check (mode in ('normal', 'observation', 'reduceOnly', 'paused')),
  add column expected_version bigint,
  add constraint commands_of_mode check ((kind = 'mode') = (mode is not null and expected_version is not null));

create or replace function resume_payload(m commands, held uuid) returns jsonb language sql immutable as $$
  select jsonb_build_object('account', m.account, 'commandId', m.command_id, 'endsPause', held, 'reason', m.reason, 'subject', m.subject)
    || case when m.mode is null then '{}' else jsonb_build_object('mode', m.mode) end
$$;

-- As before, and: any mode, where the control row still is what the person saw. What lets an account do more is held to the
-- rules of a resume, what lets it do less to those of a pause.
create or replace function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
  granted text;
  wanted text;
  loosens boolean;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid for update;
  if not found or m.account <> p->>'account' or m.kind <> p->>'kind' or m.key_id is null then
    return jsonb_build_object('result', 'noCommand');
  end if;
  select * into c from control where account = m.account for update;
  wanted := coalesce(m.mode, p->>'mode');
  loosens := m.kind = 'resume' or (m.kind = 'mode' and mode_strictness(wanted) < mode_strictness(c.mode));
  if m.applied_at is null then
    if m.kind = 'mode' and c.version <> m.expected_version then
      return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text);
    end if;
    -- Whoever has left, or whose key was taken, may still have paused, but starts nothing any more.
    if loosens and exists (select from people p join api_keys k using (subject)
        where k.key_id = m.key_id and (p.deactivated_at is not null or k.revoked_at is not null)) then
      return jsonb_build_object('result', 'noCommand');
    end if;
    -- A resume that could not be carried out when it was asked for is not lying about for whoever finds its id later.
    -- Nor does it end a pause that came after it.
    if loosens and (m.created_at < clock_timestamp() - interval '1 hour' or exists (select from commands q
        where q.account = m.account and q.kind in ('pause', 'mode') and q.applied_at > m.created_at)) then
      return jsonb_build_object('result', 'notApproved', 'state', 'expired');
    end if;
    -- What was asked of a second person stays theirs to decide, also when the pause that needed it has ended meanwhile.
    if loosens and (c.held_by is not null
        or exists (select from approval_requests where request_id = m.command_id)) then
      granted := use_approval(m.command_id, 'resume', resume_payload(m, c.held_by));
      if granted <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', granted); end if;
    end if;
    update commands set applied_at = clock_timestamp() where command_id = m.command_id;
    -- What two people have let an account do is not all that a hold forbids: it lasts until they let it do everything.
    update control set mode = wanted, version = version + 1, updated_at = clock_timestamp(),
        held_by = case when loosens and wanted = 'normal' then null when m.holds and not loosens then m.command_id else held_by end
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id)
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;
