-- Money that was misread: a configuration that values an account in another way made a loss of it.

-- How each asset was valued when the equity was known last, so that another way of valuing it is told from a loss.
alter table account_watch add column pricing jsonb;

-- As before, and: what its positions are in, and how it was valued when its equity was known last.
create or replace function read_watch_inputs(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()),
      'mode', case when c.reconciliation_hold is null then coalesce(c.runbook_hold->>'was', c.mode) else c.mode end,
      'hold', c.reconciliation_hold || case when c.runbook_hold is null then '{}' else jsonb_build_object('was', c.runbook_hold->>'was') end,
      'version', coalesce(w.version, 0)::text, 'sampledTime', epoch_ms(w.sampled_at),
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

-- As before, and: how it is valued is kept with its equity.
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
  perform pg_notify('keelson_risk', 'watch ' || jsonb_build_object('account', w.account,
    'sampledTime', epoch_ms(w.sampled_at), 'equityTime', epoch_ms(w.equity_at))::text);
  return w.version::text;
end $$;

-- As before, and: in which quote assets the venue's other accounts hold and buy.
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
        and v.ended_at is null), '[]'),
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
