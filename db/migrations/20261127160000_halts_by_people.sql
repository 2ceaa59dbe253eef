-- Halts that people call where they have no key: in a chat, and by the command that asks nobody.

-- As before, and: what a person does is written down each time, with a key (`underKey`) or in another way (`by`).
create or replace function engage_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  touched text[];
  what text := 'halt.repeated';
  is_by_person boolean := p->>'underKey' is not null or p->>'by' is not null;
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
  -- Who is asked to end it reads each person's reason, and not only the first one's.
  if what <> 'halt.engaged' and is_by_person and position(p->>'reason' in l.reason) = 0 then
    update latches set reason = left(l.reason || '; called again by ' || (p->>'subject') || ': ' || (p->>'reason'), 2000)
      where latch_id = l.latch_id returning * into l;
  end if;
  if what <> 'halt.repeated' then
    update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  end if;
  -- A part of ours may repeat itself each second; what a person does is always written down.
  if what <> 'halt.repeated' or is_by_person then
    insert into audit_events (kind, account, subject, data)
      select what, account, p->>'subject', jsonb_strip_nulls(jsonb_build_object('by', p->>'by')) || jsonb_build_object('latchId', l.latch_id,
        'scope', l.scope, 'scopeValue', l.scope_value, 'policy', l.policy, 'reason', p->>'reason', 'underKey', p->>'underKey')
      -- A latch over what nobody has any more is in the audit, too.
      from unnest(case when touched = '{}' then array[null] else touched end) account;
  end if;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  return jsonb_build_object('latchId', l.latch_id, 'isNew', what = 'halt.engaged', 'policy', l.policy, 'accounts', to_jsonb(touched));
end $$;

-- As before, but: a strategy is known in an account only where it trades there, since elsewhere nothing of it would stand still.
create or replace function ask_chat_halt(p jsonb) returns jsonb language plpgsql as $$
declare
  known text[];
  target text := (p->>'scope') || ' ' || (p->>'scopeValue');
begin
  if not may_halt_by_chat(p) then return jsonb_build_object('result', 'refused'); end if;
  -- Who mistypes a name at night must not believe that something stands still.
  select coalesce(array_agg(name order by name), '{}') into known from (
    select account as name from accounts where p->>'scope' = 'account'
    union select venue from accounts where p->>'scope' = 'venue'
    union select strategy from active_strategies where p->>'scope' = 'strategy' and account = coalesce(p->>'account', account)
    union select strategy from orders where p->>'scope' = 'strategy' and account = coalesce(p->>'account', account)
    union select instrument from instruments where p->>'scope' = 'instrument'
    union select instrument from positions where p->>'scope' = 'instrument') names;
  if p->>'account' is not null then
    target := target || ' in ' || (p->>'account');
    if not exists (select from accounts where account = p->>'account') then
      select coalesce(array_agg(account order by account), '{}') into known from accounts;
      return jsonb_build_object('result', 'unknownTarget', 'target', 'account ' || (p->>'account'), 'known', to_jsonb(known));
    end if;
  end if;
  if p->>'scope' <> 'everything' and not (p->>'scopeValue') = any (known) then
    return jsonb_build_object('result', 'unknownTarget', 'target', target, 'known', to_jsonb(known));
  end if;
  delete from chat_halts where expires_at < clock_timestamp() - interval '1 day';
  insert into chat_halts (code, chat, sender, subject, scope, scope_value, account, policy, expires_at)
    values (p->>'code', p->>'chat', p->>'sender', p->>'subject', p->>'scope', p->>'scopeValue', p->>'account', p->>'policy',
      clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond');
  insert into audit_events (kind, account, subject, data) values ('chat.haltAsked', p->>'account', p->>'subject', p - 'roles' - 'code');
  return jsonb_build_object('result', 'asked');
end $$;
