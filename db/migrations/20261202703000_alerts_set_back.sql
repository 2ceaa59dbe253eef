-- A clock of the database's that was ahead and is set back, for alerts: what was to be told again at a time to come is told at once, and not once
-- that has come.

-- Whether it is time for what is done again after `longest` at the latest.
create function is_time_for(at timestamptz, longest interval) returns boolean language sql as $$
  select at <= clock_timestamp() or at > clock_timestamp() + longest
$$;

-- The longest that an alert waits for its next round; for its first it does not wait. What is told again later than this would be told without an end.
create function alert_longest(severity text, rounds integer) returns interval language sql immutable as $$
  select case when rounds = 0 then interval '0' when severity = 'critical' then interval '15 minutes' else interval '4 hours' end
$$;

-- As before, but: also what is to come later than anything is.
create or replace function due_alerts(most integer) returns jsonb language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(alert_json(a) order by alert_rank(a.severity) desc, in_turn.nth, a.next_at), '[]') from (
      select alert_id, row_number() over (partition by account, severity order by next_at, alert_id) as nth
        -- Most are told no more: those are not even read.
        from alerts where next_at is not null and is_time_for(next_at, alert_longest(severity, rounds))
        order by alert_rank(severity) desc, nth, next_at limit most) in_turn
      join alerts a using (alert_id));
end $$;

-- As before, but: also what is to come later than any further try, or the end of any claim; what was never tried waits for nothing.
create or replace function claim_alerts_of_recipients(p jsonb) returns jsonb language sql as $$
  with slots as (
      select (f->>'recipient')::integer as recipient, is_critical, (f->>case when is_critical then 'critical' else 'other' end)::integer as most,
        coalesce(f->'toldLast', '[]') as told_last
      from jsonb_array_elements(p->'free') f cross join (values (true), (false)) kinds (is_critical)),
    waits as (select greatest(interval '5 minutes', (p->>'forMs')::bigint * interval '1 millisecond') as longest),
    claimed as (
      update alert_deliveries d set next_at = clock_timestamp() + (p->>'forMs')::bigint * interval '1 millisecond', attempts = d.attempts + 1
        where d.delivery_id in (
          select due.delivery_id from slots s cross join waits cross join lateral (
            select w.delivery_id from (
                select i.delivery_id, a.severity, row_number() over (partition by a.account, a.severity order by i.next_at, i.delivery_id) as nth,
                    (select t.place from jsonb_array_elements_text(s.told_last) with ordinality t (account, place)
                      where t.account = coalesce(a.account, '')) as told_at
                  from alert_deliveries i join alerts a using (alert_id)
                  where i.channel = p->>'channel' and i.recipient = s.recipient and i.next_at is not null
                    and is_time_for(i.next_at, case when i.attempts > 0 then waits.longest else '0' end)
                    and (a.severity = 'critical') = s.is_critical) in_turn
              join alert_deliveries w using (delivery_id)
              -- Said again of the row itself: whoever has waited for its lock asks whether another has claimed it.
              where is_time_for(w.next_at, case when w.attempts > 0 then waits.longest else '0' end)
              order by alert_rank(in_turn.severity) desc, in_turn.nth, in_turn.told_at nulls first, w.next_at, w.delivery_id
              limit s.most for update of w skip locked) due)
        returning d.*)
  select coalesce(jsonb_agg(jsonb_build_object('deliveryId', d.delivery_id::text, 'recipient', d.recipient, 'attempts', d.attempts,
    'round', d.round, 'alert', alert_json(a)) order by alert_rank(a.severity) desc, d.delivery_id), '[]')
  from claimed d join alerts a using (alert_id)
$$;
