-- The checks of a day took longer with each order, each signal and each day: since when they look was asked anew for each row, and what came
-- since then was looked for among all rows there ever were. After some weeks that was more than a statement may take, and they never ended.

-- Each migration is one transaction, and so neither index is made concurrently: while it is made no signal and no order
-- is written.
create index signals_recorded on signals (account, recorded_at);
create index orders_of_signal on orders (signal_id) where signal_id is not null;

-- The strategies of which an account has ever had an order, each found by one step in an index. By them orders_ended_of_strategy tells what has ended
-- since some time; an index of the account's by time alone was dropped, since has_part would be looked up there among all that has ended.
create function strategies_of_orders(the_account text) returns setof text language sql stable as $$
  with recursive its as (
    (select strategy from orders where account = the_account order by strategy limit 1)
    union all
    select (select o.strategy from orders o where o.account = the_account and o.strategy > its.strategy order by o.strategy limit 1)
      from its where its.strategy is not null)
  select strategy from its where strategy is not null
$$;

-- As before, but since when is asked once.
create or replace function read_checks(the_account text) returns jsonb language plpgsql stable as $$
declare
  signals_since timestamptz := checked_since(the_account, 'signals');
  fills_since timestamptz := checked_since(the_account, 'fills');
begin
  return jsonb_build_object(
    'mode', (select mode from control where account = the_account),
    'halt', halted_since(the_account, '-infinity'),
    'blocked', (select coalesce(jsonb_agg(instrument order by instrument), '[]') from blocked_instruments where account = the_account),
    'disabled', (select coalesce(jsonb_agg(strategy order by strategy), '[]') from strategy_switches
      where account = the_account and disabled_reason is not null),
    'alerts', (select coalesce(jsonb_agg(jsonb_build_object('alertId', alert_id::text, 'kind', kind) order by alert_id), '[]') from (
      select * from alerts where (account = the_account or account is null) and severity in ('error', 'critical')
        and acknowledged_at is null and next_at is not null order by alert_id desc limit 20) a),
    'incidents', (select coalesce(jsonb_agg(jsonb_build_object('incidentId', incident_id::text, 'kind', kind) order by incident_id), '[]') from (
      select * from incidents where account = the_account and closed_at is null order by incident_id desc limit 20) i),
    'cleanAgeMs', (select floor(extract(epoch from clock_timestamp() - last_clean_at) * 1000)::bigint from reconciliations where account = the_account),
    'differences', (select coalesce(jsonb_agg(jsonb_build_object('differenceId', difference_id::text, 'class', class) order by difference_id), '[]')
      from (select * from reconciliation_differences where account = the_account and status = 'open' order by difference_id limit 20) d),
    'watch', (select jsonb_build_object('ageMs', floor(extract(epoch from clock_timestamp() - sampled_at) * 1000)::bigint,
        'equityAgeMs', floor(extract(epoch from clock_timestamp() - equity_at) * 1000)::bigint,
        'conditions', coalesce((select jsonb_agg(key order by key) from jsonb_object_keys(runs) key), '[]'),
        'venueMs', details->'ages'->'venueMs', 'clockSkewMs', details->'clockSkewMs')
      from account_watch where account = the_account),
    'positions', (select count(*) from positions where account = the_account and quantity > 0),
    'unprotected', unprotected_positions(the_account),
    'account', the_account, 'venue', (select venue from accounts where account = the_account),
    'limitRows', limit_rows(the_account),
    'overrides', (select count(*) from limit_overrides where account = the_account and ended_at is null and expires_at > clock_timestamp()
      and (not for_one_order or used_at is null)),
    'signals', (select jsonb_build_object('traded', count(*) filter (where outcome = 'traded'),
        'notTraded', count(*) filter (where outcome = 'notTraded'),
        'withoutOrder', coalesce(jsonb_agg(signal_id) filter (where outcome = 'traded'
          and not exists (select from orders o where o.signal_id = s.signal_id)), '[]'))
      from signals s where account = the_account and recorded_at > signals_since),
    -- Those whose fate is not known are looked up within seconds; what is older has been forgotten by somebody.
    'unresolved', (select coalesce(jsonb_agg(jsonb_build_object('intentId', intent_id, 'status', status) order by created_at), '[]') from (
      select * from orders where account = the_account and final_at is null
        and status in ('authorised', 'submitting', 'unknown', 'pendingCancel') and updated_at < clock_timestamp() - interval '1 minute'
      order by created_at limit 20) o),
    'misbooked', (select coalesce(jsonb_agg(intent_id order by intent_id), '[]') from (
      -- Strategy by strategy and order by order: joined, all the fills there are would be read.
      select o.intent_id from strategies_of_orders(the_account) its (strategy), lateral (
          select * from orders where account = the_account and strategy = its.strategy and final_at > fills_since offset 0) o
        where o.executed_quantity <> coalesce((select sum(f.quantity) from fills f where f.intent_id = o.intent_id), 0)
          or o.executed_quantity <> coalesce(o.venue_executed_quantity, o.executed_quantity) limit 20) m));
end $$;
