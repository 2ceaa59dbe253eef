-- Whoever is told by the worst alert first: one that waits behind a hundred others comes too late.

create function alert_rank(severity text) returns integer language sql immutable as $$
  select array_position(array['info', 'warning', 'error', 'critical'], severity)
$$;

-- As before, but: the worst first.
create or replace function due_alerts(most integer) returns jsonb language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(alert_json(a) order by alert_rank(a.severity) desc, a.alert_id), '[]') from (
      select * from alerts where next_at <= clock_timestamp() order by alert_rank(severity) desc, next_at limit most) a);
end $$;

-- Claims deliveries of one channel, for each of its recipients as many as can be sent to it now, critical ones and others; {channel, forMs,
-- free: [{recipient, critical, other}]}. The claim ends by itself, so that the death of who holds it loses nothing. A build of before claims
-- without regard to recipients (`claim_alert_deliveries`).
create function claim_alerts_of_recipients(p jsonb) returns jsonb language sql as $$
  with slots as (
      select (f->>'recipient')::integer as recipient, is_critical, (f->>case when is_critical then 'critical' else 'other' end)::integer as most
      from jsonb_array_elements(p->'free') f cross join (values (true), (false)) kinds (is_critical)),
    claimed as (
      update alert_deliveries d set next_at = clock_timestamp() + (p->>'forMs')::bigint * interval '1 millisecond', attempts = d.attempts + 1
        where d.delivery_id in (
          select due.delivery_id from slots s cross join lateral (
            select w.delivery_id from alert_deliveries w join alerts a using (alert_id)
              where w.channel = p->>'channel' and w.recipient = s.recipient and w.next_at <= clock_timestamp()
                and (a.severity = 'critical') = s.is_critical
              order by alert_rank(a.severity) desc, w.next_at limit s.most for update of w skip locked) due)
        returning d.*)
  select coalesce(jsonb_agg(jsonb_build_object('deliveryId', d.delivery_id::text, 'recipient', d.recipient, 'attempts', d.attempts,
    'round', d.round, 'alert', alert_json(a)) order by alert_rank(a.severity) desc, d.delivery_id), '[]')
  from claimed d join alerts a using (alert_id)
$$;
