-- What movements and fills by other hands have taken of an asset, summed up. In `moved` a purchase and a sale by hand add up to nothing, and nothing
-- tells then which of them has taken what went. Only what is added from now on matters: the account watch remembers what it was.
alter table inventory add column given numeric not null default 0;

-- As before, with what each movement has taken.
create or replace function move_inventory(the_account text, changes jsonb) returns void language sql as $$
  insert into inventory as had (account, asset, quantity, moved, given)
    select the_account, asset, sum(delta), sum(delta), sum(least(delta, 0))
    from (select e->>'asset' as asset, sum((e->>'delta')::numeric) as delta
      from jsonb_array_elements(changes) e group by e->>'asset', e->>'movementId') movements group by asset order by asset
    on conflict (account, asset) do update
      set quantity = had.quantity + excluded.quantity, moved = had.moved + excluded.moved, given = had.given + excluded.given
$$;

-- As before, and: what each movement, each fill by another hand and each decision on fills of ours has taken; and what withdrawals of before the watch's
-- count of what goes (`went.since`) have, by the same two minutes.
create or replace function moved_beside(the_account text, unexplained jsonb) returns jsonb language sql stable as $$
  with sides as (
      select asset, amount, event_time, incident_id from ledger_movements where account = the_account and kind in ('deposit', 'withdrawal', 'transfer')
      union all select asset, -amount, event_time, incident_id from ledger_movements where counter_account = the_account),
    flows as (
      select asset, coalesce(sum(amount) filter (where amount > 0), 0) as came, coalesce(sum(amount) filter (where amount < 0), 0) as went,
        coalesce(sum(amount) filter (where amount < 0 and event_time + 120000 < case when unexplained->'assets' ? asset
          then (unexplained->'assets'->asset->>'from')::bigint else (unexplained->>'checked')::bigint end), 0) as went_before,
        coalesce(sum(amount) filter (where amount < 0 and event_time - 120000 > (unexplained->'assets'->asset->>'to')::bigint
          and not exists (select from reconciliation_differences d where d.account = the_account and d.decision = 'book'
            and d.class = 'balanceMovement' and d.incident_id = sides.incident_id)), 0) as went_after,
        coalesce(sum(amount) filter (where amount < 0 and event_time + 120000 < (unexplained->'went'->>'since')::bigint), 0) as went_early
      from sides group by asset),
    decided as (
      select asset, sum(quantity) as quantity, sum(least(quantity, 0)) as given from (
        select e.asset, sum(e.delta) as quantity from fills f join ledger_entries e on e.account = f.account and e.venue_trade_id = f.venue_trade_id
            and e.intent_id = f.intent_id
          where f.account = the_account and f.difference_id is not null and e.ledger_account = 'venue' group by f.difference_id, e.asset) decisions
      group by asset),
    -- Of everything that moved, the rest are fills by other hands and corrections; and fills of ours that a person has decided on.
    all_moved as (
      select asset, coalesce(f.came, 0) as came, coalesce(f.went, 0) as went, coalesce(f.went_before, 0) as went_before,
        coalesce(f.went_after, 0) as went_after, coalesce(f.went_early, 0) as went_early,
        coalesce(i.given, 0) + coalesce(d.given, 0) as given,
        coalesce(i.moved, 0) - coalesce(f.came, 0) - coalesce(f.went, 0) + coalesce(d.quantity, 0) as traded
      from (select asset, moved, given from inventory where account = the_account) i full join flows f using (asset)
        full join decided d using (asset))
  select jsonb_build_object(
    'deposited', coalesce(jsonb_object_agg(asset, trim_scale(came)::text) filter (where came <> 0), '{}'),
    'withdrawn', coalesce(jsonb_object_agg(asset, trim_scale(went)::text) filter (where went <> 0), '{}'),
    'before', coalesce(jsonb_object_agg(asset, trim_scale(went_before)::text) filter (where went_before <> 0), '{}'),
    'after', coalesce(jsonb_object_agg(asset, trim_scale(went_after)::text) filter (where went_after <> 0), '{}'),
    'early', coalesce(jsonb_object_agg(asset, trim_scale(went_early)::text) filter (where went_early <> 0), '{}'),
    'given', coalesce(jsonb_object_agg(asset, trim_scale(given)::text) filter (where given <> 0), '{}'),
    'traded', coalesce(jsonb_object_agg(asset, trim_scale(traded)::text) filter (where traded <> 0), '{}')) from all_moved
$$;
