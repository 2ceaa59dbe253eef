-- A balance that is kept otherwise than its entries add up to is no deposit: it is told as what it is, at every depth of a look, and nothing
-- is booked for it. The definitions are those of `ledger verify`.

-- Kept amounts that are not what the entries say; of these assets, or of all where none are given.
create function balance_contradictions(the_account text, the_assets text[] default null) returns setof jsonb language sql stable as $$
  with entries as (
    select asset, coalesce(sum(delta) filter (where movement_id is null), 0) as traded,
        coalesce(sum(delta) filter (where movement_id is not null), 0) as moved
      from ledger_entries where account = the_account and ledger_account = 'venue' and (the_assets is null or asset = any(the_assets))
      group by asset),
    opened as (
      select key as asset, value::numeric as quantity from jsonb_each_text((select data->'inventory' from audit_events
        where account = the_account and kind = 'account.onboarded' order by event_id limit 1))),
    had as (select * from inventory where account = the_account),
    told as (
      select 'balance' as what, asset, coalesce(b.quantity, 0) as kept, coalesce(e.traded, 0) as reckoned
        from (select * from ledger_balances where account = the_account) b full join entries e using (asset)
      union all
      select 'inventory', asset, coalesce(i.moved, 0), coalesce(e.moved, 0) from had i full join entries e using (asset)
      union all
      -- Of an account whose opening was not written down nothing is known.
      select 'opening', asset, coalesce(i.quantity - i.moved, 0), coalesce(o.quantity, 0) from had i full join opened o using (asset)
        where exists (select from audit_events where account = the_account and kind = 'account.onboarded' and data ? 'inventory'))
  select jsonb_build_object('subject', 'books:' || what || ':' || asset, 'kept', trim_scale(kept)::text, 'reckoned', trim_scale(reckoned)::text)
    from told where kept <> reckoned and (the_assets is null or asset = any(the_assets))
$$;

-- As before, with what balances are kept apart from: the inventory and what was there before.
create or replace function book_contradictions(the_account text) returns setof jsonb language sql stable as $$
  select balance_contradictions(the_account)
  union all
  select jsonb_build_object('subject', 'books:order:' || o.intent_id, 'kept', o.executed_quantity::text, 'reckoned', coalesce(f.sum, 0)::text)
    from orders o left join (
      select intent_id, sum(quantity) as sum from fills where account = the_account group by intent_id) f using (intent_id)
    where o.account = the_account and o.executed_quantity <> coalesce(f.sum, 0)
  union all
  select jsonb_build_object('subject', 'books:position:' || strategy || ':' || instrument,
      'kept', coalesce(k.quantity, 0)::text, 'reckoned', coalesce(f.quantity, 0)::text)
    from (select strategy, instrument, quantity from position_sums where account = the_account) k
    full join (select o.strategy, f.instrument, sum(position_change(f.side, f.quantity, f.fee, f.fee_asset, o.base)) as quantity
        from fills f join orders o using (intent_id) where f.account = the_account group by o.strategy, f.instrument) f using (strategy, instrument)
    where coalesce(k.quantity, 0) <> coalesce(f.quantity, 0)
$$;

-- What a look asks of the books: everything where it is a full one, or one of these is known already, which only this can end (not one that is
-- left as it is: that would be read each minute for good); otherwise the balances of the assets of which the venue has another amount than we do.
create function contradictions_asked(p jsonb) returns setof jsonb language plpgsql stable as $$
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
      union all select key, -value::numeric from jsonb_each_text(p->'balances')) sides
    group by asset having sum(quantity) <> 0);
  -- Else all entries of the account would be read to find none.
  if differing = '{}' then return; end if;
  return query select balance_contradictions(the_account, differing);
end $$;
