-- Halts that people ask for in a chat: by whom, what, and until when it may be confirmed. The latch itself is engage_latch's.

create table chat_halts (
  code text primary key,
  chat text not null,
  sender text not null,
  subject text not null references people,
  scope text not null,
  scope_value text not null,
  account text,
  policy text not null check (policy in ('none', 'atOnce')),
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);

-- Somebody tried who may not: people are told, once a day of each sender, however often it is tried.
create function refuse_chat(p jsonb) returns void language plpgsql as $$
begin
  perform raise_alert(jsonb_build_object('severity', 'warning', 'kind', 'chat.refused', 'subject', p->>'subject',
    'key', 'chat.refused:' || (p->>'sender') || ':' || to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD'),
    'summary', 'Chat ' || (p->>'chat') || ', sender ' || (p->>'sender') || ' tried to halt and may not. Nobody was answered.'));
end $$;

-- A person who is here and has one of these roles now; else it is told, as of anybody else.
create function may_halt_by_chat(p jsonb) returns boolean language plpgsql as $$
begin
  if exists (select from people where subject = p->>'subject' and deactivated_at is null
      and roles && array(select jsonb_array_elements_text(p->'roles'))) then
    return true;
  end if;
  perform refuse_chat(p);
  return false;
end $$;

create function ask_chat_halt(p jsonb) returns jsonb language plpgsql as $$
declare
  known text[];
begin
  if not may_halt_by_chat(p) then return jsonb_build_object('result', 'refused'); end if;
  -- Who mistypes a name at night must not believe that something stands still.
  select coalesce(array_agg(name order by name), '{}') into known from (
    select account as name from accounts where p->>'scope' = 'account'
    union select venue from accounts where p->>'scope' = 'venue'
    union select strategy from active_strategies where p->>'scope' = 'strategy'
    union select strategy from orders where p->>'scope' = 'strategy'
    union select instrument from instruments where p->>'scope' = 'instrument'
    union select instrument from positions where p->>'scope' = 'instrument') names;
  if (p->>'scope' <> 'everything' and not (p->>'scopeValue') = any (known))
      or (p->>'account' is not null and not exists (select from accounts where account = p->>'account')) then
    return jsonb_build_object('result', 'unknownTarget', 'known', to_jsonb(known));
  end if;
  delete from chat_halts where expires_at < clock_timestamp() - interval '1 day';
  insert into chat_halts (code, chat, sender, subject, scope, scope_value, account, policy, expires_at)
    values (p->>'code', p->>'chat', p->>'sender', p->>'subject', p->>'scope', p->>'scopeValue', p->>'account', p->>'policy',
      clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond');
  insert into audit_events (kind, account, subject, data) values ('chat.haltAsked', p->>'account', p->>'subject', p - 'roles' - 'code');
  return jsonb_build_object('result', 'asked');
end $$;

-- Again within its time it is the same halt: a message that the chat service gives twice, or whose answer was lost, does no harm.
create function confirm_chat_halt(p jsonb) returns jsonb language plpgsql as $$
declare
  h chat_halts;
begin
  if not may_halt_by_chat(p) then return jsonb_build_object('result', 'refused'); end if;
  select * into h from chat_halts where code = p->>'code' and chat = p->>'chat' and sender = p->>'sender' and subject = p->>'subject'
    and expires_at > clock_timestamp();
  if not found then return jsonb_build_object('result', 'noRequest'); end if;
  insert into audit_events (kind, account, subject, data) values ('chat.haltConfirmed', h.account, h.subject,
    jsonb_build_object('chat', h.chat, 'sender', h.sender, 'scope', h.scope, 'scopeValue', h.scope_value, 'policy', h.policy));
  return jsonb_build_object('result', 'confirmed', 'scope', h.scope, 'scopeValue', h.scope_value, 'account', h.account, 'policy', h.policy);
end $$;

-- As before, and: whether a position is worth what the venue takes is told by the last mark, too. What has become worth it since it
-- was bought is no dust any more; what cost it is never called so.
create or replace function unprotected_positions(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with held as (
      select strategy, instrument, quantity, cost from positions where account = the_account and quantity > 0),
    resting as (
      select strategy, instrument, sum(reserved_quantity) as quantity, count(*) as orders, count(triggered_at) as awake from orders
        where account = the_account and purpose = 'stop' and final_at is null group by strategy, instrument),
    pairs as (
      select strategy, instrument, coalesce(held.quantity, 0) as held, held.cost, coalesce(resting.quantity, 0) as resting,
          coalesce(resting.orders, 0) as stops, coalesce(resting.awake, 0) as awake
        from held full join resting using (strategy, instrument))
    select coalesce(jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument)), '[]')
    from pairs p join accounts a on a.account = the_account
    left join instruments n on n.venue = a.venue and n.instrument = p.instrument
    where p.stops > 1
      -- Its owner has to see that it sells.
      or p.awake > 0
      or abs(p.held - p.resting) >= greatest(coalesce((n.rules->>'stepSize')::numeric, 0), 0.000000000000000001)
        -- Less than the venue would take is dust, and nobody waits for it.
        and (p.stops > 0 or (p.held >= coalesce((n.rules->>'minQuantity')::numeric, 0)
          -- The newest bar of the shortest interval, by the key of the bars; looked up only for what cost too little.
          and (p.cost >= coalesce((n.rules->>'minNotional')::numeric, 0)
            or p.held * (select b.close from bars b where b.venue = a.venue and b.instrument = p.instrument
              and b.interval_ms = (select c.interval_ms from bars c where c.venue = a.venue and c.instrument = p.instrument
                order by c.interval_ms limit 1)
              order by b.open_time desc limit 1) >= (n.rules->>'minNotional')::numeric))));
end $$;
