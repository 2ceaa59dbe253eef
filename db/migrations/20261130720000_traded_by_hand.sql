-- What another hand trades in an instrument that the account does not trade itself is found as well, where a venue lists fills by instrument: an
-- order by hand that fills between two looks was told as gone, and what it had moved as two balances that nothing explains.

create index reconciliation_differences_ended on reconciliation_differences (account, ended_at desc);

-- The instruments that somebody else trades: those of what stands, or ended within the hour (a list may show its fills late); of fills that no order
-- of ours explains and that wait for a person; and where several balances move without a cause, any pair of the three newest.
create function traded_by_hand(the_account text) returns setof text language sql stable as $$
  with known as (
    select * from reconciliation_differences where account = the_account and ended_at is null
    union all
    select * from reconciliation_differences where account = the_account and ended_at > clock_timestamp() - interval '1 hour'),
  moved as (
    select asset from (select k.evidence->'venue'->>'asset' as asset, max(k.difference_id) as newest from known k
      where k.class = 'balanceMovement' and k.status in ('pending', 'open') group by 1) m
    where asset is not null order by newest desc limit 3)
  select distinct instrument from (
    select k.evidence->'venue'->'order'->>'instrument' as instrument from known k where k.class = 'orphanOrder'
    union all select k.evidence->'venue'->'fills'->0->>'instrument' from known k where k.class = 'orphanOrder'
    union all select i.data->>'instrument' from incidents i where i.account = the_account and i.kind = 'foreignFill' and i.closed_at is null
    union all select one.asset || '/' || other.asset from moved one join moved other on one.asset <> other.asset) found
  where instrument is not null
$$;
