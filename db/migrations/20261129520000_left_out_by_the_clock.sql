-- What the clock leaves out is told, and made up for where it is due once a day.

-- Tells people of a schedule that was paused, while it is, or that it was resumed. A pause outlasts restarts, and what keeps an account safe may be among
-- what it stops.
create function tell_schedule(p jsonb) returns text language plpgsql as $$
begin
  if not key_stands((p->>'underKey')::uuid, p->>'subject') then return 'noKey'; end if;
  if p->>'kind' = 'pause' then
    perform raise_alert(jsonb_build_object('key', 'schedulePaused:' || (p->>'schedule') || ':' || epoch_ms(clock_timestamp()),
      'account', (select account from accounts where account = split_part(p->>'schedule', ':', 2)), 'kind', 'schedule.paused',
      -- Without comparisons entries end after a while.
      'severity', case when p->>'schedule' like 'reconcile:%' then 'error' else 'warning' end, 'subject', p->>'subject',
      'summary', (p->>'subject') || ' pauses schedule ' || (p->>'schedule') || ' (' || (p->>'reason')
        || '): it starts nothing until it is resumed, restarts included (keelson schedules resume).'));
  elsif p->>'kind' = 'resume' then
    update alerts set next_at = null where alert_key like 'schedulePaused:' || replace(replace(p->>'schedule', '_', '\_'), '%', '\%') || ':%' and next_at is not null;
  end if;
  return 'written';
end $$;

-- Whether no full comparison of an account has come to an end for so long.
create function is_full_comparison_due(the_account text, most_ms bigint) returns boolean language plpgsql stable as $$
begin
  return (select coalesce((select r.started_at from reconciliation_runs r where r.account = a.account and r.scope in ('day', 'deepDemand')
        and r.result in ('clean', 'differences') order by r.started_at desc limit 1), a.onboarded_at, a.created_at)
      < clock_timestamp() - most_ms * interval '1 millisecond'
    from accounts a where a.account = the_account);
end $$;
