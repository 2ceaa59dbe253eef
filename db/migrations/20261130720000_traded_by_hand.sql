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

-- As before, and: what others trade.
create or replace function begin_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  fills_from bigint;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  insert into reconciliations as had (account, lease_owner, lease_until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
      where had.lease_owner is null or had.lease_owner = excluded.lease_owner or had.lease_until < clock_timestamp()
    returning * into r;
  if r.account is null then return jsonb_build_object('result', 'busy'); end if;
  insert into reconciliation_runs (run_id, account, scope) values ((p->>'runId')::uuid, p->>'account', p->>'scope')
    on conflict (run_id) do nothing;
  -- Reckoned once: the index of the newest fills is used only for what does not change from row to row.
  fills_from := coalesce(r.cursor_time, epoch_ms(clock_timestamp()) - 90000000) - 93600000;
  return (
    select jsonb_build_object('result', 'mine', 'isKillAtWork', is_kill_at_work(p->>'account'), 'cursor', r.cursor_time, 'began', clock_timestamp(),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)), 'instruments', coalesce((
        select jsonb_agg(instrument) from (
          select instrument from active_strategies s where s.account = a.account
          union select instrument from positions q where q.account = a.account and q.quantity <> 0
          union select instrument from orders o where o.account = a.account and o.final_at is null
          -- What was traded within the longest window, and is flat by now: else its fills would be told as not listed.
          union select instrument from fills f where f.account = a.account
            and f.event_time >= fills_from) concerned), '[]'),
      'besides', array(select traded_by_hand(a.account)))
    from accounts a where a.account = p->>'account');
end $$;
