-- Until 0.6.0 the decision `book` on a fill of ours that the venue has not, or tells otherwise, entered the opposite in the inventory, and left the fill
-- where it was: balances were right, and the strategy held units that do not exist, for which its stop offered the account's own. Such a fill
-- is found by the next comparison, and the decision `book` on what it finds takes it back where it was booked, and with it what was entered beside it.

-- The fills that a decision of then has left: each as its difference told it, with the number of that as `bookedBeside`. What was taken back since is none.
create function booked_beside(the_account text) returns setof jsonb language sql stable as $$
  select jsonb_build_object('id', d.difference_id::text, 'class', d.class, 'subject', d.subject, 'deltas', d.deltas,
      'evidence', jsonb_set(d.evidence, '{ledger,bookedBeside}', to_jsonb(d.difference_id::text)))
    from reconciliation_differences d
    where d.account = the_account and d.decision = 'book' and corrects_fill(d) and not d.evidence->'ledger' ? 'bookedBeside'
      and not exists (select from fills c where c.difference_id = d.difference_id)
      and exists (select from fills f where f.account = d.account and f.instrument = d.evidence->'ledger'->>'instrument'
        and f.venue_trade_id = d.evidence->'ledger'->>'venueTradeId' and f.venue_order_id = d.evidence->'ledger'->>'venueOrderId'
        and f.intent_id = d.evidence->'ledger'->>'intentId'
        and not exists (select from fills r where r.account = f.account and r.instrument = f.instrument
          and r.venue_order_id = f.venue_order_id and r.reverses = f.venue_trade_id))
      and d.deltas <> '{}' and not exists (select from jsonb_each_text(d.deltas) e where not exists (select from ledger_movements m
        where m.movement_id = md5('reconciliation:' || d.difference_id || ':' || d.incident_id || ':' || e.key)::uuid and m.amount = e.value::numeric))
$$;
create index fills_of_difference on fills (difference_id) where difference_id is not null;

-- As before, and: what takes back what was entered beside a fill that is taken back with it.
create or replace function is_shown_at_venue(the_account text, the_asset text, the_amount numeric, the_incident text) returns boolean
language sql stable as $$
  select exists (select from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.deltas ? the_asset
    and case when d.class = 'balanceMovement'
      then sign((d.deltas->>the_asset)::numeric) = sign(the_amount) and abs((d.deltas->>the_asset)::numeric) >= abs(the_amount)
        and (d.evidence->'ledger'->>'balance')::numeric = booked_balance(the_account, the_asset)
      else (d.deltas->>the_asset)::numeric = case when d.evidence->'ledger' ? 'bookedBeside' then -the_amount else the_amount end
        and d.incident_id::text = the_incident
        and not exists (select from ledger_movements b where b.incident_id = d.incident_id and b.asset = the_asset) end)
$$;
