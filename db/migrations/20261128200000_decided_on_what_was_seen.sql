-- A resume is decided on what a person saw, and what people tell a run of a runbook is done under the role that they have when it is done.

-- As before, and: whoever approves a resume approves it on the state that its asker saw. What was asked before has none.
create or replace function resume_payload(m commands, held uuid) returns jsonb language sql immutable as $$
  select jsonb_build_object('account', m.account, 'commandId', m.command_id, 'endsPause', held, 'reason', m.reason, 'subject', m.subject)
    || case when m.mode is null then '{}' else jsonb_build_object('mode', m.mode) end
    || case when m.kind <> 'resume' or m.expected_version is null then '{}' else jsonb_build_object('expectedVersion', m.expected_version) end
$$;

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
