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

-- When the check of ledger against venue began that found an account clean last, epoch ms by this database's clock; null: none did.
-- That of a halt takes two looks, all of them within half a minute of its end.
create function last_clean_check(the_account text) returns bigint language sql stable as $$
  select epoch_ms(verified_at) - 30000 from kills where account = the_account and phase = 'verified'
$$;

-- What a process asks for again and again, so as to know whether it has its ledger.
create function read_clearance() returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object('databaseTime', epoch_ms(clock_timestamp()),
    'cleanSince', (select coalesce(jsonb_object_agg(account, checked), '{}')
      from (select account, last_clean_check(account) as checked from accounts) a where checked is not null));
end $$;

-- P30: as before, and: every account under the latch was verified after the second person had approved. One that was clean just
-- before, and whose new look is still under way or has failed, is not clean. One statement: two people's rows, a verification of
-- every account under it that is not older than a minute, nothing unresolved, and no open incident but those that the request names. Whoever looks after what is held is woken.
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
  if state <> 'approved' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  if l.released_at is not null then return jsonb_build_object('result', 'notClean', 'found', 'the halt was ended by another request'); end if;

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
