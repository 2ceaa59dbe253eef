-- A clock that ran past midnight and was set back has begun a day that is to come; what had been lost of today by then is in the series.

-- As before, and: what was kept last of today, where what is kept is of a day to come.
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
      'today', case when w.day > epoch_ms(clock_timestamp()) + 60000 then (
        select jsonb_build_object('equity', e.closing::text, 'dayOpening', e.day_opening::text, 'dayFlows', e.day_flows::text, 'dayBasis', e.day_basis::text)
          from account_equity e where e.account = a.account and e.quote = w.quote and e.day_basis is not null
            and e.day = epoch_ms(date_trunc('day', clock_timestamp(), 'UTC')) order by e.stretch_id desc limit 1) end,
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
