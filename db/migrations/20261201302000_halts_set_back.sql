-- What verifies a halt, where the database's clock was ahead and is set back.

-- As before, but: what was looked at in a time to come was looked at nobody knows when, and is no verification of a halt that was called since.
create or replace function has_seen(k kills, l latches) returns boolean language sql volatile as $$
  select k.phase = 'verified' and coalesce(not_ahead(k.looked_at) >= l.called_at and k.looked_under ? (l.latch_id || ':' || l.policy), false)
$$;
