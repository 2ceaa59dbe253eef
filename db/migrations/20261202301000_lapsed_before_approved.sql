-- Who approves what nothing can come of any more is told so before, and with why, instead of an approval that is written and carried out in vain.

-- As before, and: that.
create or replace function decide_approval(p jsonb) returns text language plpgsql as $$
declare
  r approval_requests;
  earlier text;
  state text;
begin
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid for update;
  if not found then return 'unknown'; end if;
  if r.requested_by = p->>'subject' then return 'own'; end if;
  if encode(r.payload_sha256, 'hex') <> p->>'payloadHash' then return 'otherPayload'; end if;
  select decision into earlier from approvals d where d.request_id = r.request_id and d.subject = p->>'subject'
    and (d.decision = 'refused' or may_still(d.key_id, 'decideApproval')) limit 1;
  if found then return case when earlier = p->>'decision' then 'stored' else 'decided' end; end if;
  state := approval_state(r);
  if state not in ('pending', 'approved') then return state; end if;
  if not exists (select from api_keys where key_id = (p->>'keyId')::uuid and subject = p->>'subject')
      or not may_still((p->>'keyId')::uuid, 'decideApproval') then
    return 'noKey';
  end if;
  -- Nothing could come of it: no approval is written that somebody would wait for. To refuse it stays possible.
  if p->>'decision' = 'approved' and approval_course(r)->>'lapsed' is not null then return 'lapsed'; end if;
  insert into approvals (request_id, requested_by, payload_sha256, subject, key_id, decision, reason)
    values (r.request_id, r.requested_by, r.payload_sha256, p->>'subject', (p->>'keyId')::uuid, p->>'decision', p->>'reason');
  insert into audit_events (kind, account, subject, data) values ('approval.' || (p->>'decision'), r.account, p->>'subject',
    jsonb_build_object('requestId', r.request_id, 'action', r.action, 'requestedBy', r.requested_by, 'reason', p->>'reason',
      'payloadHash', p->>'payloadHash'));
  return 'written';
end $$;
