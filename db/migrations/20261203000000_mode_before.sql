-- As before, and: the audit of a mode that a person has changed names the mode before, and the version that it has made.
create or replace function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
  granted text;
  wanted text;
  lost text;
  loosens boolean;
  mode_before text;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid for update;
  if not found or m.account <> p->>'account' or m.kind <> p->>'kind' or m.key_id is null then
    return jsonb_build_object('result', 'noCommand');
  end if;
  select * into c from control where account = m.account for update;
  wanted := coalesce(m.mode, p->>'mode');
  loosens := m.kind = 'resume' or (m.kind = 'mode' and mode_strictness(wanted) < mode_strictness(c.mode));
  if m.applied_at is null then
    if c.version <> m.expected_version then
      if not is_as_wished(m, c, wanted) then return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text); end if;
      update commands set applied_at = clock_timestamp() where command_id = m.command_id;
      insert into audit_events (kind, account, subject, data) values ('mode.asWished', m.account, m.subject, jsonb_build_object('mode', c.mode,
        'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id, 'expectedVersion', m.expected_version, 'version', c.version));
      return apply_mode_command(p);
    end if;
    if loosens and c.reconciliation_hold is not null and not is_reconciled_now(c) then
      return jsonb_build_object('result', 'notReconciled', 'found', reconciliation_findings(m.account));
    end if;
    lost := loss_stands(m.account);
    if loosens and mode_strictness(wanted) < mode_strictness('reduceOnly') and lost is not null then
      return jsonb_build_object('result', 'lossStands', 'found', lost);
    end if;
    -- Whoever has left, whose key was taken, or who has lost the role may still have paused, but starts nothing any more.
    if loosens and not may_still(m.key_id, 'resume') then
      return jsonb_build_object('result', 'noCommand');
    end if;
    if loosens and wanted = 'normal' and coalesce((p->>'asksKey')::boolean, false) and not p ? 'keyWithdraws' then
      return jsonb_build_object('result', 'askKey');
    end if;
    if loosens and wanted = 'normal' and coalesce((p->>'keyWithdraws')::boolean, false) then
      return jsonb_build_object('result', 'keyWithdraws', 'venue', (select venue from accounts where account = m.account));
    end if;
    -- A resume that could not be carried out when it was asked for is not lying about for whoever finds its id later.
    -- Nor does it end a pause that came after it.
    if loosens and (m.created_at < clock_timestamp() - interval '1 hour' or exists (select from commands q
        where q.account = m.account and q.kind in ('pause', 'mode') and q.applied_at > m.created_at)) then
      return jsonb_build_object('result', 'notApproved', 'state', 'expired');
    end if;
    -- What was asked of a second person stays theirs to decide, also when the pause that needed it has ended meanwhile.
    if loosens and (c.held_by is not null
        or exists (select from approval_requests where request_id = m.command_id)) then
      granted := use_approval(m.command_id, 'resume', resume_payload(m, c.held_by));
      if granted <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', granted); end if;
    end if;
    mode_before := c.mode;
    update commands set applied_at = clock_timestamp() where command_id = m.command_id;
    -- What two people have let an account do is not all that a hold forbids: it lasts until they let it do everything.
    update control set mode = wanted, version = version + 1, updated_at = clock_timestamp(),
        held_by = case when loosens and wanted = 'normal' then null when m.holds and not loosens then m.command_id else held_by end,
        -- A person's pause is not a reconciliation's to end.
        reconciliation_hold = case when loosens then null when wanted = 'paused' then reconciliation_hold || '{"was": "paused"}' else reconciliation_hold end,
        -- What a person has decided is not a runbook's to take back.
        runbook_hold = null
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_strip_nulls(jsonb_build_object('mode', c.mode, 'was', mode_before, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id,
        'expectedVersion', m.expected_version, 'version', c.version))
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           approvers(m.command_id)) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;
