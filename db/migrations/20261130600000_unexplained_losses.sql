-- What went from an account without a reason that the books know is a loss until they do. What the watch remembers of it, and since when each
-- reading of the venue shows another difference. A row of an earlier build has neither.
alter table account_watch add column unexplained jsonb, add column moving_since bigint;

-- What moved an account's assets beside its own fills, by asset: what came in, what went out (negative), and what others have traded. And what of
-- that went before anything that is `unexplained` of the asset, or before the last look where nothing is: a reading is older than the
-- sample that it is for, and a person's watch goes by another clock, so two minutes before that. And what happened when that had gone already, by two
-- minutes at least; of what a person has decided on as the comparison found it, it is only known when it was found.
create function moved_beside(the_account text, unexplained jsonb) returns jsonb language sql stable as $$
  with sides as (
      select asset, amount, event_time, incident_id from ledger_movements where account = the_account and kind in ('deposit', 'withdrawal', 'transfer')
      union all select asset, -amount, event_time, incident_id from ledger_movements where counter_account = the_account),
    flows as (
      select asset, coalesce(sum(amount) filter (where amount > 0), 0) as came, coalesce(sum(amount) filter (where amount < 0), 0) as went,
        coalesce(sum(amount) filter (where amount < 0 and event_time + 120000 < case when unexplained->'assets' ? asset
          then (unexplained->'assets'->asset->>'from')::bigint else (unexplained->>'checked')::bigint end), 0) as went_before,
        coalesce(sum(amount) filter (where amount < 0 and event_time - 120000 > (unexplained->'assets'->asset->>'to')::bigint
          and not exists (select from reconciliation_differences d where d.account = the_account and d.decision = 'book'
            and d.class = 'balanceMovement' and d.incident_id = sides.incident_id)), 0) as went_after
      from sides group by asset),
    -- Of everything that moved, the rest are fills by other hands and corrections; and fills of ours that a person has decided on.
    all_moved as (
      select asset, coalesce(f.came, 0) as came, coalesce(f.went, 0) as went, coalesce(f.went_before, 0) as went_before,
        coalesce(f.went_after, 0) as went_after,
        coalesce(i.moved, 0) - coalesce(f.came, 0) - coalesce(f.went, 0) + coalesce(d.quantity, 0) as traded
      from (select asset, moved from inventory where account = the_account) i full join flows f using (asset)
        full join decided_amounts(the_account) d using (asset))
  select jsonb_build_object(
    'deposited', coalesce(jsonb_object_agg(asset, trim_scale(came)::text) filter (where came <> 0), '{}'),
    'withdrawn', coalesce(jsonb_object_agg(asset, trim_scale(went)::text) filter (where went <> 0), '{}'),
    'before', coalesce(jsonb_object_agg(asset, trim_scale(went_before)::text) filter (where went_before <> 0), '{}'),
    'after', coalesce(jsonb_object_agg(asset, trim_scale(went_after)::text) filter (where went_after <> 0), '{}'),
    'traded', coalesce(jsonb_object_agg(asset, trim_scale(traded)::text) filter (where traded <> 0), '{}')) from all_moved
$$;

-- What the watch reads beside its inputs, of the same moment: what went and is not explained, what the books say of it, and a halt of the watch
-- that no sample has noted, as where its process ended between the two.
create function read_watch_beside(the_account text) returns jsonb language sql stable as $$
  select jsonb_build_object('booked', moved_beside(a.account, w.unexplained), 'unexplained', w.unexplained, 'movingSince', w.moving_since,
    'unnotedHalt', (select jsonb_build_object('latchId', l.latch_id, 'reason', l.reason) from latches l
      where l.scope = 'account' and l.scope_value = a.account and l.subject = 'watch' and l.released_at is null
        and l.latch_id is distinct from w.latch_id order by l.engaged_at limit 1))
  from accounts a left join account_watch w using (account) where a.account = the_account
$$;

-- … and what it keeps beside a sample, in the statement that has written that: of this version, or null where another was first.
create function keep_watch_beside(p jsonb, the_version text) returns void language sql as $$
  update account_watch set unexplained = coalesce(p->'unexplained', unexplained), moving_since = (p->>'movingSince')::bigint
    where account = p->>'account' and version = the_version::bigint
$$;
