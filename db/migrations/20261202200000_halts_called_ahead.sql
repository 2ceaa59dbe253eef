-- The end of a halt that was called, asked for, approved, looked at or carried out while the database's clock was ahead of what it is now: nobody
-- waits until that time has come, and nothing that was before the halt counts once it has.

-- Requests that were there when the halt was called last, in whatever order their times are: by these alone the clock does not say it.
alter table latches add column overtaken uuid[] not null default '{}';

create function call_overtakes() returns trigger language plpgsql as $$
begin
  new.overtaken := array(select r.request_id from approval_requests r
    -- None lives longer; and what is of a time to come is among the newest.
    where r.created_at > clock_timestamp() - interval '7 days' and r.action = 'rearm' and r.used_at is null
      and r.payload->>'latchId' = new.latch_id::text);
  return new;
end $$;
create trigger latches_call_overtakes before update of called_at on latches for each row execute function call_overtakes();

-- As before, and: whatever the clock says, what was there when it was called is overtaken.
create or replace function is_overtaken(r approval_requests) returns boolean language sql stable as $$
  select r.action = 'rearm' and exists (select from latches l where l.latch_id = (r.payload->>'latchId')::uuid
    and (l.called_at >= r.created_at or r.request_id = any (l.overtaken) or l.policy <> r.payload->>'policy' or l.released_at is not null))
$$;

-- A halt of a time to come is called now: who approves its end, looks at it or compares does so after this. A sale of such a time has ended now, and
-- what was looked at then was looked at nobody knows when.
create function leave_no_halt_ahead() returns void language plpgsql as $$
declare
  latest constant timestamptz := clock_timestamp() + interval '2 seconds';
begin
  with brought as (
    select latch_id, called_at, engaged_at from latches where released_at is null and greatest(called_at, engaged_at) > latest
      order by latch_id for update),
  called as (
    update latches l set called_at = clock_timestamp(), engaged_at = least(l.engaged_at, clock_timestamp())
      from brought b where l.latch_id = b.latch_id returning l.*)
  insert into audit_events (kind, account, data)
    select 'halt.clockSetBack', case when c.scope = 'account' then c.scope_value else c.account end,
      jsonb_build_object('latchId', c.latch_id, 'scope', c.scope, 'scopeValue', c.scope_value, 'calledAt', b.called_at, 'engagedAt', b.engaged_at)
    from called c join brought b using (latch_id);
  update orders set final_at = clock_timestamp()
    where account = any (array(select account from accounts)) and purpose = 'flatten' and final_at > latest;
  update kills set looked_at = null where looked_at > latest;
  update reconciliations set last_compared_at = not_ahead(last_compared_at),
      -- Where the comparison that ended last is of a time to come, the clean one before it is not the newest.
      last_clean_at = case when not_ahead(greatest(last_clean_at, last_compared_at)) is not null then last_clean_at end
    where greatest(last_clean_at, last_compared_at) > latest;
end $$;

-- As before, and: nothing is left of a time to come, before anybody asks for the end of it.
create or replace function request_rearm(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  the_payload jsonb;
begin
  perform leave_no_halt_ahead();
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  if not found then
    select * into l from latches where latch_id = (p->>'latchId')::uuid and released_at is null;
    if not found then return jsonb_build_object('result', 'notStanding'); end if;
    the_payload := jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value, 'account', l.account,
      'policy', l.policy, 'incidents', coalesce(p->'incidents', '[]'), 'reason', p->>'reason', 'subject', p->>'subject');
    insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
      values ((p->>'requestId')::uuid, 'rearm', case when l.scope = 'account' then l.scope_value else l.account end, the_payload,
        p->>'subject', (p->>'underKey')::uuid, p->>'reason', clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond')
      on conflict (request_id) do nothing;
    if found then
      insert into audit_events (kind, account, subject, data) values ('approval.requested',
        case when l.scope = 'account' then l.scope_value else l.account end,
        p->>'subject', jsonb_build_object('requestId', p->>'requestId', 'action', 'rearm', 'reason', p->>'reason', 'payload', the_payload));
    end if;
    select * into r from approval_requests where request_id = (p->>'requestId')::uuid;
  end if;
  -- Asking again under the same id is for whoever asked first, and for the same.
  if r.action <> 'rearm' or r.requested_by <> p->>'subject' then return jsonb_build_object('result', 'otherPayload'); end if;
  return jsonb_build_object('result', approval_state(r), 'latchId', r.payload->>'latchId',
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;

