-- A halt of a strategy or of an instrument reaches every account: nobody begins to trade it anywhere. It is about those that trade it, or hold
-- something of it: they are looked at, carried to the target and shown clean. An account that has nothing to do with it neither ends it nor keeps it.

-- Every account in which a latch forbids something: their control rows change with it.
create function accounts_reached(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select a.account from accounts a where a.retired_at is null and case the_scope
    when 'everything' then true
    when 'venue' then a.venue = the_value
    when 'account' then a.account = the_value
    else a.account = coalesce(the_account, a.account) end
$$;

-- What was just final may still be told of otherwise (P13).
create index orders_ended on orders (account, final_at) where final_at is not null;

-- Whether something that a person has to look at tells of a strategy or an instrument of an account: by its name, or by an order of it.
create function tells_of(told jsonb, the_account text, the_scope text, the_value text) returns boolean language plpgsql stable as $$
declare
  said text;
begin
  for said in select v #>> '{}' from jsonb_path_query(told, 'strict $.** ? (@.type() == "string")') v loop
    -- Names of orders and workflows are made of it.
    if array[the_value, replace(the_value, '/', '-')] && (said || string_to_array(translate(said, ':', ' '), ' '))
        or exists (select from orders o where o.intent_id = said and o.account = the_account
          and the_value = case the_scope when 'strategy' then o.strategy else o.instrument end) then
      return true;
    end if;
  end loop;
  return false;
end $$;

-- Whether an account trades a strategy or an instrument, or holds, or has open, anything of it, or had since then. What is doubtful counts.
-- Each question by itself, with its index: a halt waits for the answer, and one plan for all accounts at once might read every order.
create function has_part(the_account text, the_scope text, the_value text, since timestamptz) returns boolean language plpgsql stable as $$
begin
  return exists (select from active_strategies s where s.account = the_account
      and the_value = case the_scope when 'strategy' then s.strategy else s.instrument end)
    or exists (select from positions q where q.account = the_account and (q.quantity <> 0 or q.updated_at >= since)
      and the_value = case the_scope when 'strategy' then q.strategy else q.instrument end)
    or exists (select from position_sums q where q.account = the_account and q.quantity <> 0
      and the_value = case the_scope when 'strategy' then q.strategy else q.instrument end)
    or exists (select from orders o where o.account = the_account and o.final_at is null
      and the_value = case the_scope when 'strategy' then o.strategy else o.instrument end)
    or exists (select from orders o where o.account = the_account and o.final_at > since - interval '1 day'
      and the_value = case the_scope when 'strategy' then o.strategy else o.instrument end)
    or exists (select from incidents i where i.account = the_account and i.closed_at is null and tells_of(i.data, the_account, the_scope, the_value))
    -- Of what the books do not explain it is not known whose it is; of an instrument are its coins, too.
    or exists (select from reconciliation_differences d where d.account = the_account and d.ended_at is null
      and (tells_of(jsonb_build_array(d.subject, d.evidence), the_account, the_scope, the_value)
        or the_scope = 'instrument' and d.deltas ? split_part(the_value, '/', 1)));
end $$;

-- Those that a latch is about: that have to be carried to its target, and be clean before it ends. An account that a person has named always is.
create or replace function accounts_under(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select r.account from accounts_reached(the_scope, the_value, the_account) r (account)
    where the_scope not in ('strategy', 'instrument') or the_account is not null
      or has_part(r.account, the_scope, the_value, coalesce((select min(l.engaged_at) from latches l
        where l.released_at is null and l.scope = the_scope and l.scope_value = the_value and l.account is null), clock_timestamp()))
$$;

-- An account in which it is configured while it is halted is under that halt from then on.
create function wake_kill_of_part() returns trigger language plpgsql as $$
begin
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', new.account)
    where exists (select from latches l where l.released_at is null and l.account is null
      and l.scope_value = case l.scope when 'strategy' then new.strategy when 'instrument' then new.instrument end);
  return null;
end $$;
create trigger active_strategies_wake_kill after insert on active_strategies for each row execute function wake_kill_of_part();

-- A halt is refused for no name: it may be right, and not here yet. Its end is asked for like that of any other.
alter table latches drop constraint latches_account_fkey;
alter table approval_requests drop constraint approval_requests_account_fkey;

-- Null where some account trades or holds anything of what is named. Where none does: the names of which one does, since it may be mistyped.
create function known_instead(the_scope text, the_value text, the_account text) returns text[] language sql stable as $$
  select case when not exists (select from accounts_reached(the_scope, the_value, the_account) r (account)
      where the_scope not in ('strategy', 'instrument') or has_part(r.account, the_scope, the_value, clock_timestamp()))
    then array(
      select a.account from accounts a where the_scope = 'account' and a.retired_at is null
      union select a.venue from accounts a where the_scope = 'venue' and a.retired_at is null
      union select case the_scope when 'strategy' then t.strategy else t.instrument end
          || coalesce(' in ' || case when the_account is not null then t.account end, '')
        from (select account, strategy, instrument from active_strategies
          union select account, strategy, instrument from positions where quantity <> 0
          union select account, strategy, instrument from orders where final_at is null) t
          join accounts a using (account)
        where the_scope in ('strategy', 'instrument') and a.retired_at is null
      order by 1) end
$$;

-- As before, but: whom it wakes, and names, are those that it is about; and it says where nobody has anything of that name.
create or replace function engage_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  touched text[];
  concerned text[];
  known text[];
  what text := 'halt.repeated';
  is_by_person boolean := p->>'underKey' is not null or p->>'by' is not null;
begin
  perform from instance for update;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_reached(p->>'scope', p->>'scopeValue', p->>'account'))
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
  -- Who is asked to end it reads each person's reason, and not only the first one's.
  if what <> 'halt.engaged' and is_by_person and position(p->>'reason' in l.reason) = 0 then
    update latches set reason = left(l.reason || '; called again by ' || (p->>'subject') || ': ' || (p->>'reason'), 2000)
      where latch_id = l.latch_id returning * into l;
  end if;
  if what <> 'halt.repeated' then
    update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  end if;
  -- Read when nobody authorises anything in them any more.
  concerned := array(select a from accounts_under(l.scope, l.scope_value, l.account) a order by a);
  if concerned = '{}' or l.account is not null then known := known_instead(l.scope, l.scope_value, l.account); end if;
  -- A part of ours may repeat itself each second; what a person does is always written down.
  if what <> 'halt.repeated' or is_by_person then
    insert into audit_events (kind, account, subject, data)
      select what, account, p->>'subject', jsonb_strip_nulls(jsonb_build_object('by', p->>'by', 'known', known))
        || jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value, 'policy', l.policy, 'reason', p->>'reason', 'underKey', p->>'underKey')
      -- A latch over what nobody has any more is in the audit, too.
      from unnest(case when touched = '{}' then array[null] else touched end) account;
  end if;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(concerned) account;
  return jsonb_build_object('latchId', l.latch_id, 'isNew', what = 'halt.engaged', 'policy', l.policy, 'accounts', to_jsonb(concerned),
    'known', to_jsonb(known));
end $$;

-- As before, but: verified, compared and without open incidents are those that it is about. What it has kept from trading is everywhere free again.
create or replace function release_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  touched text[];
  concerned text[];
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
    select c.account from control c where c.account in (select accounts_reached(l.scope, l.scope_value, l.account))
    order by c.account for update) locked;
  concerned := array(select a from accounts_under(l.scope, l.scope_value, l.account) a order by a);
  select string_agg(account, ', ' order by account) into found_there from unnest(concerned) as one (account)
    where not exists (select from kills k where k.account = one.account and has_seen(k, l)
      and k.looked_at > greatest(clock_timestamp() - interval '1 minute',
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(concerned) as one (account)
    -- One that began before the halt was called, before it has sold the last, or before the last person looked is of another state of things; and
    -- what a later one has seen counts.
    where not is_clean_since(one.account, greatest(clock_timestamp() - interval '1 minute', l.called_at,
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved'),
        (select max(o.final_at) from orders o where o.account = one.account and o.purpose = 'flatten' and o.created_at >= l.engaged_at)));
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
    where i.account = any (concerned) and i.closed_at is null
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
      'approvedBy', approvers(r.request_id))
    from unnest(touched) account;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', one.account) from unnest(touched) as one (account)
    where one.account = any (concerned) or exists (select from kills k where k.account = one.account and k.phase <> 'released');
  insert into outbox (kind, data) select 'positionChanged', jsonb_build_object('account', q.account, 'strategy', q.strategy,
      'instrument', q.instrument, 'because', 'bought')
    from positions q where q.account = any (touched) and q.quantity <> 0;
  perform answer_pages_of_halt(l.latch_id, touched, r);
  return jsonb_build_object('result', 'released');
end $$;

-- As before: over whom a halt stood then, whatever they hold by now.
create or replace function file_with_latches(the_account text, file jsonb) returns jsonb language sql stable as $$
  with written as (
    select to_timestamp(substring(file->>'path' from '(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d\d\d)Z\.json$') || '+00', 'YYYY-MM-DD"T"HH24-MI-SS-MSTZH') as at)
  select case when file is null or file = 'null' or file ? 'latchIds' then file else file || jsonb_strip_nulls(jsonb_build_object('latchIds', coalesce(
    (select i.data->'latchIds' from incidents i where i.account = the_account and i.kind = 'halt' and i.data->'evidence'->>'path' = file->>'path'
        and i.data->'evidence'->>'sha256' = file->>'sha256' order by i.incident_id desc limit 1),
    (select jsonb_agg(l.latch_id::text order by l.engaged_at) from latches l, written
      where the_account in (select accounts_reached(l.scope, l.scope_value, l.account)) and l.engaged_at <= written.at
        and (l.released_at is null or l.released_at > written.at))))) end
$$;

-- As before, but: a name that nobody has is no refusal (it may be right, and come later): who asks is told, and may confirm it all the same.
create or replace function ask_chat_halt(p jsonb) returns jsonb language plpgsql as $$
begin
  if not may_halt_by_chat(p) then return jsonb_build_object('result', 'refused'); end if;
  delete from chat_halts where expires_at < clock_timestamp() - interval '1 day';
  insert into chat_halts (code, chat, sender, subject, scope, scope_value, account, policy, expires_at)
    values (p->>'code', p->>'chat', p->>'sender', p->>'subject', p->>'scope', p->>'scopeValue', p->>'account', p->>'policy',
      clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond');
  insert into audit_events (kind, account, subject, data) values ('chat.haltAsked', p->>'account', p->>'subject', p - 'roles' - 'code');
  return jsonb_build_object('result', 'asked', 'known', known_instead(p->>'scope', p->>'scopeValue', p->>'account'));
end $$;
