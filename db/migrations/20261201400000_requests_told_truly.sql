-- What a request for a second person has come to, for whoever looks at the list. It decides nothing: whether something may be done is
-- asked of approval_state, and of the statement that does it.
--   lapsed           why nothing can come of it any more, though nobody refused it and its time is not over
--   stands           what stands in the way now of one that is agreed and not carried out yet
--   became           of a run that was begun with it: how that run is, or has ended
--   mode, expectedVersion   of a change of mode: the mode the account is in now, and the version it was decided on
create function approval_course(r approval_requests) returns jsonb language plpgsql volatile as $$
declare
  m commands;
  c control;
  u runbook_runs;
  lapsed text;
  stands text;
  became text;
  newest integer;
begin
  if r.action = 'resume' then
    select * into m from commands where command_id = r.request_id;
    select * into c from control where account = m.account;
    if r.used_at is not null then
      null;
    elsif m.applied_at is not null then
      lapsed := 'the account was in that mode already when it was to be carried out';
    elsif m.expected_version is not null and c.version <> m.expected_version
        and not is_as_wished(m, c, coalesce(m.mode, 'normal')) then
      lapsed := format('the account has changed since it was asked for: it was at version %s, and is at %s', m.expected_version, c.version);
    elsif exists (select from commands q where q.account = m.account and q.kind in ('pause', 'mode') and q.applied_at > m.created_at) then
      lapsed := 'a pause or another mode came after it was asked for';
    elsif r.payload_sha256 <> payload_hash(resume_payload(m, c.held_by)) then
      lapsed := 'the pause that it would end has ended, or is another one now';
    elsif c.reconciliation_hold is not null and not is_reconciled_now(c) then
      stands := 'the account is not reconciled';
    elsif mode_strictness(coalesce(m.mode, 'normal')) < mode_strictness('reduceOnly') then
      stands := loss_stands(m.account);
    end if;
  elsif r.action = 'runbook' then
    select * into u from runbook_runs where run_id = r.request_id;
    if r.used_at is not null then
      became := u.status || coalesce(': ' || u.detail, '');
    elsif u.ended_at is not null then
      lapsed := 'its run has ended: ' || u.status || coalesce(', ' || u.detail, '');
    elsif u.epoch <> (select epoch from instance) then
      lapsed := 'the ledger was restored since it was asked for';
    else
      stands := case when u.status <> 'waitingForApproval' then 'its run is ' || u.status end;
    end if;
  elsif r.action = 'loosenLimit' and r.used_at is null then
    select coalesce(max(version), 0) into newest from limits l where l.scope = r.payload->>'scope' and l.scope_value = r.payload->>'scopeValue'
      and l.account is not distinct from r.payload->>'account' and l.limit_key = r.payload->>'key';
    if newest <> (r.payload->>'version')::integer then lapsed := 'the limit was changed since it was asked for'; end if;
  end if;
  if r.used_at is null and lapsed is null and not may_still(r.key_id, case r.action when 'loosenLimit' then 'changeLimits'
      when 'overrideLimit' then 'askOverride' when 'runbook' then 'askRunbook' else r.action end) then
    lapsed := 'who asked for it has left, may not ask for it any more, or the key is revoked';
  end if;
  return jsonb_build_object('lapsed', lapsed, 'stands', stands, 'became', became, 'mode', c.mode, 'expectedVersion', m.expected_version);
end $$;
