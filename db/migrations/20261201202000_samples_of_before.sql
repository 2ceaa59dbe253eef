-- As before, but: a sample that everything has stood still over, since what it was decided on was read, is of before, and is dropped like one that
-- came second. Written with the time of after it would say that somebody had looked all the while: what it had not known for a moment, as the
-- equity while the venue was not asked, counted as not known for as long as the machine slept, which paused the account, and told nobody. A build
-- of before does not say when it decided.
create or replace function write_watch_sample(p jsonb) returns text language plpgsql as $$
declare
  s jsonb := p->'performance';
  w account_watch;
  at timestamptz := clock_timestamp();
begin
  if abs(epoch_ms(at) - (p->>'decidedTime')::bigint) > (p->>'goodForMs')::bigint then return null; end if;
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
