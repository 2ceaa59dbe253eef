-- What is unexplained, or moves, is in the figures of the watch and in no stretch of the series: written anew from the series alone, the loss would
-- be smaller than it is until the next sample. Until then the worse of both counts.

-- Writes the series anew as core/ledger has reckoned it: `equity` has {version, outsides, stretches, newest, found}, each of them what is
-- stored otherwise. Answers what it has changed; null: a sample was written since, so it is to be reckoned anew.
create or replace function rebuild_equity(the_account text, e jsonb) returns jsonb language plpgsql as $$
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
