-- What a person has decided to leave as it is stays a difference: whoever closes the day sees it, with who left it and why.

create function left_differences(the_account text) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('differenceId', difference_id::text, 'class', class, 'subject', subject,
      -- Of what was booked beside its fill balances are right: it moves none.
      'deltas', case when coalesce(evidence->'ledger' ? 'bookedBeside', false) then '{}' else deltas end,
      'leftBy', decided_by, 'reason', reason, 'leftTime', epoch_ms(decided_at)) order by difference_id), '[]')
    from reconciliation_differences where account = the_account and ended_at is null and status = 'decided' and decision = 'reject'
$$;
