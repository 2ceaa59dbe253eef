-- A clock of the database's that was ahead and is set back, for what was not looked at yet: limits, what has been found, and shares of an address.
-- Nothing written at a time to come loosens a limit until that time has come; the next look of the account that begins leaves nothing of it.

-- What an account has of a time to come is of now from here on; an override of such a time has ended, since nobody knows when it was to. The
-- control row is locked before, as everywhere.
create function leave_nothing_ahead(the_account text) returns void language plpgsql as $$
declare
  ended record;
begin
  if exists (select from limit_overrides where account = the_account and ended_at is null and not_ahead(created_at) is null
        and expires_at > clock_timestamp())
    or exists (select from strategy_switches where account = the_account and not_ahead(counted_from) is null) then
    perform lock_accounts(array[the_account]);
    for ended in update limit_overrides set ended_at = clock_timestamp(), ended_by = 'the database’s clock was set back'
        where account = the_account and ended_at is null and not_ahead(created_at) is null and expires_at > clock_timestamp()
        returning * loop
      insert into audit_events (kind, account, data) values ('override.ended', the_account, jsonb_build_object('overrideId', ended.override_id,
        'instrument', ended.instrument, 'limit', ended.limit_key, 'reason', ended.ended_by));
    end loop;
    update strategy_switches set counted_from = clock_timestamp() where account = the_account and not_ahead(counted_from) is null;
    perform move_versions(array[the_account]);
  end if;
  update reconciliation_differences set first_seen_at = least(first_seen_at, clock_timestamp()), same_since = least(same_since, clock_timestamp()),
      seen_since = least(seen_since, clock_timestamp()), last_seen_at = least(last_seen_at, clock_timestamp()),
      decided_at = least(decided_at, case when decided_at is not null then clock_timestamp() end)
    where account = the_account and ended_at is null
      and not_ahead(greatest(first_seen_at, same_since, seen_since, last_seen_at, decided_at)) is null;
end $$;

-- As before, and: an outage of a time to come is of now, and so are its end and its venue's first answer; it is still of after what had paused the
-- account before it. Limits and differences have nothing of a time to come, either.
create or replace function begin_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  fills_from bigint;
  at constant timestamptz := clock_timestamp();
  latest constant timestamptz := at + interval '2 seconds';
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  update outages o set
      began_at = least(o.began_at, at + case when coalesce(c.reconciliation_hold->>'first', c.reconciliation_hold->>'since')::timestamptz < o.began_at
        then interval '1 millisecond' else interval '0' end),
      found_at = least(o.found_at, at), resumed_at = case when o.resumed_at > at then at else o.resumed_at end,
      -- No comparison that counts now, which may be of up to two seconds to come, is of after these.
      over_at = case when o.over_at > latest then latest else o.over_at end,
      answered_at = case when o.answered_at > latest then latest else o.answered_at end
    from control c where c.account = o.account and o.account = p->>'account'
      and not_ahead(greatest(o.began_at, o.found_at, o.over_at, o.answered_at, o.resumed_at)) is null;
  -- A comparison that begins from now on is of after the pause. The control row first, as at a look's end.
  update control set reconciliation_hold = reconciliation_hold || jsonb_strip_nulls(jsonb_build_object(
      'since', least((reconciliation_hold->>'since')::timestamptz, at),
      'first', case when reconciliation_hold ? 'first' then least((reconciliation_hold->>'first')::timestamptz, at) end))
    where account = p->>'account' and greatest((reconciliation_hold->>'since')::timestamptz, (reconciliation_hold->>'first')::timestamptz) > at;
  perform leave_nothing_ahead(p->>'account');
  insert into reconciliations as had (account, lease_owner, lease_until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until,
        -- Where the comparison that ended last is of a time to come, the clean one before it is not the newest.
        last_clean_at = case when not_ahead(greatest(had.last_clean_at, had.last_compared_at)) is not null then had.last_clean_at end,
        last_compared_at = not_ahead(had.last_compared_at)
      where had.lease_owner is null or had.lease_owner = excluded.lease_owner or had.lease_until < clock_timestamp()
        -- No lease is longer than a minute, however short the one that is asked for.
        or had.lease_until > clock_timestamp() + greatest(interval '1 minute', (p->>'forMs')::integer * interval '1 millisecond')
    returning * into r;
  if r.account is null then return jsonb_build_object('result', 'busy'); end if;
  insert into reconciliation_runs (run_id, account, scope) values ((p->>'runId')::uuid, p->>'account', p->>'scope')
    on conflict (run_id) do nothing;
  -- Reckoned once: the index of the newest fills is used only for what does not change from row to row.
  fills_from := coalesce(r.cursor_time, epoch_ms(clock_timestamp()) - 90000000) - 93600000;
  return (
    select jsonb_build_object('result', 'mine', 'isKillAtWork', is_kill_at_work(p->>'account'), 'cursor', r.cursor_time, 'began', clock_timestamp(),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)), 'instruments', coalesce((
        select jsonb_agg(instrument) from (
          select instrument from active_strategies s where s.account = a.account
          union select instrument from positions q where q.account = a.account and q.quantity <> 0
          union select instrument from orders o where o.account = a.account and o.final_at is null
          -- What was traded within the longest window, and is flat by now: else its fills would be told as not listed.
          union select instrument from fills f where f.account = a.account
            and f.event_time >= fills_from) concerned), '[]'),
      'besides', array(select traded_by_hand(a.account)))
    from accounts a where a.account = p->>'account');
end $$;

-- As before, but: no override of a time to come stands.
create or replace function read_bounds(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
begin
  return (
  select jsonb_build_object(
    'calendar', calendar_view(),
    'limitRows', limit_rows(the_account),
    'overrides', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('overrideId', v.override_id, 'strategy', v.strategy,
        'instrument', v.instrument, 'key', v.limit_key, 'value', v.value, 'isForOneOrder', v.for_one_order,
        'expiresTime', floor(extract(epoch from v.expires_at) * 1000)::bigint)))
      from limit_overrides v where v.account = the_account and v.expires_at > statement_timestamp() and v.used_at is null
        and v.ended_at is null and not_ahead(v.created_at) is not null), '[]'),
    'recentOrders', recent_orders(the_account),
    'repeats', entries_in_a_row(the_account, the_strategy, the_instrument),
    'disabled', (select disabled_reason from strategy_switches where account = the_account and strategy = the_strategy),
    'neighbours', (select jsonb_build_object('version', coalesce(sum(r.version), 0)::text,
        'gross', coalesce(sum(held.gross + working.notional), 0)::text, 'net', coalesce(sum(held.net + working.notional), 0)::text,
        'quotes', (select coalesce(jsonb_agg(distinct split_part(s.instrument, '/', 2)), '[]') from accounts a2
          join accounts n2 on n2.venue = a2.venue and n2.account <> a2.account,
          lateral (select instrument from positions p where p.account = n2.account and p.quantity <> 0
            union all select instrument from orders o where o.account = n2.account and o.final_at is null and o.reserved_notional <> 0) s
          where a2.account = the_account))
      from accounts a join accounts n on n.venue = a.venue and n.account <> a.account join risk_state r on r.account = n.account,
        lateral (select coalesce(sum(abs(cost)), 0) as gross, coalesce(sum(cost), 0) as net
          from positions p where p.account = n.account and p.quantity <> 0) held,
        lateral (select coalesce(sum(reserved_notional), 0) as notional
          from orders o where o.account = n.account and o.final_at is null) working
      where a.account = the_account)));
end $$;

-- As before, but: no override of a time to come stands; and an entry is authorised no longer than `notAfter` says (trading hours, and what the calendar
-- blocks, hold for the sending of an entry, which P5 asks), and decided again where that has passed already.
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
    if extract(epoch from clock_timestamp()) * 1000 not between coalesce((d->>'notBefore')::numeric, 0) and coalesce((d->>'notAfter')::numeric, 'infinity') then
      return jsonb_build_object('result', 'conflict');
    end if;
    if cardinality(needed) > 0 and cardinality(needed) <> (select count(*) from limit_overrides v where v.override_id = any (needed)
        and v.account = d->>'account' and v.used_at is null and v.ended_at is null and v.expires_at > clock_timestamp()
        and not_ahead(v.created_at) is not null) then
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
    case when approved then least(clock_timestamp() + make_interval(secs => (p->>'authorisedForMs')::double precision / 1000),
      (select min(expires_at) from limit_overrides where override_id = any (needed)),
      to_timestamp((d->>'notAfter')::numeric / 1000)) end,
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

-- As before, but: from a time to come nothing would be counted; until the next look all are.
create or replace function entries_in_a_row(the_account text, the_strategy text, the_instrument text) returns integer language plpgsql stable as $$
declare
  since timestamptz := coalesce((select not_ahead(counted_from) from strategy_switches where account = the_account and strategy = the_strategy), '-infinity');
  e orders;
begin
  select * into e from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
    and o.purpose = 'exit' and o.status <> 'denied' order by o.ordinal desc nulls last, o.created_at desc limit 1;
  return (
    select count(*)::integer from (
      (select 1 from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
          and o.sequence = 1 and o.status <> 'denied' and o.ordinal > coalesce(e.ordinal, 0) and o.created_at > since
        order by o.ordinal desc nulls last limit 1000)
      union all
      (select 1 from orders o
        where e.ordinal is null and o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'entry'
          and o.sequence = 1 and o.status <> 'denied' and o.ordinal is null and o.created_at > greatest(e.created_at, since)
        order by o.ordinal desc nulls last, o.created_at desc limit 1000)
      limit 1000) newest);
end $$;

-- As before, and: a day that is to come has the newest loss there is.
create or replace function loss_stands(the_account text) returns text language sql stable as $$
  select coalesce(trim_scale(round(w.daily_loss_ratio * 100, 2)) || ' %', 'more than its limit')
  from account_watch w where w.account = the_account and (w.runs->'dailyLossLimit'->>'samples')::integer >= 3
    and w.day >= epoch_ms(date_trunc('day', clock_timestamp(), 'UTC'))
$$;

-- As before, but: the share of a process that ended while the clock was ahead is not kept until that time has come.
create or replace function take_venue_share(p jsonb) returns jsonb language plpgsql as $$
declare
  total integer := (p->>'total')::integer;
  held integer := (p->>'held')::integer;
  uses_it boolean := 2 * (p->>'used')::integer >= (p->>'held')::integer;
  others record;
  base integer;
  free integer;
  wanted integer;
  now_granted integer;
begin
  -- One after the other: each sees what those before it were given.
  perform pg_advisory_xact_lock(hashtextextended('venue shares', 0));
  -- Who was seen at a time to come may be dead or alive: seen now, and kept no longer than anybody.
  update venue_shares set seen_at = clock_timestamp() where address = p->>'address' and not_ahead(seen_at) is null;
  delete from venue_shares where address = p->>'address' and holder <> (p->>'holder')::uuid
    and seen_at < clock_timestamp() - (p->>'keptForMs')::bigint * interval '1 millisecond';
  select count(*)::integer as holders, coalesce(sum(granted), 0)::integer as granted,
      coalesce(bool_or(is_wanting and seen_at > clock_timestamp() - interval '5 seconds'), false) as is_wanting
    into others from venue_shares where address = p->>'address' and holder <> (p->>'holder')::uuid;
  base := total / (others.holders + 2);
  free := greatest(total - others.granted - held, 0);
  wanted := case when (p->>'isLast')::boolean then 0 when not uses_it then held when others.is_wanting then base
    else greatest(base, 2 * (p->>'used')::integer) end;
  now_granted := held + least(greatest(wanted - held, 0), case when held = 0 then (free + 7) / 8 else (free + 1) / 2 end);
  insert into venue_shares as s (address, holder, granted, is_wanting, question) values (p->>'address', (p->>'holder')::uuid, now_granted,
      not (p->>'isLast')::boolean and uses_it and now_granted < base, (p->>'question')::integer)
    on conflict (address, holder) do update set granted = excluded.granted, is_wanting = excluded.is_wanting,
      question = excluded.question, seen_at = clock_timestamp()
    where s.question < excluded.question;
  if not found then return null; end if;
  return jsonb_build_object('granted', now_granted, 'base', base, 'isWanted', others.is_wanting);
end $$;

-- As before, but: no comparison of a time to come counts, else no fill until then would have room.
create or replace function rounded_since(the_account text, the_asset text) returns timestamptz language sql stable as $$
  with clean as (
    select coalesce(not_ahead(r.last_clean_at), not_ahead(coalesce(a.onboarded_at, a.created_at)), 'epoch') as at
      from accounts a left join reconciliations r using (account) where a.account = the_account)
  select coalesce((select r.started_at from reconciliation_runs r
      where r.account = the_account and r.started_at > clean.at and not_ahead(r.started_at) is not null and r.result in ('clean', 'differences')
        and not exists (select from reconciliation_differences d where d.account = the_account and d.subject = 'balance:' || the_asset
          and d.first_seen_at <= r.ended_at and d.last_seen_at >= r.started_at)
      order by r.started_at desc limit 1), clean.at) from clean
$$;
