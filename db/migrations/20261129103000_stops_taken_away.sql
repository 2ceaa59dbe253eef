-- A stop that another hand cancels is placed anew at once, and nobody heard of it, however often. People are told where it happens twice within an hour, once
-- for as long as it goes on, and when it is over.

create index incidents_open on incidents (account, kind) where closed_at is null;

-- Of the newest stops of a position those that another hand has canceled (`changeOf`) within the hour, newest first. By a clock that was set back since,
-- it was that long ago at least.
create function stops_taken_away(the_account text, the_strategy text, the_instrument text) returns setof text language sql stable as $$
  select intent_id from (
      select * from orders o where o.account = the_account and o.strategy = the_strategy and o.instrument = the_instrument and o.purpose = 'stop'
        order by o.sequence desc limit 12) newest
    where failures @> '[{"code": "ORDER_CANCELED_ELSEWHERE"}]' and abs(extract(epoch from clock_timestamp() - final_at)) < 3600
    order by sequence desc
$$;

create function tell_of_taken_stop(o orders) returns void language plpgsql as $$
declare
  taken text[] := array(select stops_taken_away(o.account, o.strategy, o.instrument));
begin
  if cardinality(taken) < 2 or exists (select from incidents i where i.account = o.account and i.kind = 'stopsTakenAway' and i.closed_at is null
    and i.data->>'strategy' = o.strategy and i.data->>'instrument' = o.instrument) then return; end if;
  perform write_events(jsonb_build_object('incidents', jsonb_build_array(jsonb_build_object('account', o.account, 'kind', 'stopsTakenAway',
    'key', 'stopsTakenAway:' || o.intent_id, 'data', jsonb_build_object('strategy', o.strategy, 'instrument', o.instrument, 'intentIds', taken)))));
end $$;

-- Closes what people were told of stops that are taken away no more, or of a position that is gone, and tells them so.
create function end_taken_stops(the_account text) returns void language sql as $$
  with over as (
    update incidents i set closed_at = clock_timestamp() where i.account = the_account and i.kind = 'stopsTakenAway' and i.closed_at is null
        and (not exists (select from stops_taken_away(the_account, i.data->>'strategy', i.data->>'instrument'))
          -- What is less than a step is no position any more.
          or not exists (select from stop_targets(the_account) t where t.strategy = i.data->>'strategy' and t.instrument = i.data->>'instrument'
            and t.sellable > 0))
      returning i.*),
  told as (
    insert into audit_events (kind, account, subject, data)
      select 'incident.closed', account, 'guardian', jsonb_build_object('incidentId', incident_id::text, 'incident', kind,
        'reason', 'no stop of the position was taken away for an hour, or it is gone') from over)
  select raise_alert(jsonb_build_object('key', 'stopsTakenAway:' || incident_id || ':over', 'account', account, 'kind', 'stopsTakenAway.over',
      'severity', 'warning', 'summary', 'Over: no stop of ' || (data->>'strategy') || ' on ' || (data->>'instrument') || ' in ' || account
        || ' was canceled by another hand for an hour, or the position is gone. Incident ' || incident_id || ' is closed.',
      'data', jsonb_build_object('incidentId', incident_id::text))) from over
$$;

-- As before, and: what another hand has canceled.
create or replace function write_order_state(d jsonb) returns boolean language plpgsql as $$
declare
  o orders;
  at timestamptz := clock_timestamp();
begin
  update orders set status = d->>'status', reserved_quantity = (d->>'reservedQuantity')::numeric,
    reserved_notional = (d->>'reservedNotional')::numeric, executed_quantity = (d->>'executedQuantity')::numeric,
    executed_notional = (d->>'executedNotional')::numeric, venue_order_id = d->>'venueOrderId',
    venue_status = d->>'venueStatus', venue_executed_quantity = (d->>'venueExecutedQuantity')::numeric,
    triggered_at = case when (d->>'isTriggered')::boolean then coalesce(triggered_at, clock_timestamp()) else triggered_at end,
    missing_since = case when (d->>'isMissing')::boolean then coalesce(missing_since, at) end,
    failures = failures || coalesce(d->'failures', '[]'), version = version + 1, updated_at = clock_timestamp(),
    final_at = case when (d->>'isFinal')::boolean then coalesce(final_at, clock_timestamp()) end
    where intent_id = d->>'intentId' and version = (d->>'version')::bigint returning * into o;
  if not found then return false; end if;
  if o.missing_since = at then perform tell_of_missing(o); end if;
  if d->'failures' @> '[{"code": "ORDER_CANCELED_ELSEWHERE"}]' then perform tell_of_taken_stop(o); end if;
  return true;
end $$;
