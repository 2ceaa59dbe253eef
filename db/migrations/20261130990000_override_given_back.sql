-- An override for one order that never left is not used up: it has let nothing pass. What is `authorised` has not been sent (P5): an order that
-- ends from there is proven unsent. The override ends at its time all the same.

create function give_back_override() returns trigger language plpgsql as $$
begin
  update limit_overrides set used_at = null, used_by = null where account = new.account and used_by = new.intent_id and for_one_order;
  return null;
end $$;
create trigger orders_give_back_override after update of status on orders
  for each row when (old.status = 'authorised' and new.status = 'expired') execute function give_back_override();
