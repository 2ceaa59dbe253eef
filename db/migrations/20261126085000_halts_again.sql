-- Halts that are called again while they stand, and what may end them.

-- When somebody called it last; an approval that is older has not seen it.
alter table latches add column called_at timestamptz;
update latches set called_at = engaged_at;
alter table latches alter column called_at set default clock_timestamp(), alter column called_at set not null;

-- As before, and: each call is kept in mind, also one that changes nothing else.
create or replace function engage_latch(p jsonb) returns jsonb language plpgsql as $$
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
    update latches set policy = 'atOnce', called_at = clock_timestamp() where latch_id = l.latch_id returning * into l;
  else
    update latches set called_at = clock_timestamp() where latch_id = l.latch_id returning * into l;
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

-- As before, and: the second person has approved after the halt was called last, and approved the end of what stands (P30).
-- Every account under it was verified after that, and found clean by a comparison of its books, neither longer ago than a minute.
-- What is not resolved elsewhere in an account that is halted in part is in nobody's way.
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

-- As before, and: a pause that a reconciliation ends by itself does not end in a looser mode than the watch has asked for.
create or replace function tighten_mode(the_account text, the_mode text, the_reason text) returns boolean language plpgsql as $$
declare
  was control;
begin
  select * into was from control where account = the_account for update;
  -- It is paused by a reconciliation, which would end that by itself: then it goes back to this mode, and to no looser one.
  if mode_strictness(was.reconciliation_hold->>'was') < mode_strictness(the_mode) then
    update control set reconciliation_hold = reconciliation_hold || jsonb_build_object('was', the_mode) where account = the_account;
    insert into audit_events (kind, account, subject, data) values ('mode.tightened', the_account, 'watch',
      jsonb_build_object('mode', was.mode, 'after', the_mode, 'was', was.reconciliation_hold->>'was', 'reason', the_reason));
  end if;
  if mode_strictness(was.mode) >= mode_strictness(the_mode) then return false; end if;
  update control set mode = the_mode, version = version + 1, updated_at = clock_timestamp() where account = the_account;
  insert into audit_events (kind, account, subject, data) values ('mode.changed', the_account, 'watch',
    jsonb_build_object('mode', the_mode, 'was', was.mode, 'reason', the_reason));
  return true;
end $$;

-- As before, and: of what a reconciliation has paused the watch sees the mode that it would go back to, so that it asks for a stricter one.
-- And without what booked movements brought: the watch has seen that at the venue, and counted it as deposited or withdrawn then. That
-- somebody books it later moves nothing.
create or replace function read_watch_inputs(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()), 'mode', case when c.mode = 'paused' then coalesce(c.reconciliation_hold->>'was', c.mode) else c.mode end,
      'version', coalesce(w.version, 0)::text, 'sampledTime', epoch_ms(w.sampled_at),
      'performance', case when w.known_equity is not null then jsonb_build_object('equity', w.known_equity::text, 'peak', w.peak::text,
        'day', w.day, 'dayOpening', w.day_opening::text, 'dayFlows', w.day_flows::text, 'dayBasis', w.day_basis::text) end,
      'seen', w.details->'ages', 'external', w.external, 'runs', coalesce(w.runs, '{}'), 'latchId', w.latch_id,
      'latch', case when w.latch_id is null then 'none'
        when exists (select from latches l where l.latch_id = w.latch_id and l.released_at is null) then 'stands' else 'released' end,
      'ledger', coalesce((select jsonb_object_agg(held.asset, held.quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity - moved as quantity from inventory i where i.account = a.account
            union all select asset, quantity from ledger_balances b where b.account = a.account) both_parts
          group by asset) held), '{}'),
      'openOrders', (select count(*) from orders o where o.account = a.account and o.final_at is null),
      'closes', coalesce((select jsonb_object_agg(i->>'instrument', jsonb_build_object('price', b.close::text, 'closeTime', b.close_time))
        from jsonb_array_elements(p->'instruments') i cross join lateral (
          select close, close_time from bars where venue = a.venue and instrument = i->>'instrument'
            and interval_ms = (i->>'intervalMs')::bigint order by open_time desc limit 1) b), '{}'))
    from accounts a join control c using (account) left join account_watch w using (account)
    where a.account = p->>'account');
end $$;

-- ---- accounts that have left the configuration

-- Nobody looks after such an account any more: none could say of it that it is verified, and a halt over everything would never end.
alter table accounts add column retired_at timestamptz;

-- Only what is open reserves anything. Where something is still held, open or unexplained an account stays as it is, and so does what a halt asks of it.
create function is_idle(the_account text) returns boolean language sql stable as $$
  select not exists (select from positions where account = the_account and quantity <> 0)
    and not exists (select from orders where account = the_account and final_at is null)
    and not exists (select from reconciliation_differences where account = the_account and ended_at is null and decision is distinct from 'reject')
$$;

-- Told at each start which accounts are configured. Halts wait for it, and it for them: none misses an account that comes back.
-- Answers those that are retired now and were not before.
create function retire_accounts(configured text[]) returns text[] language plpgsql as $$
declare
  retired text[] := '{}';
  one text;
begin
  perform from instance for update;
  for one in update accounts set retired_at = null where account = any (configured) and retired_at is not null returning account loop
    insert into audit_events (kind, account, subject, data) values ('account.returned', one, 'configuration', '{}');
  end loop;
  for one in select account from accounts where account <> all (configured) and retired_at is null and is_idle(account) order by account loop
    -- Whatever was being authorised there is there to be seen after this.
    perform lock_accounts(array[one]);
    if is_idle(one) then
      update accounts set retired_at = clock_timestamp() where account = one;
      insert into audit_events (kind, account, subject, data) values ('account.retired', one, 'configuration', '{}');
      retired := retired || one;
    end if;
  end loop;
  return retired;
end $$;

-- A worker of an older configuration may still run: it opens nothing where no halt looks any more.
create function refuse_retired() returns trigger language plpgsql as $$
begin
  if exists (select from accounts where account = new.account and retired_at is not null) then
    raise exception 'account % has left the configuration', new.account using hint = 'Configure it again and restart.';
  end if;
  return new;
end $$;
create trigger orders_of_configured before insert on orders for each row execute function refuse_retired();

-- As before, but for those that are retired.
create or replace function accounts_under(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select a.account from accounts a where a.retired_at is null and case the_scope
    when 'everything' then true
    when 'venue' then a.venue = the_value
    when 'account' then a.account = the_value
    else a.account = coalesce(the_account, a.account) end
$$;
