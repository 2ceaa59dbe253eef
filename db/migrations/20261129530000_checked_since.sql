-- An evening's checks look at what has happened since the last evening on which the same was found in order, and at a day in any case: an
-- evening that comes late, a day of 25 hours and one that was left out leave no gap. No longer ago than a month, as of the statement.
create function checked_since(the_account text, item text) returns timestamptz language plpgsql stable as $$
declare
  checked timestamptz := (select max(q.started_at) from runbook_parts q join runbook_runs r using (run_id)
    where r.account = the_account and r.runbook = 'eveningChecks' and q.name = item and q.part = 'verification' and q.outcome = 'done');
begin
  return greatest(clock_timestamp() - interval '31 days', least(clock_timestamp() - interval '24 hours', checked));
end $$;

-- As before, but for how far back signals and fills are looked at.
create or replace function read_checks(the_account text) returns jsonb language plpgsql stable as $$
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
      from signals s where account = the_account and recorded_at > checked_since(the_account, 'signals')),
    -- Those whose fate is not known are looked up within seconds; what is older has been forgotten by somebody.
    'unresolved', (select coalesce(jsonb_agg(jsonb_build_object('intentId', intent_id, 'status', status) order by created_at), '[]') from (
      select * from orders where account = the_account and final_at is null
        and status in ('authorised', 'submitting', 'unknown', 'pendingCancel') and updated_at < clock_timestamp() - interval '1 minute'
      order by created_at limit 20) o),
    'misbooked', (select coalesce(jsonb_agg(intent_id order by intent_id), '[]') from (
      select o.intent_id from orders o left join fills f using (intent_id)
        where o.account = the_account and o.final_at > checked_since(the_account, 'fills')
        group by o.intent_id having coalesce(sum(f.quantity), 0) <> o.executed_quantity
          or o.executed_quantity <> coalesce(o.venue_executed_quantity, o.executed_quantity) limit 20) m));
end $$;
