-- Whoever had begun to report may have died right after: what has been reported is neither changed nor told again.
create or replace function report_outage(the_run uuid) returns jsonb language plpgsql as $$
declare
  o outages;
begin
  select * into o from outages where run_id = the_run for update;
  if o.report is not null then return o.report; end if;
  o.report := jsonb_build_object('outageId', o.outage_id, 'causes', o.causes, 'beganTime', epoch_ms(o.began_at), 'foundTime', epoch_ms(o.found_at),
    'answeredTime', epoch_ms(o.answered_at), 'overTime', epoch_ms(o.over_at), 'resumedTime', epoch_ms(o.resumed_at), 'returned', o.returned,
    'tries', (select count(*) from outage_tries where outage_id = o.outage_id),
    'orders', (select coalesce(jsonb_agg(jsonb_build_object('intentId', i.intent_id, 'instrument', i.instrument, 'status', i.status)
        order by i.created_at, i.intent_id), '[]') from (
      select * from orders f where f.account = o.account and f.created_at <= coalesce(o.answered_at, clock_timestamp())
        and (f.final_at is null or f.final_at >= o.began_at) order by f.created_at desc limit 100) i),
    'fills', (select count(*) from fills f where f.account = o.account and f.event_time >= epoch_ms(o.began_at)
      and f.event_time <= epoch_ms(coalesce(o.answered_at, clock_timestamp()))),
    'found', (select coalesce(jsonb_agg(jsonb_build_object('differenceId', d.difference_id::text, 'class', d.class, 'subject', d.subject,
        'status', d.status) order by d.difference_id), '[]') from (
      select * from reconciliation_differences e where e.account = o.account and e.first_seen_at >= o.began_at
        and e.first_seen_at <= coalesce(o.resumed_at, clock_timestamp()) order by e.difference_id limit 100) d));
  update outages set report = o.report where outage_id = o.outage_id;
  insert into audit_events (kind, account, subject, data)
    values ('outage.reported', o.account, 'venueDisconnected', jsonb_build_object('runId', o.run_id) || o.report);
  return o.report;
end $$;

-- The same of a drawdown. A later run of the same halt adds its own to its row.
create or replace function report_drawdown(p jsonb) returns void language plpgsql as $$
declare
  d drawdown_runs;
begin
  update drawdown_runs set report = p->'report' where run_id = (p->>'runId')::uuid and report is null returning * into d;
  if not found then return; end if;
  insert into incidents (incident_key, account, kind, data) values ('drawdown:' || d.latch_id, d.account, 'drawdown',
      jsonb_build_object('runId', d.run_id, 'latchId', d.latch_id, 'evidence', d.evidence, 'report', d.report))
    on conflict (incident_key) do nothing;
  insert into audit_events (kind, account, subject, data) values ('drawdown.reported', d.account, 'drawdown',
    jsonb_build_object('runId', d.run_id, 'latchId', d.latch_id, 'report', d.report));
end $$;
