-- What the evening's checks hold a day's statement to (days of UTC, as the statements): by asset what the account held when the day
-- began, what its entries sum up to now and what is kept of it, and each transaction of the day whose entries are not what it says.
create function read_day_statement(the_account text, today date) returns jsonb language plpgsql stable as $$
declare
  from_ms bigint := epoch_ms(today::timestamp at time zone 'UTC');
  until_ms bigint := epoch_ms((today + 1)::timestamp at time zone 'UTC');
begin
  return (
    with day_fills as (
      select f.*, coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote
        from fills f left join orders o using (intent_id)
        where f.account = the_account and f.event_time >= from_ms and f.event_time < until_ms),
    day_movements as (
      select movement_id, kind, asset, case when account = the_account then amount else -amount end as amount from ledger_movements
        where the_account in (account, counter_account) and kind <> 'foreignFill' and event_time >= from_ms and event_time < until_ms),
    said as (
      select 'trade ' || venue_trade_id || ' of order ' || venue_order_id as what, booking, null::uuid as movement_id, change.asset,
          sum(change.delta) as delta
        from day_fills cross join lateral (values
          (base, case side when 'buy' then quantity else -quantity end),
          (quote, case side when 'buy' then -quantity * price else quantity * price end),
          (fee_asset, -fee)) change (asset, delta)
        group by booking, venue_trade_id, venue_order_id, change.asset
      union all
      select kind || ' ' || movement_id, null, movement_id, asset, amount from day_movements),
    posted as (
      select f.booking, null::uuid as movement_id, e.asset, sum(e.delta) filter (where e.ledger_account = 'venue') as delta, sum(e.delta) as rest
        from day_fills f join ledger_entries e on e.account = the_account and e.venue_trade_id = f.venue_trade_id
          and e.intent_id is not distinct from f.intent_id and e.movement_id is not distinct from f.movement_id
        group by f.booking, e.asset
      union all
      select null, m.movement_id, e.asset, sum(e.delta) filter (where e.ledger_account = 'venue'), sum(e.delta)
        from day_movements m join ledger_entries e on e.account = the_account and e.movement_id = m.movement_id
        group by m.movement_id, e.asset),
    wrong as (
      select distinct coalesce(said.what, 'trade ' || f.venue_trade_id || ' of order ' || f.venue_order_id, 'movement ' || posted.movement_id) as what
        from said full join posted on posted.asset = said.asset and posted.booking is not distinct from said.booking
            and posted.movement_id is not distinct from said.movement_id
          left join day_fills f on f.booking = posted.booking
        where coalesce(said.delta, 0) <> coalesce(posted.delta, 0) or coalesce(posted.rest, 0) <> 0),
    entries as (
      select asset, sum(delta) as delta from ledger_entries where account = the_account and ledger_account = 'venue' group by asset),
    days as (
      select asset, sum(delta) as delta from posted group by asset),
    lines as (
      select asset, coalesce(i.quantity - i.moved, 0) + coalesce(e.delta, 0) as closing, coalesce(d.delta, 0) as changed,
          coalesce(i.quantity, 0) + coalesce(b.quantity, 0) as kept
        from (select * from inventory where account = the_account) i
          full join (select * from ledger_balances where account = the_account) b using (asset)
          full join entries e using (asset) left join days d using (asset))
    select jsonb_build_object('day', today::text, 'fills', (select count(*) from day_fills), 'movements', (select count(*) from day_movements),
      'wrong', coalesce((select jsonb_agg(what order by what) from (select what from wrong order by what limit 20) w), '[]'),
      'wrongCount', (select count(*) from wrong),
      'lines', coalesce((select jsonb_agg(jsonb_build_object('asset', asset, 'opening', trim_scale(closing - changed)::text,
        'closing', trim_scale(closing)::text, 'kept', trim_scale(kept)::text) order by asset) from lines), '[]')));
end $$;
