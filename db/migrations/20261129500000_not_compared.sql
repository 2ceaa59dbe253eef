-- When an account was last compared with its venue is known, whatever the comparison found: one that fails, or is put off, tells nothing of
-- the account, and when that goes on people are told, and entries end.

alter table reconciliations
  -- When the last comparison began that came to an end, clean or not.
  add column last_compared_at timestamptz;

update reconciliations r set last_compared_at = greatest(r.last_clean_at, (select max(q.started_at) from reconciliation_runs q
  where q.account = r.account and q.result in ('clean', 'differences')));

-- Since when it is not known whether the account agrees with its venue. What was read when it became ours is its first comparison.
create function compared_since(the_account text) returns timestamptz language plpgsql stable as $$
begin
  return (select coalesce(r.last_compared_at, a.onboarded_at, a.created_at)
    from accounts a left join reconciliations r using (account) where a.account = the_account);
end $$;

-- As before, and: with the time of the last comparison.
create or replace function read_watch(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_strip_nulls(jsonb_build_object('sampledTime', epoch_ms(sampled_at), 'equityTime', epoch_ms(equity_at),
      'comparedTime', epoch_ms(compared_since(the_account))))
    from account_watch where account = the_account);
end $$;

-- As before, and: with the time of the last comparison.
create or replace function read_watch_inputs(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()),
      'mode', case when c.reconciliation_hold is null then coalesce(c.runbook_hold->>'was', c.mode) else c.mode end,
      'hold', c.reconciliation_hold || case when c.runbook_hold is null then '{}' else jsonb_build_object('was', c.runbook_hold->>'was') end,
      'version', coalesce(w.version, 0)::text, 'sampledTime', epoch_ms(w.sampled_at), 'comparedTime', epoch_ms(compared_since(a.account)),
      'performance', case when w.known_equity is not null then jsonb_build_object('equity', w.known_equity::text, 'peak', w.peak::text,
        'day', w.day, 'dayOpening', w.day_opening::text, 'dayFlows', w.day_flows::text, 'dayBasis', w.day_basis::text) end,
      -- A row that an earlier build has written knows no more of its prices than the quote asset.
      'pricing', coalesce(w.pricing, case when w.known_equity is not null then jsonb_build_object('quote', w.quote, 'assets', '{}'::jsonb) end),
      'held', (select coalesce(jsonb_agg(distinct h.instrument), '[]') from positions h where h.account = a.account and h.quantity <> 0),
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

-- As before, and: the heartbeat is what is read of it, the last comparison included.
create or replace function write_watch_sample(p jsonb) returns text language plpgsql as $$
declare
  s jsonb := p->'performance';
  w account_watch;
  at timestamptz := clock_timestamp();
begin
  if (p->>'version')::bigint = 0 then
    insert into account_watch (account, quote) values (p->>'account', p->>'quote') on conflict (account) do nothing returning * into w;
  else
    select * into w from account_watch where account = p->>'account' and version = (p->>'version')::bigint for update;
  end if;
  if w.account is null then return null; end if;
  update account_watch set version = version + 1, sampled_at = at,
      -- What the figures are in: a sample that knows no equity changes neither.
      quote = coalesce(p->'pricing'->>'quote', p->>'quote'),
      equity = (p->>'equity')::numeric, equity_at = case when p->>'equity' is null then equity_at else at end,
      known_equity = (s->>'equity')::numeric, peak = (s->>'peak')::numeric, day = (s->>'day')::bigint,
      day_opening = (s->>'dayOpening')::numeric, day_flows = (s->>'dayFlows')::numeric, day_basis = (s->>'dayBasis')::numeric,
      drawdown_ratio = (p->>'drawdownRatio')::numeric, daily_pnl = (p->>'dailyPnl')::numeric,
      daily_loss_ratio = (p->>'dailyLossRatio')::numeric, exposure = (p->>'exposure')::numeric,
      pricing = coalesce(p->'pricing', pricing), external = p->'external', runs = p->'runs', latch_id = (p->>'latchId')::uuid, details = p->'details'
    where account = w.account returning * into w;
  if p->>'mode' = 'paused' then perform hold_for_watch(w.account, p->>'cause', p->>'reason');
  elsif p->>'mode' is not null then perform tighten_mode(w.account, p->>'mode', p->>'reason');
  end if;
  if p->'outage' is not null then perform see_outage(w.account, p->'outage'); end if;
  if w.latch_id is not null then perform see_drawdown_halt(w.account, w.latch_id); end if;
  insert into audit_events (kind, account, subject, data)
    select e->>'kind', w.account, 'watch', e->'data' from jsonb_array_elements(p->'audit') e;
  perform raise_alert(e || jsonb_build_object('account', w.account)) from jsonb_array_elements(p->'alerts') e;
  insert into account_watch_samples values (w.account, w.sampled_at, w.equity, w.drawdown_ratio, w.daily_pnl, w.exposure)
    on conflict do nothing;
  delete from account_watch_samples where account = w.account and sampled_at < w.sampled_at - interval '6 hours';
  -- Who holds the account's risk state hears the heartbeat itself, and reads nothing for it.
  perform pg_notify('keelson_risk', 'watch ' || (jsonb_build_object('account', w.account) || read_watch(w.account))::text);
  return w.version::text;
end $$;

-- As before, and: a comparison that came to an end is noted, whatever it has found.
create or replace function end_reconciliation_look(p jsonb) returns void language plpgsql as $$
declare
  c control;
  is_clean boolean := p->>'result' = 'clean';
begin
  select * into c from control where account = p->>'account' for update;
  update reconciliations set lease_owner = null, lease_until = null,
      cursor_time = coalesce((p->>'cursor')::bigint, cursor_time),
      last_clean_at = case when is_clean then (p->>'began')::timestamptz else last_clean_at end,
      last_compared_at = case when p->>'result' in ('clean', 'differences') then (p->>'began')::timestamptz else last_compared_at end
    where account = p->>'account' and lease_owner = p->>'owner';
  if not found then return; end if;
  update reconciliation_runs set calls = calls + coalesce((p->>'calls')::integer, 0), weight = weight + coalesce((p->>'weight')::integer, 0)
    where run_id = (p->>'runId')::uuid and ended_at is null and (p->>'calls')::integer > 0;
  if p->>'result' is null then return; end if;
  update reconciliation_runs set result = p->>'result', detail = p->>'detail', ended_at = clock_timestamp()
    where run_id = (p->>'runId')::uuid and ended_at is null;
  if not is_clean or c.reconciliation_hold is null or not is_reconciled(c) then return; end if;
  if c.reconciliation_hold->>'was' <> 'paused' and c.held_by is null and c.mode = 'paused'
      and p->'lifts' @> (c.reconciliation_hold->'classes') then
    update control set mode = c.reconciliation_hold->>'was', reconciliation_hold = null, version = version + 1, updated_at = clock_timestamp()
      where account = c.account;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', c.account, 'reconciliation', jsonb_build_object(
      'mode', c.reconciliation_hold->>'was', 'was', 'paused', 'reason', 'a new reconciliation is clean', 'runId', p->>'runId'));
  end if;
end $$;
