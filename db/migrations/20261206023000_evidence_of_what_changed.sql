-- The evidence of a halt reads what is open and what has changed since, and not every order that the account has ever had.

create index orders_ended_changed on orders (account, updated_at) where final_at is not null;

-- As before, but: of the orders that have ended those that have changed since are found by an index.
create or replace function kill_evidence(the_account text) returns jsonb language plpgsql stable as $$
declare
  since timestamptz;
begin
  -- Known before anything is looked for: by it each part is found by an index.
  select coalesce(min(case when (k.evidence->'latchIds' ? (l).latch_id::text) is not true then (l).engaged_at
          else (select min(e.occurred_at) from audit_events e where e.account = the_account and e.occurred_at > k.evidence_at
            and e.kind = 'halt.tightened' and e.data->>'latchId' = (l).latch_id::text) end),
        max((l).called_at), clock_timestamp()) into since
    from (select l from latches l where l.released_at is null and is_under(the_account, l.scope, l.scope_value, l.account)) standing
      left join kills k on k.account = the_account;
  return (
    with standing as (
      select l from latches l where l.released_at is null and is_under(the_account, l.scope, l.scope_value, l.account))
    select jsonb_build_object(
      'latches', coalesce((select jsonb_agg(latch_json(l) order by (l).engaged_at) from standing), '[]'),
      'timeline', coalesce((select jsonb_agg(jsonb_build_object('time', occurred_at, 'kind', kind, 'subject', subject, 'data', data) order by event_id)
        from audit_events where account = the_account and occurred_at >= since - interval '1 minute'), '[]'),
      'venueReplies', coalesce((select jsonb_agg(jsonb_build_object('time', observed_at, 'kind', kind, 'data', data) order by observation_id)
        from kill_observations where account = the_account and observed_at >= since), '[]'),
      'orders', coalesce((select jsonb_agg(order_json(o) order by (o).created_at, (o).intent_id) from (
          select open from orders open where account = the_account and final_at is null
          union all select ended from orders ended where account = the_account and final_at is not null and updated_at >= since) as one (o)), '[]'),
      'fills', coalesce((select jsonb_agg(row_json(f) order by f.event_time, f.venue_trade_id) from fills f
        where f.account = the_account and f.booked_at >= since), '[]'),
      'positions', coalesce((select jsonb_agg(row_json(p) order by p.strategy, p.instrument) from positions p where p.account = the_account), '[]'),
      'inventory', coalesce((select jsonb_object_agg(asset, quantity::text) from inventory where account = the_account), '{}'),
      'equity', equity_around(the_account, since)));
end $$;
