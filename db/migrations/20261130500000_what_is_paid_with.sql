-- A halt is verified against every asset of the account, also those that are not traded now; but not against what things are paid with.

-- As before, and: what the account's own fills have only paid with, never bought.
create or replace function read_kill(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    with standing as (
      select l from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account)))
    select jsonb_build_object(
      'risk', read_risk(the_account, '', ''),
      'latches', coalesce((select jsonb_agg(latch_json(l) order by (l).engaged_at) from standing), '[]'),
      'inventory', coalesce((select jsonb_object_agg(asset, quantity::text) from inventory where account = the_account), '{}'),
      'instruments', coalesce((select jsonb_object_agg(n.instrument, n.rules) from instruments n join accounts a using (venue)
        where a.account = the_account and (n.instrument in (select instrument from active_strategies where account = the_account)
          or n.instrument in (select instrument from positions where account = the_account and quantity <> 0)
          or n.instrument in (select instrument from orders where account = the_account and final_at is null))), '{}'),
      'working', coalesce((select jsonb_agg(order_json(o) order by o.created_at, o.intent_id) from orders o
        where o.account = the_account and o.final_at is null), '[]'),
      'sold', coalesce((select jsonb_agg(jsonb_build_object('strategy', o.strategy, 'instrument', o.instrument, 'count', o.count,
            'tries', t.tries, 'lastTime', coalesce(epoch_ms(t.last_at), 0)))
        from (select strategy, instrument, max(sequence) as count from orders
            where account = the_account and purpose = 'flatten' group by strategy, instrument) o
          join accounts a on a.account = the_account
          left join lateral (select min((l).engaged_at) as at from standing
            where (l).policy = 'atOnce' and is_latched(l, the_account, a.venue, o.strategy, o.instrument)) since on true
          left join lateral (select max(f.created_at) as last_at,
              count(*) filter (where f.venue_order_id is not null and f.status <> 'filled') as tries
            from orders f where f.account = the_account and f.purpose = 'flatten' and f.strategy = o.strategy and f.instrument = o.instrument
              and f.created_at >= since.at) t on true), '[]'),
      'contradicted', coalesce((select jsonb_agg(jsonb_build_object('strategy', k.strategy, 'instrument', k.instrument,
            'held', k.held::text, 'filled', k.filled::text) order by k.strategy, k.instrument)
        from (select strategy, instrument, trim_scale(coalesce(p.quantity, 0)) as held, trim_scale(coalesce(s.quantity, 0)) as filled
          from (select * from positions where account = the_account) p
            full join (select * from position_sums where account = the_account) s using (strategy, instrument)) k
        where k.held <> k.filled), '[]'),
      -- By the order of the venue's time, of which there is an index: one that is booked late is of balances that are shown by now.
      'lastFills', coalesce((select jsonb_object_agg(base, booked) from (
        select o.base, epoch_ms(max(f.booked_at)) as booked from fills f join orders o using (intent_id)
          where f.account = the_account and f.event_time > epoch_ms(clock_timestamp() - interval '5 minutes') group by o.base) newest), '{}'),
      'money', coalesce((select jsonb_agg(b.asset order by b.asset) from ledger_balances b where b.account = the_account
        and not exists (select from position_sums s where s.account = the_account and split_part(s.instrument, '/', 1) = b.asset)), '[]')));
end $$;
