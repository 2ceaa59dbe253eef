-- How long ago, ms, the comparison began that found an account clean, where it is the last one that came to an end, and the run that asks has not begun: accounts at
-- one address need not all be compared each minute then. None of a time to come counts.
create function clean_for(p jsonb) returns bigint language sql stable as $$
  select epoch_ms(clock_timestamp()) - epoch_ms(not_ahead(last_clean_at)) from reconciliations
  where account = p->>'account' and last_clean_at = last_compared_at
    and not exists (select from reconciliation_runs where run_id = (p->>'runId')::uuid)
$$;
