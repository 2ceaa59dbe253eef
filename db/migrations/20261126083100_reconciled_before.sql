-- What waits for a clean reconciliation: the end of a pause that one has made, entries of a process that had lost its ledger, and what
-- comes after a change of the database. The end of a halt waits for it, too: release_latch, 20261126085000.

-- As before, and: what a reconciliation has paused does more only after a newer one has found it clean.
-- Any mode, where the control row still is what the person saw. What lets an account do more is held to the
-- rules of a resume, what lets it do less to those of a pause.
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
    if m.kind = 'mode' and c.version <> m.expected_version then
      return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text);
    end if;
    if loosens and c.reconciliation_hold is not null and not is_reconciled(c) then
      return jsonb_build_object('result', 'notReconciled', 'found', reconciliation_findings(m.account));
    end if;
    -- Whoever has left, or whose key was taken, may still have paused, but starts nothing any more.
    if loosens and exists (select from people p join api_keys k using (subject)
        where k.key_id = m.key_id and (p.deactivated_at is not null or k.revoked_at is not null)) then
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
        reconciliation_hold = case when loosens then null when wanted = 'paused' then reconciliation_hold || '{"was": "paused"}' else reconciliation_hold end
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id)
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- What a process asks for again and again, so as to know whether it has its ledger: when the comparison with the venue began
-- that found each account clean last.
create function read_clearance() returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object('databaseTime', epoch_ms(clock_timestamp()),
    'cleanSince', (select coalesce(jsonb_object_agg(account, epoch_ms(last_clean_at)), '{}') from reconciliations where last_clean_at is not null));
end $$;

-- As before, and: what is paused for it goes on only after a comparison with the venue has found it clean; a person's word is not enough.
create or replace function check_instance_identity() returns text language plpgsql as $$
declare
  known instance;
  found_identifier text := (select system_identifier::text from pg_control_system());
  found_timeline integer := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;
  change jsonb;
begin
  select * into known from instance;
  if known.system_identifier = found_identifier and known.timeline = found_timeline then return 'same'; end if;
  select * into known from instance for update;
  if known.system_identifier is null then
    update instance set system_identifier = found_identifier, timeline = found_timeline;
    return 'recorded';
  end if;
  if known.system_identifier = found_identifier and known.timeline = found_timeline then return 'same'; end if;
  update instance set system_identifier = found_identifier, timeline = found_timeline;
  change := jsonb_build_object(
    'mode', 'paused', 'reason', 'the database is another than before: compare the books with the venue, then resume',
    'was', jsonb_build_object('systemIdentifier', known.system_identifier, 'timeline', known.timeline),
    'is', jsonb_build_object('systemIdentifier', found_identifier, 'timeline', found_timeline));
  update control set mode = 'paused', version = version + 1, updated_at = clock_timestamp(),
      reconciliation_hold = jsonb_build_object('since', clock_timestamp(), 'was', 'paused', 'classes', '[]'::jsonb);
  insert into audit_events (kind, account, subject, data) select 'mode.changed', account, 'instance identity', change from control;
  insert into incidents (incident_key, account, kind, data)
    select 'databaseChanged:' || account || ':' || found_identifier || ':' || found_timeline, account, 'databaseChanged', change
    from control on conflict (incident_key) do nothing;
  return 'changed';
end $$;
