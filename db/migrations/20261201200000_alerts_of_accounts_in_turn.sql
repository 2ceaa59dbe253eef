-- An account with a flood of alerts keeps those of another waiting no more: among alerts that are as bad, each account has its turn.

-- As before, but: the first of each account before anybody's second.
create or replace function due_alerts(most integer) returns jsonb language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(alert_json(a) order by alert_rank(a.severity) desc, in_turn.nth, a.next_at), '[]') from (
      select alert_id, row_number() over (partition by account, severity order by next_at, alert_id) as nth
        from alerts where next_at <= clock_timestamp() order by alert_rank(severity) desc, nth, next_at limit most) in_turn
      join alerts a using (alert_id));
end $$;

-- As before, but: among those that are as bad, the first of each account before anybody's second, and of accounts whose first waits that one which
-- was told longest ago: {…, free: [{…, toldLast: [account, …]}]}, as whoever claims has begun them, the latest at the end ('' is of no account).
-- A build of before names none; its accounts have their turn by the age of what waits.
create or replace function claim_alerts_of_recipients(p jsonb) returns jsonb language sql as $$
  with slots as (
      select (f->>'recipient')::integer as recipient, is_critical, (f->>case when is_critical then 'critical' else 'other' end)::integer as most,
        coalesce(f->'toldLast', '[]') as told_last
      from jsonb_array_elements(p->'free') f cross join (values (true), (false)) kinds (is_critical)),
    claimed as (
      update alert_deliveries d set next_at = clock_timestamp() + (p->>'forMs')::bigint * interval '1 millisecond', attempts = d.attempts + 1
        where d.delivery_id in (
          select due.delivery_id from slots s cross join lateral (
            select w.delivery_id from (
                select i.delivery_id, a.severity, row_number() over (partition by a.account, a.severity order by i.next_at, i.delivery_id) as nth,
                    (select t.place from jsonb_array_elements_text(s.told_last) with ordinality t (account, place)
                      where t.account = coalesce(a.account, '')) as told_at
                  from alert_deliveries i join alerts a using (alert_id)
                  where i.channel = p->>'channel' and i.recipient = s.recipient and i.next_at <= clock_timestamp()
                    and (a.severity = 'critical') = s.is_critical) in_turn
              join alert_deliveries w using (delivery_id)
              -- Said again of the row itself: whoever has waited for its lock asks whether another has claimed it.
              where w.next_at <= clock_timestamp()
              order by alert_rank(in_turn.severity) desc, in_turn.nth, in_turn.told_at nulls first, w.next_at, w.delivery_id
              limit s.most for update of w skip locked) due)
        returning d.*)
  select coalesce(jsonb_agg(jsonb_build_object('deliveryId', d.delivery_id::text, 'recipient', d.recipient, 'attempts', d.attempts,
    'round', d.round, 'alert', alert_json(a)) order by alert_rank(a.severity) desc, d.delivery_id), '[]')
  from claimed d join alerts a using (alert_id)
$$;
