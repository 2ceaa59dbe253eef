-- Errors and criticals that are over by themselves, or that somebody has acknowledged: whoever reads the morning's checks knows of the
-- night. Since the last morning that has looked at them, of a day in any case, and no longer ago than a week.
create function past_alerts(the_account text) returns jsonb language plpgsql stable as $$
declare
  looked timestamptz := (select max(q.started_at) from runbook_parts q join runbook_runs r using (run_id)
    where r.account = the_account and r.runbook = 'morningChecks' and q.name = 'alerts' and q.part = 'verification' and q.outcome = 'done');
  since timestamptz := greatest(clock_timestamp() - interval '7 days', least(clock_timestamp() - interval '24 hours', looked));
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('alertId', alert_id::text, 'kind', kind, 'summary', summary,
      'raisedTime', floor(extract(epoch from last_raised_at) * 1000)::bigint) order by last_raised_at), '[]') from (
    select * from alerts where (account = the_account or account is null) and severity in ('error', 'critical')
      and last_raised_at > since and (acknowledged_at is not null or next_at is null) order by last_raised_at desc limit 20) a);
end $$;
