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
    insert into outbox (kind, data) select 'haltEngaged', jsonb_build_object('account', account) from unnest(touched) account;
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
