-- A resume is decided on what a person saw, and what people tell a run of a runbook is done under the role that they have when it is done.

-- As before, and: whoever approves a resume approves it on the state that its asker saw. What was asked before has none.
create or replace function resume_payload(m commands, held uuid) returns jsonb language sql immutable as $$
  select jsonb_build_object('account', m.account, 'commandId', m.command_id, 'endsPause', held, 'reason', m.reason, 'subject', m.subject)
    || case when m.mode is null then '{}' else jsonb_build_object('mode', m.mode) end
    || case when m.kind <> 'resume' or m.expected_version is null then '{}' else jsonb_build_object('expectedVersion', m.expected_version) end
$$;

-- As before, and: whatever names the version that it was decided on is done on no other. A pause need not name one.
create or replace function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
  granted text;
  wanted text;
  loosens boolean;
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
      return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text);
    end if;
    if loosens and c.reconciliation_hold is not null and not is_reconciled(c) then
      return jsonb_build_object('result', 'notReconciled', 'found', reconciliation_findings(m.account));
    end if;
    -- Whoever has left, whose key was taken, or who has lost the role may still have paused, but starts nothing any more.
    if loosens and not may_still(m.key_id, 'resume') then
      return jsonb_build_object('result', 'noCommand');
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
      jsonb_strip_nulls(jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id,
        'expectedVersion', m.expected_version))
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- As before, with what people tell a run.
create or replace function roles_for(the_action text) returns text[] language sql immutable as $$
  select case the_action
    when 'decideApproval' then array['risk', 'admin']
    when 'rearm' then array['risk', 'admin']
    when 'resume' then array['risk', 'operator', 'admin']
    when 'changeLimits' then array['risk', 'admin']
    when 'askOverride' then array['trader', 'risk', 'admin']
    when 'askRunbook' then array['risk', 'operator', 'admin']
    when 'tellRunbook' then array['risk', 'operator', 'admin']
    when 'skipStep' then array['risk', 'admin']
    when 'signStep' then array['trader', 'risk', 'operator', 'admin']
  end
$$;

-- Whether whoever told a run something may still do so: by the role that its kind needs, and those that a step wants to be signed by.
create function may_still_tell(c runbook_commands) returns boolean language sql stable as $$
  select may_still(c.key_id, case c.kind when 'skip' then 'skipStep' when 'sign' then 'signStep' else 'tellRunbook' end)
    and (c.kind <> 'sign' or not exists (select from runbook_runs r where r.run_id = c.run_id and r.plan->'steps'->c.position ? 'signedBy')
      or exists (select from runbook_runs r, people q, unnest(q.roles) role
        where r.run_id = c.run_id and q.subject = c.subject and r.plan->'steps'->c.position->'signedBy' ? role))
$$;

-- As before, and: who has lost the role since tells nothing. What was carried out was.
create or replace function read_runbook_command(the_command uuid, the_run uuid) returns jsonb language sql volatile as $$
  select jsonb_build_object('kind', c.kind, 'position', c.position, 'subject', c.subject, 'reason', c.reason, 'isApplied', c.applied_at is not null)
    from runbook_commands c where c.command_id = the_command and c.run_id = the_run and c.refused_at is null
      and case when c.applied_at is not null then key_stands(c.key_id, c.subject)
        else may_still_tell(c) and c.created_at > clock_timestamp() - interval '10 minutes' end
$$;
