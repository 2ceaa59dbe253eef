-- What a person has decided to leave as it is keeps no room from later fills: their roundings were told as another movement of the balance, which paused the account.

-- As before, but for that.
create or replace function rounded_until(the_account text, the_asset text) returns timestamptz language sql stable as $$
  select min(first_seen_at) from reconciliation_differences where account = the_account and subject = 'balance:' || the_asset
    and class = 'balanceMovement' and status <> 'pending' and decision is distinct from 'reject' and ended_at is null
$$;
