-- Whether the books contradict themselves is reckoned from all entries of an asset: a second or more of an account with many. That is asked before the locks
-- of a decision are taken, which every order, exit and stop of the account waits for, and not at each look over what a person has left as it is.

-- As before, but for the entries, which `decide_difference` has asked by then. That nothing was booked since the comparison is asked here: so nothing has come between.
create or replace function booking_refusal(d reconciliation_differences) returns text language plpgsql as $$
declare
  fills_told jsonb := case when d.class = 'orphanOrder' then coalesce(d.evidence->'venue'->'fills', '[]') else '[]' end;
begin
  if d.deltas = '{}' and not corrects_fill(d) then return 'it moves nothing'; end if;
  if d.class = 'missedFill' or exists (select from jsonb_array_elements(fills_told) f join orders o
      on o.account = d.account and o.instrument = f->>'instrument' and o.venue_order_id = f->>'venueOrderId') then
    return 'the fill is booked with its order (P15); entered besides it would be in the books twice';
  end if;
  if exists (select from jsonb_array_elements(fills_told) f where is_booked(f || jsonb_build_object('account', d.account))) then
    return 'a fill of it is in the books already; compare again';
  end if;
  -- The amount is what was missing then.
  if d.class in ('balanceMovement', 'rounding') and (d.evidence->'ledger'->>'balance')::numeric is distinct from
      coalesce((select quantity from inventory where account = d.account and asset = d.evidence->'ledger'->>'asset'), 0)
      + coalesce((select quantity from ledger_balances where account = d.account and asset = d.evidence->'ledger'->>'asset'), 0) then
    return 'the books have moved since; compare again';
  end if;
  return null;
end $$;

-- As before, and: that.
create or replace function decide_difference(p jsonb) returns jsonb language plpgsql as $$
declare
  told jsonb;
  d reconciliation_differences;
  another bigint;
  one jsonb;
begin
  select * into d from reconciliation_differences where difference_id = (p->>'differenceId')::bigint;
  if p->>'decision' = 'book' and d.status = 'open' and d.class in ('balanceMovement', 'rounding')
      and exists (select from balance_contradictions(d.account, array[d.evidence->'ledger'->>'asset'])) then
    return jsonb_build_object('result', 'impossible', 'why',
      'the books keep another amount than their entries add up to: compare again, and decide `rebuild` for what is told then');
  end if;
  told := decide_one_difference(p);
  if told->>'result' <> 'done' or p->>'decision' <> 'adopt' then return told; end if;
  select * into d from reconciliation_differences where difference_id = (p->>'differenceId')::bigint;
  if jsonb_typeof(d.evidence->'venue'->'order') = 'object' then return told; end if;
  for another in select decided_with(d, p->>'strategy') loop
    one := decide_one_difference(p || jsonb_build_object('differenceId', another::text));
    if one->>'result' <> 'done' then
      raise exception 'difference % has to be decided first, which could not be adopted with it: %', another, coalesce(one->>'why', one->>'result')
        using errcode = 'KE003';
    end if;
  end loop;
  return told;
end $$;

-- As before, but for what a person has left as it is: an asset that differs by just that would be read at each look for good.
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
        where d.account = the_account and d.ended_at is null and d.class = 'balanceMovement' and d.status = 'decided' and d.decision = 'reject') sides
    group by asset having sum(quantity) <> 0);
  -- Else all entries of the account would be read to find none.
  if differing = '{}' then return; end if;
  return query select balance_contradictions(the_account, differing);
end $$;
