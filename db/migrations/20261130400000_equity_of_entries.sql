-- The equity series follows from the entries: with each point of it is noted after which fill of ours, with what beside our ledger and at which
-- prices it was reckoned, so that it can be reckoned anew; and with each stretch of it what follows for peak and day.

-- What the venue held beside our ledger (core/watch/carried.ts), from a sample on until the next row.
create table account_outside (
  outside_id bigint generated always as identity primary key,
  account text not null references accounts,
  since timestamptz not null,
  -- The last fill of ours by then, and our ledger as it was kept: what this was measured against.
  booking bigint not null,
  ledger jsonb not null,
  outside jsonb not null
);
create index account_outside_of on account_outside (account, outside_id);

-- A row is a stretch of samples within a minute: another one begins where something else than prices and fills of ours has changed the
-- account's figures. Of a sample that an earlier build has written it is not known what it was made of.
alter table account_equity drop constraint account_equity_pkey;
alter table account_equity
  add column stretch_id bigint generated always as identity,
  add column quote text,
  add column step jsonb,
  add column outside_id bigint references account_outside,
  -- {booking, prices}
  add column opening_of jsonb,
  add column highest_of jsonb,
  add column lowest_of jsonb,
  add column closing_of jsonb,
  -- What was remembered after it (core/watch/performance.ts).
  add column peak numeric,
  add column day bigint,
  add column day_opening numeric,
  add column day_flows numeric,
  add column day_basis numeric,
  add primary key (account, stretch_id);
create index account_equity_minutes on account_equity (account, minute);

drop trigger account_watch_samples_kept on account_watch_samples;
drop function keep_equity();

-- Writes a sample that knows the equity into the series.
create function keep_equity(w account_watch, p jsonb) returns void language plpgsql as $$
declare
  last account_equity;
  made jsonb;
  beside bigint;
begin
  if w.equity is null then return; end if;
  if p ? 'booking' then
    made := jsonb_build_object('booking', (p->>'booking')::bigint, 'prices',
      coalesce((select jsonb_object_agg(key, value->'price') from jsonb_each(w.pricing->'assets')), '{}'));
    select case when outside = w.external then outside_id end into beside
      from account_outside where account = w.account order by outside_id desc limit 1;
    if beside is null then
      insert into account_outside (account, since, booking, ledger, outside)
        values (w.account, w.sampled_at, (p->>'booking')::bigint, p->'ledger', w.external) returning outside_id into beside;
    end if;
  end if;
  select * into last from account_equity where account = w.account order by stretch_id desc limit 1;
  if last.minute is distinct from date_trunc('minute', w.sampled_at) or p->'step' is not null or last.day is distinct from w.day
      or last.quote is distinct from w.quote or last.outside_id is distinct from beside then
    insert into account_equity (account, minute, opening, highest, lowest, closing, quote, step, outside_id,
        opening_of, highest_of, lowest_of, closing_of, peak, day, day_opening, day_flows, day_basis)
      values (w.account, date_trunc('minute', w.sampled_at), w.equity, w.equity, w.equity, w.equity, w.quote, p->'step', beside,
        made, made, made, made, w.peak, w.day, w.day_opening, w.day_flows, w.day_basis);
    return;
  end if;
  update account_equity set closing = w.equity, closing_of = made, peak = w.peak, day_opening = w.day_opening, day_flows = w.day_flows,
      day_basis = w.day_basis,
      highest = greatest(highest, w.equity), highest_of = case when w.equity > highest then made else highest_of end,
      lowest = least(lowest, w.equity), lowest_of = case when w.equity < lowest then made else lowest_of end
    where account = w.account and stretch_id = last.stretch_id;
end $$;

-- What fills that a person has decided on (corrections of what was booked wrong) have changed, by asset. At the venue nothing moves with them, so the
-- watch has them not in our ledger but beside it, with what else people have booked: reckoned as a trade of this moment each would count
-- until the next readings, and for ever where what was wrong had been seen as a loss by then.
create function decided_amounts(the_account text) returns table (asset text, quantity numeric) language sql stable as $$
  select e.asset, sum(e.delta) from fills f join ledger_entries e on e.account = f.account and e.venue_trade_id = f.venue_trade_id
      and e.intent_id = f.intent_id
    where f.account = the_account and f.difference_id is not null and e.ledger_account = 'venue' group by e.asset
$$;

-- What the venue was seen to hold beside our ledger was measured with them in it.
update account_watch w set external = coalesce((
    select jsonb_object_agg(asset, trim_scale(quantity)::text) from (
      select asset, sum(quantity) as quantity from (
        select key as asset, value::numeric as quantity from jsonb_each_text(w.external)
        union all select * from decided_amounts(w.account)) parts group by asset) so where quantity <> 0), '{}')
  where external is not null and exists (select from decided_amounts(w.account));

-- As before, with the last fill that the ledger has, and without what a person has decided on.
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
            union all select asset, quantity from ledger_balances b where b.account = a.account
            union all select asset, -quantity from decided_amounts(a.account)) all_parts
          group by asset) held), '{}'),
      'booking', coalesce((select max(booking) from fills f where f.account = a.account), 0)::text,
      'openOrders', (select count(*) from orders o where o.account = a.account and o.final_at is null),
      'closes', coalesce((select jsonb_object_agg(i->>'instrument', jsonb_build_object('price', b.close::text, 'closeTime', b.close_time))
        from jsonb_array_elements(p->'instruments') i cross join lateral (
          select close, close_time from bars where venue = a.venue and instrument = i->>'instrument'
            and interval_ms = (i->>'intervalMs')::bigint order by open_time desc limit 1) b), '{}'))
    from accounts a join control c using (account) left join account_watch w using (account)
    where a.account = p->>'account');
end $$;

-- As before, and: into the series with what it was made of.
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
  perform keep_equity(w, p);
  delete from account_watch_samples where account = w.account and sampled_at < w.sampled_at - interval '6 hours';
  -- Who holds the account's risk state hears the heartbeat itself, and reads nothing for it.
  perform pg_notify('keelson_risk', 'watch ' || (jsonb_build_object('account', w.account) || read_watch(w.account))::text);
  return w.version::text;
end $$;

-- Writes the series anew as core/ledger has reckoned it: `equity` has {version, outsides, stretches, newest, found}, each of them what is
-- stored otherwise. Answers what it has changed; null: a sample was written since, so it is to be reckoned anew. What is unexplained, or moves,
-- (columns of a later migration) is in the figures of the watch and in no stretch of the series: by that alone the loss would be smaller
-- than it is until the next sample. Until then the worse of both counts.
create function rebuild_equity(the_account text, e jsonb) returns jsonb language plpgsql as $$
begin
  if e is null then return '[]'; end if;
  if coalesce((select version from account_watch where account = the_account), 0) <> (e->>'version')::bigint then return null; end if;
  update account_outside o set outside = r.outside, ledger = r.ledger
    from jsonb_to_recordset(e->'outsides') r ("outsideId" bigint, outside jsonb, ledger jsonb)
    where o.account = the_account and o.outside_id = r."outsideId";
  update account_equity s set step = nullif(r.step, '{}'), opening = (r.points->>'opening')::numeric, highest = (r.points->>'highest')::numeric,
      lowest = (r.points->>'lowest')::numeric, closing = (r.points->>'closing')::numeric,
      peak = (r.remembered->>'peak')::numeric, day_opening = (r.remembered->>'dayOpening')::numeric,
      day_flows = (r.remembered->>'dayFlows')::numeric, day_basis = (r.remembered->>'dayBasis')::numeric
    from jsonb_to_recordset(e->'stretches') r ("stretchId" bigint, step jsonb, points jsonb, remembered jsonb)
    where s.account = the_account and s.stretch_id = r."stretchId";
  -- What the watch goes on from. A sample that was decided on what was there before is dropped, by the version.
  update account_watch w set version = version + 1, known_equity = (f->>'equity')::numeric,
      equity = case when equity is not null then (f->>'equity')::numeric end,
      peak = (f->>'peak')::numeric, day_opening = (f->>'dayOpening')::numeric, day_flows = (f->>'dayFlows')::numeric,
      day_basis = (f->>'dayBasis')::numeric,
      daily_pnl = case when daily_pnl is null then null when beside then least(daily_pnl, (g->>'dailyPnl')::numeric) else (g->>'dailyPnl')::numeric end,
      daily_loss_ratio = case when daily_loss_ratio is null then null
        when beside then greatest(daily_loss_ratio, (g->>'dailyLossRatio')::numeric) else (g->>'dailyLossRatio')::numeric end,
      drawdown_ratio = case when drawdown_ratio is null then null
        when beside then greatest(drawdown_ratio, (g->>'drawdownRatio')::numeric) else (g->>'drawdownRatio')::numeric end
    from (select e->'newest'->'performance' as f, e->'newest'->'figures' as g,
        coalesce(moving_since is not null or coalesce(unexplained->'assets', '{}') <> '{}', false) as beside
      from account_watch where account = the_account) n
    where w.account = the_account and jsonb_array_length(e->'found') > 0 and f is not null;
  return e->'found';
end $$;
