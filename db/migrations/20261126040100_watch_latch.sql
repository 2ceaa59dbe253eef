-- A halt of the whole account, under the lock of its control row: no order begins to be sent after it (P25). One that stands
-- already is kept.
create function latch_for_watch(p jsonb) returns jsonb language plpgsql as $$
declare
  standing uuid;
begin
  perform from control where account = p->>'account' for update;
  select latch_id into standing from latches where scope = 'account' and scope_value = p->>'account' and released_at is null limit 1;
  if found then return jsonb_build_object('latchId', standing, 'isNew', false); end if;
  insert into latches (scope, scope_value, reason, subject) values ('account', p->>'account', p->>'reason', p->>'subject')
    returning latch_id into standing;
  update control set version = version + 1, updated_at = clock_timestamp() where account = p->>'account';
  insert into audit_events (kind, account, subject, data) values ('latch.engaged', p->>'account', p->>'subject',
    jsonb_build_object('latchId', standing, 'scope', 'account', 'scopeValue', p->>'account', 'reason', p->>'reason', 'policy', p->>'policy'));
  return jsonb_build_object('latchId', standing, 'isNew', true);
end $$;
