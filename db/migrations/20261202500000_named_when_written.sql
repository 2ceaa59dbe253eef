-- Whom a halt of a strategy or an instrument is about is asked while it is written, under the locks of every account, and each second by every watch.
-- What an open incident or difference tells of is therefore noted when it is written, where an index finds it: however many of them an account has,
-- and nobody decides, the answer takes a few look-ups. Before, all of them were read, and each of their words looked for.

-- The keys under which something that tells of these words, and of these coins, of an account is found. No name of ours is longer than 32 characters;
-- a number is none. An order comes before whatever is told of it.
create function keys_told(the_account text, told jsonb, coins jsonb) returns text[] language sql stable as $$
  with said as (select distinct v #>> '{}' as word from jsonb_path_query(told, 'strict $.** ? (@.type() == "string")') v),
    named as (
      select word from said
      -- Names of orders and workflows are made of it.
      union select part from said cross join lateral unnest(string_to_array(translate(word, ':', ' '), ' ')) part
      union select unnest(array[o.strategy, o.instrument]) from said cross join lateral (
        select strategy, instrument from orders where intent_id = word and account = the_account limit 1) o),
    keys as (
      select the_account || ':' || word as key from named where length(word) between 1 and 64 and word !~ '^[0-9.]+$'
      union select the_account || '::' || left(coin, 64) from jsonb_object_keys(coalesce(coins, '{}')) coin)
  select coalesce(array_agg(key), '{}') from keys
$$;

-- … and those under which a strategy or an instrument is looked for. Of what the books do not explain it is not known whose it is: of an instrument are its coins, too.
create function keys_of_part(the_account text, the_scope text, the_value text) returns text[] language sql immutable as $$
  select array[the_account || ':' || the_value, the_account || ':' || replace(the_value, '/', '-')]
    || case when the_scope = 'instrument' then array[the_account || '::' || split_part(the_value, '/', 1)] else '{}' end
$$;

alter table incidents add column tells_of text[] not null default '{}';
alter table reconciliation_differences add column tells_of text[] not null default '{}';

create function note_told_by_incident() returns trigger language plpgsql as $$
begin
  new.tells_of := keys_told(new.account, new.data, null);
  return new;
end $$;
create trigger incidents_told before insert or update of data, account on incidents for each row execute function note_told_by_incident();

create function note_told_by_difference() returns trigger language plpgsql as $$
begin
  -- Each look writes again what it finds unchanged.
  if tg_op = 'UPDATE' and (new.subject, new.evidence, new.deltas) is not distinct from (old.subject, old.evidence, old.deltas) then return new; end if;
  new.tells_of := keys_told(new.account, jsonb_build_array(new.subject, new.evidence), new.deltas);
  return new;
end $$;
create trigger reconciliation_differences_told before insert or update of subject, evidence, deltas on reconciliation_differences
  for each row execute function note_told_by_difference();

update incidents set tells_of = keys_told(account, data, null) where closed_at is null;
update reconciliation_differences set tells_of = keys_told(account, jsonb_build_array(subject, evidence), deltas) where ended_at is null;

-- Written at once: what waits in a list to be sorted in would be read by every question.
create index incidents_tell_of on incidents using gin (tells_of) with (fastupdate = off) where closed_at is null;
create index reconciliation_differences_tell_of on reconciliation_differences using gin (tells_of) with (fastupdate = off) where ended_at is null;

-- What has ended since a halt is as much as an account trades, and a halt may stand for long: found by what it is of.
create index orders_ended_of_strategy on orders (account, strategy, final_at) where final_at is not null;
create index orders_ended_of_instrument on orders (account, instrument, final_at) where final_at is not null;
drop index orders_ended;

-- As before, but each question finds its answer by an index. Of what has ended the newest is asked for: there is one way only to find that.
create or replace function has_part(the_account text, the_scope text, the_value text, since timestamptz) returns boolean language plpgsql stable as $$
declare
  keys text[] := keys_of_part(the_account, the_scope, the_value);
begin
  if the_scope = 'strategy' then
    if exists (select from active_strategies s where s.account = the_account and s.strategy = the_value)
      or exists (select from positions q where q.account = the_account and q.strategy = the_value and (q.quantity <> 0 or q.updated_at >= since))
      or exists (select from position_sums q where q.account = the_account and q.strategy = the_value and q.quantity <> 0)
      or exists (select from orders o where o.account = the_account and o.strategy = the_value and o.final_at is null)
      or (select max(o.final_at) from orders o where o.account = the_account and o.strategy = the_value) > since - interval '1 day'
    then return true; end if;
  elsif exists (select from active_strategies s where s.account = the_account and s.instrument = the_value)
    or exists (select from positions q where q.account = the_account and q.instrument = the_value and (q.quantity <> 0 or q.updated_at >= since))
    or exists (select from position_sums q where q.account = the_account and q.instrument = the_value and q.quantity <> 0)
    or exists (select from orders o where o.account = the_account and o.instrument = the_value and o.final_at is null)
    or (select max(o.final_at) from orders o where o.account = the_account and o.instrument = the_value) > since - interval '1 day'
  then return true;
  end if;
  return exists (select from incidents i where i.closed_at is null and i.tells_of && keys)
    or exists (select from reconciliation_differences d where d.ended_at is null and d.tells_of && keys);
end $$;
drop function tells_of;

-- Since when a strategy or an instrument is halted in all accounts. Of a halt of a time to come it is not known: whatever there was counts.
create function part_halted_since(the_scope text, the_value text) returns timestamptz language sql as $$
  select coalesce(min(coalesce(not_ahead(l.engaged_at), '-infinity')), clock_timestamp()) from latches l
    where l.released_at is null and l.scope = the_scope and l.scope_value = the_value and l.account is null
$$;

-- Whether a latch is about an account: one that asks for itself asks of no other.
create function is_under(the_account text, the_scope text, the_value text, its_account text) returns boolean language plpgsql stable as $$
begin
  return the_account in (select accounts_reached(the_scope, the_value, its_account))
    and (the_scope not in ('strategy', 'instrument') or its_account is not null
      or has_part(the_account, the_scope, the_value, part_halted_since(the_scope, the_value)));
end $$;

-- As before.
create or replace function accounts_under(the_scope text, the_value text, the_account text) returns setof text language sql stable as $$
  select r.account from accounts_reached(the_scope, the_value, the_account) r (account)
    where is_under(r.account, the_scope, the_value, the_account)
$$;

-- … and for whoever can wait only so long: what is not known by then counts.
create function accounts_under_until(l latches, latest timestamptz) returns text[] language plpgsql as $$
declare
  one text;
  concerned text[] := '{}';
begin
  for one in select a from accounts_reached(l.scope, l.scope_value, l.account) a order by a loop
    if clock_timestamp() > latest or is_under(one, l.scope, l.scope_value, l.account) then concerned := concerned || one; end if;
  end loop;
  return concerned;
end $$;

-- As before, but: nothing that is asked beside keeps it from being written, nor everybody else waiting for its locks.
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
  concerned := accounts_under_until(l, clock_timestamp() + interval '300 milliseconds');
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
