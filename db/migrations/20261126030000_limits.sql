-- Limits as rows that people change, what two people let pass for a time, and what the gate counts. What an older build calls
-- goes on to work: `risk_state.limits` stays what the account's own rows say.

-- Each change is a row of its own; the newest version of a place counts.
create table limits (
  limit_id bigint generated always as identity primary key,
  scope text not null check (scope in ('account', 'venue', 'strategy', 'instrument')),
  scope_value text not null,
  -- Null for a venue, whose limits bind every account there.
  account text references accounts,
  limit_key text not null,
  -- Null: the limit was taken away.
  value text,
  was text,
  version integer not null,
  subject text not null,
  -- Null: the configuration wrote it.
  key_id uuid,
  reason text not null,
  -- Of a loosening: the request that another person approved.
  request_id uuid references approval_requests,
  created_at timestamptz not null default clock_timestamp(),
  check ((scope = 'venue') = (account is null)),
  foreign key (key_id, subject) references api_keys (key_id, subject),
  unique nulls not distinct (scope, scope_value, account, limit_key, version)
);
create trigger limits_append_only before update or delete on limits for each row execute function refuse_change();
create trigger limits_no_truncate before truncate on limits for each statement execute function refuse_change();

alter table risk_state add column configured_limits jsonb;
update risk_state set configured_limits = limits;
insert into limits (scope, scope_value, account, limit_key, value, version, subject, reason)
  select 'account', r.account, r.account, e.key, e.value, 1, 'configuration', 'the limits of the configuration before limits were rows'
  from risk_state r, jsonb_each_text(r.limits) e;

create table limit_overrides (
  override_id uuid primary key references approval_requests,
  account text not null references accounts,
  -- Null: of every strategy.
  strategy text,
  instrument text not null,
  limit_key text not null,
  value text not null,
  for_one_order boolean not null,
  subject text not null,
  reason text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by text,
  ended_at timestamptz,
  ended_by text
);
create index limit_overrides_of_account on limit_overrides (account, expires_at);
create trigger limit_overrides_move_risk after insert or update or delete on limit_overrides
  for each row execute function move_risk_version();

-- A strategy of an account that may not enter, and from when its entries are counted anew.
create table strategy_switches (
  account text not null references accounts,
  strategy text not null,
  disabled_reason text,
  counted_from timestamptz not null default clock_timestamp(),
  -- Null: the gate did it.
  changed_by text,
  changed_at timestamptz not null default clock_timestamp(),
  primary key (account, strategy)
);
create trigger strategy_switches_move_risk after insert or update or delete on strategy_switches
  for each row execute function move_risk_version();

create index orders_of_account on orders (account, created_at desc);

-- What is read after each order is in plpgsql, which keeps its plans: to plan it anew would cost more than to run it.
create function limit_rows(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
  select coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'scopeValue', scope_value, 'key', limit_key, 'value', value,
      'version', version) || case when l.account is null then '{}' else jsonb_build_object('account', l.account) end), '[]')
  from (select distinct on (scope, scope_value, account, limit_key) * from limits
    where account = the_account or (scope = 'venue' and scope_value = (select venue from accounts where account = the_account))
    order by scope, scope_value, account, limit_key, version desc) l);
end $$;

-- How often a strategy has entered since it last left by itself, or since a person enabled it.
create function entries_in_a_row(the_account text, the_strategy text, the_instrument text) returns integer language plpgsql stable as $$
begin
  return (
  select count(*)::integer from orders o
  where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
    and o.sequence = 1 and o.status <> 'denied' and o.created_at > greatest(
      (select e.created_at from orders e where e.account = the_account and e.strategy = the_strategy and e.instrument = the_instrument
        and e.purpose = 'exit' and e.status <> 'denied' order by e.created_at desc limit 1),
      (select counted_from from strategy_switches where account = the_account and strategy = the_strategy),
      '-infinity'));
end $$;

-- Every order of the last minute, up to the highest limit that there may be, so short that a view of it is cheap to read: the
-- gate reads it after each order. Rounded up: a millisecond too late lets nothing through.
create function recent_orders(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
  with recent as materialized (
    -- Of a float, which is quick, and a thousandth of a millisecond more than it can be wrong by.
    select strategy, instrument, purpose, sequence, ceil(date_part('epoch', created_at) * 1000 + 0.001)::bigint as time from orders
      where account = the_account and created_at > statement_timestamp() - interval '61 seconds' and status <> 'denied'
      order by created_at desc limit 1000)
  select jsonb_build_object(
    'times', coalesce((select jsonb_object_agg(strategy, to_jsonb(times))
      from (select strategy, array_agg(time) as times from recent group by strategy) t), '{}'),
    'entries', coalesce((select jsonb_agg(jsonb_build_array(strategy, instrument, time))
      from (select strategy, instrument, max(time) as time from recent where purpose = 'entry' and sequence = 1
        group by strategy, instrument) e), '[]')));
end $$;

-- What the gate counts and is bounded by, beside what read_risk told before.
create function read_bounds(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
begin
  return (
  select jsonb_build_object(
    'limitRows', limit_rows(the_account),
    'overrides', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('overrideId', v.override_id, 'strategy', v.strategy,
        'instrument', v.instrument, 'key', v.limit_key, 'value', v.value, 'isForOneOrder', v.for_one_order,
        'expiresTime', floor(extract(epoch from v.expires_at) * 1000)::bigint)))
      from limit_overrides v where v.account = the_account and v.expires_at > statement_timestamp() and v.used_at is null
        and v.ended_at is null), '[]'),
    'recentOrders', recent_orders(the_account),
    'repeats', entries_in_a_row(the_account, the_strategy, the_instrument),
    'disabled', (select disabled_reason from strategy_switches where account = the_account and strategy = the_strategy),
    'neighbours', (select jsonb_build_object('version', coalesce(sum(r.version), 0)::text,
        'gross', coalesce(sum(held.gross + working.notional), 0)::text, 'net', coalesce(sum(held.net + working.notional), 0)::text)
      from accounts a join accounts n on n.venue = a.venue and n.account <> a.account join risk_state r on r.account = n.account,
        lateral (select coalesce(sum(abs(cost)), 0) as gross, coalesce(sum(cost), 0) as net
          from positions p where p.account = n.account and p.quantity <> 0) held,
        lateral (select coalesce(sum(reserved_notional), 0) as notional
          from orders o where o.account = n.account and o.final_at is null) working
      where a.account = the_account)));
end $$;

create or replace function read_risk(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'account', a.account, 'venue', a.venue, 'epoch', (select epoch from instance), 'mode', c.mode,
      'controlVersion', c.version::text, 'riskVersion', r.version::text, 'limits', r.limits,
      'latches', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
          'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account)))
        from latches l where l.released_at is null), '[]'),
      'activeVersion', (select s.version from active_strategies s
        where s.account = a.account and s.strategy = the_strategy and s.instrument = the_instrument),
      'positions', coalesce((select jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument,
          'quantity', p.quantity::text, 'cost', p.cost::text))
        from positions p where p.account = a.account and p.quantity <> 0), '[]'),
      'workingOrders', coalesce((select jsonb_agg(jsonb_build_object('intentId', o.intent_id, 'strategy', o.strategy,
          'instrument', o.instrument, 'leg', o.leg, 'side', o.side, 'purpose', o.purpose, 'status', o.status,
          'reservedQuantity', o.reserved_quantity::text, 'reservedNotional', o.reserved_notional::text, 'quote', o.quote))
        from orders o where o.account = a.account and o.final_at is null), '[]'),
      'balances', coalesce((select jsonb_object_agg(held.asset, held.quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity from inventory i where i.account = a.account
            union all select asset, quantity from ledger_balances b where b.account = a.account) both_parts
          group by asset) held), '{}'),
      'blocked', (select b.reason from blocked_instruments b where b.account = a.account and b.instrument = the_instrument),
      'instrument', (select n.rules from instruments n where n.venue = a.venue and n.instrument = the_instrument),
      'databaseTime', floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
      || read_bounds(a.account, the_strategy, the_instrument)
    from accounts a join control c using (account) join risk_state r using (account)
    where a.account = the_account);
end $$;

create or replace function read_account_risk(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'view', read_risk(the_account, '', ''),
      'activeVersions', coalesce((select jsonb_agg(jsonb_build_array(s.strategy, s.instrument, s.version))
        from active_strategies s where s.account = the_account), '[]'),
      'repeats', coalesce((select jsonb_agg(jsonb_build_array(s.strategy, s.instrument,
          entries_in_a_row(the_account, s.strategy, s.instrument)))
        from active_strategies s where s.account = the_account), '[]'),
      'disabled', coalesce((select jsonb_object_agg(w.strategy, w.disabled_reason)
        from strategy_switches w where w.account = the_account and w.disabled_reason is not null), '{}'),
      'blocked', coalesce((select jsonb_object_agg(b.instrument, b.reason)
        from blocked_instruments b where b.account = the_account), '{}'),
      'instruments', coalesce((select jsonb_object_agg(n.instrument, n.rules)
        from instruments n join accounts a using (venue) where a.account = the_account
          and n.instrument in (select s.instrument from active_strategies s where s.account = the_account)), '{}'))
    from accounts a join control c using (account) join risk_state r using (account)
    where a.account = the_account);
end $$;

-- Disables a strategy until a person enables it again; once.
create function disable_strategy_row(the_account text, the_strategy text, the_reason text, the_subject text, extra jsonb)
returns boolean language plpgsql as $$
begin
  insert into strategy_switches as w (account, strategy, disabled_reason, changed_by) values (the_account, the_strategy, the_reason, the_subject)
    on conflict (account, strategy) do update set disabled_reason = excluded.disabled_reason, changed_by = excluded.changed_by,
      changed_at = clock_timestamp()
    where w.disabled_reason is null;
  if not found then return false; end if;
  insert into audit_events (kind, account, subject, data) values ('strategy.disabled', the_account, the_subject,
    jsonb_build_object('strategy', the_strategy, 'reason', the_reason) || extra);
  return true;
end $$;

-- P4, which now also holds an approved order to what the gate counted on: the overrides that it needs still stand, a limit of so
-- many in a second or minute is not outrun by a clock, and what the venue's other accounts hold is what was seen.
create or replace function authorise_order(p jsonb) returns jsonb language plpgsql as $$
declare
  o orders;
  approved boolean := p->>'verdict' = 'authorised';
  d jsonb := p->'order';
  has_signal boolean := jsonb_typeof(p->'signal') = 'object';
  needed uuid[] := array(select id::uuid from jsonb_array_elements_text(coalesce(p->'order'->'overrides', '[]')) id);
  refusals jsonb;
begin
  select * into o from orders where intent_id = d->>'intentId';
  if found then return jsonb_build_object('result', 'stored', 'order', order_json(o)); end if;
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;

  if approved then
    perform from control where account = d->>'account' and version = (d->>'controlVersion')::bigint for share;
    if not found then return jsonb_build_object('result', 'conflict'); end if;
    if d->>'neighbourVersion' is not null then
      perform from risk_state r join accounts n using (account)
        where n.venue = (select venue from accounts where account = d->>'account') order by r.account for update of r;
      if (select coalesce(sum(r.version), 0) from risk_state r join accounts n using (account)
          where n.venue = (select venue from accounts where account = d->>'account') and n.account <> d->>'account')
        <> (d->>'neighbourVersion')::numeric then return jsonb_build_object('result', 'conflict');
      end if;
    end if;
    perform from risk_state where account = d->>'account' and version = (p->>'riskVersion')::bigint for update;
    if not found then return jsonb_build_object('result', 'conflict'); end if;
    if extract(epoch from clock_timestamp()) * 1000 < coalesce((d->>'notBefore')::numeric, 0) then
      return jsonb_build_object('result', 'conflict');
    end if;
    if cardinality(needed) <> (select count(*) from limit_overrides v where v.override_id = any (needed)
        and v.account = d->>'account' and v.used_at is null and v.ended_at is null and v.expires_at > clock_timestamp()) then
      return jsonb_build_object('result', 'conflict');
    end if;
    update risk_state set version = version + 1 where account = d->>'account';
  else
    perform disable_strategy_row(e->>'account', e->>'strategy', e->>'reason', null, '{}')
      from jsonb_array_elements(coalesce(p->'disables', '[]')) e;
    if not has_signal then
      perform write_events(p);
      return jsonb_build_object('result', 'denied');
    end if;
  end if;

  if has_signal then
    perform store_signal(p->'signal', approved);
    -- A signal is an order or it is on record as not traded, never both: who started it may have given up and recorded it
    -- while a step that had stalled was still about to authorise it (P1). Whoever writes the signal's row first is right.
    if approved then
      select failures into refusals from signals where signal_id = p->'signal'->>'signalId' and outcome = 'notTraded';
      if found then return jsonb_build_object('result', 'untraded', 'failures', refusals); end if;
    end if;
  end if;
  insert into orders (intent_id, client_order_id, signal_id, account, strategy, strategy_version, instrument, base, quote,
    leg, side, status, time_in_force, purpose, order_type, post_only, stop_price, working_until, sequence, sizing,
    quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until, failures, final_at)
  values (d->>'intentId', d->>'clientOrderId', case when has_signal then p->'signal'->>'signalId' end, d->>'account',
    d->>'strategy', d->>'strategyVersion', d->>'instrument', d->>'base', d->>'quote', d->>'leg', d->>'side', p->>'verdict',
    d->>'timeInForce', coalesce(d->>'purpose', case when d->>'leg' = 'open' then 'entry' else 'exit' end),
    coalesce(d->>'type', 'limit'), coalesce((d->>'postOnly')::boolean, false), (d->>'stopPrice')::numeric,
    (d->>'workingUntil')::bigint, coalesce((d->>'sequence')::integer, 1), nullif(d->'sizing', 'null'),
    (d->>'quantity')::numeric, (d->>'price')::numeric, (d->>'reservedQuantity')::numeric,
    (d->>'reservedNotional')::numeric, (d->>'controlVersion')::bigint, (p->>'epoch')::integer,
    case when approved then clock_timestamp() + make_interval(secs => (p->>'authorisedForMs')::double precision / 1000) end,
    coalesce(p->'failures', '[]'), case when approved then null else clock_timestamp() end)
  on conflict (intent_id) do nothing
  returning * into o;
  if not found then
    -- Another process authorised the same intent between our look and our insert: its verdict stands, and the
    -- reservation above goes with this statement's failure.
    raise exception 'authorised elsewhere' using errcode = 'KE001';
  end if;
  if approved then
    update limit_overrides set used_at = clock_timestamp(), used_by = o.intent_id where override_id = any (needed) and for_one_order;
  end if;
  perform write_events(p);
  return jsonb_build_object('result', 'written', 'order', order_json(o));
end $$;

-- The accounts whose orders a limit binds, in the order in which their rows are locked.
create function accounts_of_limit(p jsonb) returns text[] language sql stable as $$
  select array_agg(account order by account) from accounts
  where case when p->>'scope' = 'venue' then venue = p->>'scopeValue' else account = p->>'account' end
$$;

-- Locks what a change of limits touches: control, then risk state, as everywhere.
create function lock_accounts(the_accounts text[]) returns void language plpgsql as $$
begin
  perform from control where account = any (the_accounts) order by account for update;
  perform from risk_state where account = any (the_accounts) order by account for update;
end $$;

-- Held views are read anew, verdicts in flight conflict (P4), and what is authorised and unsent is not sent (P5). The mode is as old
-- as it was: `updated_at` tells that.
create function move_versions(the_accounts text[]) returns void language plpgsql as $$
begin
  update control set version = version + 1 where account = any (the_accounts);
  update risk_state set version = version + 1 where account = any (the_accounts);
end $$;

-- The next version of a limit at its place, over the version it was decided on. The caller has locked.
create function write_limit(p jsonb) returns boolean language plpgsql as $$
declare
  newest limits;
begin
  select * into newest from limits where scope = p->>'scope' and scope_value = p->>'scopeValue'
    and account is not distinct from p->>'account' and limit_key = p->>'key' order by version desc limit 1;
  if coalesce(newest.version, 0) <> (p->>'version')::integer then return false; end if;
  insert into limits (scope, scope_value, account, limit_key, value, was, version, subject, key_id, reason, request_id)
    values (p->>'scope', p->>'scopeValue', p->>'account', p->>'key', p->>'value', newest.value, coalesce(newest.version, 0) + 1,
      p->>'subject', (p->>'underKey')::uuid, p->>'reason', (p->>'requestId')::uuid);
  if p->>'scope' = 'account' then
    update risk_state set limits = jsonb_strip_nulls(limits || jsonb_build_object(p->>'key',
        case when p->>'key' ~ '(Notional|Exposure|Hours)$' then to_jsonb(p->>'value') else to_jsonb((p->>'value')::numeric) end))
      where account = p->>'account';
  end if;
  insert into audit_events (kind, account, subject, data) values ('limit.changed', p->>'account', p->>'subject',
    jsonb_build_object('scope', p->>'scope', 'scopeValue', p->>'scopeValue', 'limit', p->>'key', 'from', newest.value,
      'to', p->>'value', 'version', coalesce(newest.version, 0) + 1, 'reason', p->>'reason', 'underKey', p->>'underKey')
    || case when p->>'requestId' is null then '{}' else jsonb_build_object('requestId', p->>'requestId', 'approvedBy',
         (select jsonb_agg(subject order by decided_at) from approvals where request_id = (p->>'requestId')::uuid and decision = 'approved')) end);
  return true;
end $$;

-- What the gate's own code has found to be no looser than what stands: one person is enough. `conflict`: it stands no more.
create function tighten_limit(p jsonb) returns text language plpgsql as $$
declare
  touched text[] := accounts_of_limit(p);
begin
  if touched is null then return 'unknown'; end if;
  perform lock_accounts(touched);
  if not write_limit(p - 'requestId') then return 'conflict'; end if;
  perform move_versions(touched);
  return 'done';
end $$;

-- Asks for a second person, once for each id. Answers the state of the request.
create function request_approval(p jsonb) returns jsonb language plpgsql as $$
declare
  r approval_requests;
begin
  insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
    values ((p->>'requestId')::uuid, p->>'action', p->>'account', p->'payload', p->>'subject', (p->>'underKey')::uuid, p->>'reason',
      clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond')
    on conflict (request_id) do nothing;
  if found then
    insert into audit_events (kind, account, subject, data) values ('approval.requested', p->>'account', p->>'subject',
      jsonb_build_object('requestId', p->>'requestId', 'action', p->>'action', 'reason', p->>'reason', 'payload', p->'payload'));
  end if;
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  return jsonb_build_object('result', case when r.action = p->>'action' and r.requested_by = p->>'subject'
      and r.payload_sha256 = payload_hash(p->'payload') then approval_state(r) else 'otherPayload' end,
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;

-- Does what two people have agreed on, once: the row of the request says what, and nobody else. `changed`: the limit is not any
-- more what it was when it was asked.
create function apply_limit_request(p jsonb) returns text language plpgsql as $$
declare
  r approval_requests;
  touched text[];
  state text;
begin
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  if not found or r.action not in ('loosenLimit', 'overrideLimit') then return 'missing'; end if;
  touched := case when r.action = 'loosenLimit' then accounts_of_limit(r.payload) else array[r.account] end;
  perform lock_accounts(touched);
  if r.used_at is null then
    if exists (select from people q join api_keys k using (subject)
        where k.key_id = r.key_id and (q.deactivated_at is not null or k.revoked_at is not null)) then return 'expired'; end if;
    if r.action = 'loosenLimit' and (r.payload->>'version')::integer <> coalesce((select max(version) from limits l
        where l.scope = r.payload->>'scope' and l.scope_value = r.payload->>'scopeValue'
          and l.account is not distinct from r.payload->>'account' and l.limit_key = r.payload->>'key'), 0) then return 'changed'; end if;
  end if;
  state := use_approval(r.request_id, r.action, r.payload);
  if state <> 'granted' then return state; end if;
  if r.action = 'loosenLimit' then
    perform write_limit(r.payload || jsonb_build_object('subject', r.requested_by, 'underKey', r.key_id, 'reason', r.reason,
      'requestId', r.request_id));
  else
    insert into limit_overrides (override_id, account, strategy, instrument, limit_key, value, for_one_order, subject, reason, expires_at)
      values (r.request_id, r.account, r.payload->>'strategy', r.payload->>'instrument', r.payload->>'key', r.payload->>'value',
        (r.payload->>'isForOneOrder')::boolean, r.requested_by, r.reason,
        clock_timestamp() + (r.payload->>'validForMs')::bigint * interval '1 millisecond');
    insert into audit_events (kind, account, subject, data) values ('limit.overridden', r.account, r.requested_by,
      r.payload || jsonb_build_object('requestId', r.request_id, 'reason', r.reason, 'approvedBy',
        (select jsonb_agg(subject order by decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  end if;
  perform move_versions(touched);
  return 'granted';
end $$;

-- Ends an override before its time; one person is enough to be careful.
create function end_override(p jsonb) returns text language plpgsql as $$
declare
  v limit_overrides;
begin
  select * into v from limit_overrides where override_id = (p->>'overrideId')::uuid;
  if not found then return 'unknown'; end if;
  perform lock_accounts(array[v.account]);
  update limit_overrides set ended_at = clock_timestamp(), ended_by = p->>'subject'
    where override_id = v.override_id and ended_at is null and used_at is null and expires_at > clock_timestamp();
  if not found then return 'done'; end if;
  perform move_versions(array[v.account]);
  insert into audit_events (kind, account, subject, data) values ('override.ended', v.account, p->>'subject',
    jsonb_build_object('overrideId', v.override_id, 'instrument', v.instrument, 'limit', v.limit_key, 'reason', p->>'reason',
      'underKey', p->>'underKey'));
  return 'done';
end $$;

-- A person disables a strategy's entries, or lets it enter again; then its entries are counted anew.
create function disable_strategy(p jsonb) returns text language plpgsql as $$
begin
  perform disable_strategy_row(p->>'account', p->>'strategy', p->>'reason', p->>'subject', jsonb_build_object('underKey', p->>'underKey'));
  return 'done';
end $$;
create function enable_strategy(p jsonb) returns text language plpgsql as $$
declare
  w strategy_switches;
begin
  select * into w from strategy_switches where account = p->>'account' and strategy = p->>'strategy' for update;
  if not found or w.disabled_reason is null then return 'notDisabled'; end if;
  update strategy_switches set disabled_reason = null, counted_from = clock_timestamp(), changed_by = p->>'subject',
    changed_at = clock_timestamp() where account = w.account and strategy = w.strategy;
  insert into audit_events (kind, account, subject, data) values ('strategy.enabled', w.account, p->>'subject',
    jsonb_build_object('strategy', w.strategy, 'was', w.disabled_reason, 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;

-- What a start needs to know of an account's limits before it says what the file has to change; null: the account is new.
create function read_limit_state(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object('rows', limit_rows(the_account), 'configured', r.configured_limits)
    from risk_state r where r.account = the_account);
end $$;

-- As before, but limits change by rows: those that the new build has found to be stricter (`limitChanges`). An older build, which
-- knows no rows, changes none.
create or replace function apply_configuration(p jsonb) returns boolean language plpgsql as $$
declare
  changed boolean := false;
  touched integer;
  c jsonb;
begin
  insert into accounts (account, venue) values (p->>'account', p->>'venue') on conflict do nothing;
  insert into control (account) values (p->>'account') on conflict do nothing;
  insert into risk_state (account, limits) values (p->>'account', p->'limits') on conflict do nothing;
  get diagnostics touched = row_count;
  changed := touched > 0;
  perform lock_accounts(array[p->>'account']);
  for c in select * from jsonb_array_elements(coalesce(p->'limitChanges', '[]')) loop
    if not write_limit(c || jsonb_build_object('scope', 'account', 'scopeValue', p->>'account', 'account', p->>'account',
        'subject', 'configuration', 'reason', 'the configuration says so')) then
      raise exception 'limits changed meanwhile' using errcode = 'KE002';
    end if;
    changed := true;
  end loop;
  if p ? 'limitChanges' then
    update risk_state set configured_limits = p->'limits' where account = p->>'account' and configured_limits is distinct from p->'limits';
  end if;
  if p ? 'strategies' and is_first_of_start(p) then
    delete from active_strategies where account = p->>'account' and not exists (
      select from jsonb_array_elements(p->'strategies') s
      where s->>'strategy' = active_strategies.strategy and s->>'instrument' = active_strategies.instrument);
    changed := changed or found;
    insert into active_strategies as had (account, strategy, instrument, version, model_hash)
      select p->>'account', s->>'strategy', s->>'instrument', s->>'version', s->>'modelHash'
      from jsonb_array_elements(p->'strategies') s
      on conflict (account, strategy, instrument) do update set version = excluded.version, model_hash = excluded.model_hash
      where (had.version, had.model_hash) is distinct from (excluded.version, excluded.model_hash);
    changed := changed or found;
  end if;
  if changed then
    perform move_versions(array[p->>'account']);
    insert into audit_events (kind, account, subject, data) values ('config.applied', p->>'account', p->>'subject', p - 'account');
  end if;
  return changed;
end $$;
