-- Which of a position's orders are the newest is told by the order in which they were written, not by the clock: while that was set back, its owner took older
-- ones for the newest, so that it waited for what was over, placed stops as fast as they were refused, or set them under what an earlier position had cost.

create sequence orders_ordinal;
-- Null: written by a build before, by its time. What is written from now on comes after those.
alter table orders add column ordinal bigint;
alter table orders alter column ordinal set default nextval('orders_ordinal');
alter sequence orders_ordinal owned by orders.ordinal;

-- The newest entry of a position that bought something: read with each look, and however many have bought nothing since.
create index orders_bought on orders (account, strategy, instrument, ordinal desc nulls last, created_at desc)
  where purpose = 'entry' and executed_quantity > 0;

-- The newest entry that bought something. Nothing but nulls where there is none.
create function newest_bought(the_account text, the_strategy text, the_instrument text) returns orders language plpgsql stable as $$
declare
  o orders;
begin
  select * into o from orders n where n.account = the_account and n.strategy = the_strategy and n.instrument = the_instrument
    and n.purpose = 'entry' and n.executed_quantity > 0 order by n.ordinal desc nulls last, n.created_at desc limit 1;
  return o;
end $$;

-- As before, but in the order in which they were written; and `recent` is of the position that the newest entry made.
create or replace function read_protection(the_account text, the_strategy text, the_instrument text) returns jsonb language plpgsql stable as $$
declare
  b orders := newest_bought(the_account, the_strategy, the_instrument);
begin
  return (
    select jsonb_build_object(
      'risk', read_risk(the_account, the_strategy, the_instrument),
      'working', coalesce((select jsonb_agg(order_json(o) order by o.ordinal nulls first, o.created_at, o.intent_id) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.final_at is null), '[]'),
      'recent', coalesce((select jsonb_agg(order_json(o) order by o.ordinal desc nulls last, o.created_at desc, o.sequence desc) from (
        (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
          and o.purpose = 'stop' order by o.sequence desc limit 12)
        union all
        -- Whether the position is escaping, and how wide, is told by what came since its newest stop, however much that is.
        (select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument
          and o.purpose = 'escape' order by o.sequence desc limit 24)) o
        where b.intent_id is null or o.ordinal > b.ordinal
          or b.ordinal is null and (o.ordinal is not null or o.created_at >= b.created_at)), '[]'),
      'stops', (select coalesce(max(sequence), 0) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'stop'),
      'escapes', (select coalesce(max(sequence), 0) from orders o
        where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'escape'),
      'basis', case when b.intent_id is not null then jsonb_build_object('intentId', b.intent_id,
        'averagePrice', (b.executed_notional / b.executed_quantity)::text,
        'stopDistanceRatio', (select s.stop_distance_ratio from signals s where s.signal_id = b.signal_id), 'strategyVersion', b.strategy_version,
        'createdTime', floor(extract(epoch from b.created_at) * 1000)::bigint) end,
      'filled', coalesce((select s.quantity from position_sums s
        where s.account = the_account and s.strategy = the_strategy and s.instrument = the_instrument), 0)::text));
end $$;

-- As before, but of the entry that is the newest by the order in which they were written, as its owner tells of it.
create or replace function told_of_uncovered(the_account text, the_strategy text, the_instrument text) returns boolean language plpgsql stable as $$
declare
  b orders := newest_bought(the_account, the_strategy, the_instrument);
begin
  return exists (select from incidents i where i.incident_key = concat_ws(':', 'positionUncovered', the_account, the_strategy, the_instrument,
    '{"entered"') || ':' || coalesce(floor(extract(epoch from b.created_at) * 1000)::bigint::text, 'null') || '}');
end $$;
