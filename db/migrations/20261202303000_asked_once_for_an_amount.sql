-- The entries of an asset that differs are added up once for the amount by which it does, and no more by each look while a person has not decided: of an
-- account with many that takes the better part of a second. The look that found the movement has asked; another amount, as by damage meanwhile, is asked
-- about again, the full comparison of each day asks about everything, and whoever books it asks anew.

-- As before, and: so of a movement that waits for somebody, too.
create or replace function contradictions_asked(p jsonb) returns setof jsonb language plpgsql stable as $$
declare
  the_account text := p->>'account';
  differing text[];
begin
  if (p->>'isFull')::boolean or exists (select from reconciliation_differences
      where account = the_account and ended_at is null and subject like 'books:%' and not (status = 'decided' and decision = 'reject')) then
    return query select book_contradictions(the_account);
    return;
  end if;
  differing := array(
    select asset from (
      select asset, quantity from inventory where account = the_account
      union all select asset, quantity from ledger_balances where account = the_account
      union all select key, -value::numeric from jsonb_each_text(p->'balances')
      union all select key, value::numeric from reconciliation_differences d, jsonb_each_text(d.deltas)
        where d.account = the_account and d.ended_at is null and d.class = 'balanceMovement' and coalesce(d.decision, '') <> 'book') sides
    group by asset having sum(quantity) <> 0);
  -- Else all entries of the account would be read to find none.
  if differing = '{}' then return; end if;
  return query select balance_contradictions(the_account, differing);
end $$;
