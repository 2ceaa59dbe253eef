-- Alerts of an incident that is closed: what is over is not told as if it were not, and what nobody was told of is told once.

-- As before, and: deliveries that wait for another try are over, too. An incident that nobody has heard of is told all the same, once, with
-- when it was closed: a trace of it in a list is found by nobody who does not look for it.
create or replace function quiet_alert_of_incident() returns trigger language plpgsql as $$
declare
  a alerts;
begin
  select * into a from alerts where alert_key = 'incident:' || new.incident_key for update;
  if not found then return null; end if;
  if a.acknowledged_at is not null or exists (select from alert_deliveries
      where alert_id = a.alert_id and delivered_at is not null and channel <> 'log') then
    update alerts set next_at = null where alert_id = a.alert_id;
    update alert_deliveries set next_at = null, detail = 'its incident was closed before'
      where alert_id = a.alert_id and delivered_at is null and next_at is not null;
  else
    update alerts set next_at = case when rounds = 0 then next_at end,
        summary = 'CLOSED at ' || to_char(new.closed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC: ' || summary
      where alert_id = a.alert_id;
  end if;
  return null;
end $$;

-- As before, but: of an incident that is closed no further round follows.
create or replace function begin_alert_round(p jsonb) returns boolean language plpgsql as $$
begin
  update alerts a set rounds = rounds + 1, level = (p->>'level')::integer,
      next_at = case when not exists (select from incidents i where a.alert_key = 'incident:' || i.incident_key and i.closed_at is not null)
        then clock_timestamp() + (p->>'nextInMs')::bigint * interval '1 millisecond' end
    where alert_id = (p->>'alertId')::bigint and rounds = (p->>'rounds')::integer and next_at is not null;
  if not found then return false; end if;
  insert into alert_deliveries (alert_id, round, channel, recipient)
    select (p->>'alertId')::bigint, (p->>'rounds')::integer, d->>'channel', (d->>'recipient')::integer
    from jsonb_array_elements(p->'deliveries') d;
  return true;
end $$;

-- As before, but: a try that was under way when its alert was answered, or its incident closed, is the last one.
create or replace function finish_alert_delivery(p jsonb) returns void language sql as $$
  update alert_deliveries set delivered_at = case when (p->>'delivered')::boolean then clock_timestamp() end,
      detail = case when next_at is null and not (p->>'delivered')::boolean then detail else p->>'detail' end,
      next_at = case when next_at is not null then clock_timestamp() + (p->>'againInMs')::bigint * interval '1 millisecond' end
    where delivery_id = (p->>'deliveryId')::bigint and delivered_at is null
$$;
