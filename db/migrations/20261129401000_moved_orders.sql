-- As before, and: an order of ours that rests at the venue otherwise than it was sent can be canceled. Its owner or its signal sees to what follows.
create or replace function cancel_refusal(d reconciliation_differences) returns text language plpgsql as $$
declare
  v jsonb := d.evidence->'venue';
begin
  if d.class = 'unknown' and d.subject like 'intent:%' and coalesce(v->>'clientOrderId', '') <> '' and coalesce(v->>'instrument', '') <> '' then
    return null;
  end if;
  if d.class not in ('orphanOrder', 'duplicate', 'orphanedWorkflow')
      or (d.class = 'orphanOrder' and coalesce(v->'order', 'null') = 'null' and not v ? 'clientOrderId')
      or (d.class = 'duplicate' and coalesce(v->>'clientOrderId', '') = '') then
    return 'there is nothing at the venue to cancel';
  end if;
  -- A cancel goes by the name, and the venue may take ours.
  if d.class = 'duplicate' and exists (select from orders where account = d.account and client_order_id = v->>'clientOrderId'
      and final_at is null) then
    return 'an order of ours has the same name and works still: cancel that one first, or this one by its number at the venue itself';
  end if;
  return null;
end $$;
