-- What each fill of ours that was booked after one booking and up to another has moved at the venue, by asset, the latest first. Read where a
-- reading of balances differs from the books: which of them it can have been too early for.
create function fills_between(the_account text, after bigint, up_to bigint) returns jsonb language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(moved order by booking desc), '[]') from (
      select f.booking, (
          select coalesce(jsonb_object_agg(asset, delta::text), '{}') from (
            select e.asset, sum(e.delta) as delta from ledger_entries e
              where e.account = f.account and e.venue_trade_id = f.venue_trade_id and e.intent_id = f.intent_id and e.ledger_account = 'venue'
              group by e.asset) by_asset) as moved
        from fills f
        where f.account = the_account and f.booking > after and f.booking <= up_to
          and f.origin = 'ours' and f.reverses is null and f.restates is null
        order by f.booking desc limit 100) latest);
end $$;
