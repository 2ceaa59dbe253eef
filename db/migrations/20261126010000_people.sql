-- People act under their own keys, and some things need two of them.

-- The person of the first start had a role of its own that meant the same as admin.
update people set roles = array_replace(roles, 'owner', 'admin') where 'owner' = any (roles);
alter table people
  add column deactivated_at timestamptz,
  add constraint people_roles check (
    cardinality(roles) > 0 and roles <@ array['viewer', 'trader', 'risk', 'operator', 'auditor', 'admin']);

alter table api_keys
  add column last_used_at timestamptz,
  -- So that a row can say "under this key", and the key can only be that person's.
  add constraint api_keys_of_person unique (key_id, subject);

alter table commands
  add column key_id uuid,
  -- A pause that one person alone cannot end.
  add column holds boolean not null default false,
  add constraint commands_by_own_key foreign key (key_id, subject) references api_keys (key_id, subject),
  -- Those from before stay as they are, and move nothing any more.
  add constraint commands_have_key check (key_id is not null) not valid;

-- The pause that holds the account; null when one person may resume.
alter table control add column held_by uuid references commands;

-- jsonb has one order of keys and one way to write a number, so equal payloads have equal hashes.
create function payload_hash(payload jsonb) returns bytea language sql immutable strict parallel safe as $$
  select sha256(convert_to(payload::text, 'UTF8'))
$$;

create table approval_requests (
  request_id uuid primary key,
  action text not null,
  account text not null references accounts,
  -- Exactly what would be done: an approval is of this and of nothing else.
  payload jsonb not null,
  payload_sha256 bytea not null generated always as (payload_hash(payload)) stored,
  requested_by text not null references people,
  key_id uuid not null,
  reason text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz,
  check (expires_at > created_at),
  foreign key (key_id, requested_by) references api_keys (key_id, subject),
  unique (request_id, requested_by, payload_sha256)
);
create index approval_requests_newest on approval_requests (created_at desc);

create table approvals (
  request_id uuid not null,
  -- Both repeated from the request and held to it by the key below: so that the rule is a check on one row.
  requested_by text not null,
  payload_sha256 bytea not null,
  subject text not null,
  key_id uuid not null,
  decision text not null check (decision in ('approved', 'refused')),
  reason text not null,
  decided_at timestamptz not null default clock_timestamp(),
  primary key (request_id, subject),
  constraint approvals_by_another_person check (subject <> requested_by),
  foreign key (request_id, requested_by, payload_sha256) references approval_requests (request_id, requested_by, payload_sha256),
  foreign key (key_id, subject) references api_keys (key_id, subject)
);

create trigger approvals_append_only before update or delete on approvals
  for each row execute function refuse_change();
create trigger approvals_no_truncate before truncate on approvals
  for each statement execute function refuse_change();
-- A request is used once; nothing else of it ever changes.
create trigger approval_requests_fixed
  before update of request_id, action, account, payload, requested_by, key_id, reason, created_at, expires_at on approval_requests
  for each row execute function refuse_change();
create trigger approval_requests_used_once before update of used_at on approval_requests
  for each row when (old.used_at is not null) execute function refuse_change();
create trigger approval_requests_no_delete before delete on approval_requests
  for each row execute function refuse_change();
create trigger approval_requests_no_truncate before truncate on approval_requests
  for each statement execute function refuse_change();

-- The same rule as approvalState in core/people/approvals.ts; a test compares them.
create function approval_state(r approval_requests) returns text language sql volatile as $$
  select case
    when r.used_at is not null then 'used'
    when exists (select from approvals d where d.request_id = r.request_id and d.decision = 'refused') then 'refused'
    when r.expires_at <= clock_timestamp() then 'expired'
    when exists (select from approvals d join people p using (subject) join api_keys k using (key_id)
      where d.request_id = r.request_id and d.decision = 'approved' and p.deactivated_at is null and k.revoked_at is null) then 'approved'
    else 'pending'
  end
$$;

-- A person's decision about the request of another, under that person's own key.
create function decide_approval(p jsonb) returns text language plpgsql as $$
declare
  r approval_requests;
  earlier text;
  state text;
begin
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid for update;
  if not found then return 'unknown'; end if;
  if r.requested_by = p->>'subject' then return 'own'; end if;
  if encode(r.payload_sha256, 'hex') <> p->>'payloadHash' then return 'otherPayload'; end if;
  select decision into earlier from approvals where request_id = r.request_id and subject = p->>'subject';
  if found then return case when earlier = p->>'decision' then 'stored' else 'decided' end; end if;
  state := approval_state(r);
  if state not in ('pending', 'approved') then return state; end if;
  if not exists (select from api_keys k join people q using (subject) where k.key_id = (p->>'keyId')::uuid
      and subject = p->>'subject' and k.revoked_at is null and q.deactivated_at is null) then
    return 'noKey';
  end if;
  insert into approvals (request_id, requested_by, payload_sha256, subject, key_id, decision, reason)
    values (r.request_id, r.requested_by, r.payload_sha256, p->>'subject', (p->>'keyId')::uuid, p->>'decision', p->>'reason');
  insert into audit_events (kind, account, subject, data) values ('approval.' || (p->>'decision'), r.account, p->>'subject',
    jsonb_build_object('requestId', r.request_id, 'action', r.action, 'requestedBy', r.requested_by, 'reason', p->>'reason',
      'payloadHash', p->>'payloadHash'));
  return 'written';
end $$;

-- Uses an approved request up, in the transaction of what it allows. `granted`, or the state that it is in instead.
create function use_approval(the_request uuid, the_action text, the_payload jsonb) returns text language plpgsql as $$
declare
  r approval_requests;
  state text;
begin
  select * into r from approval_requests where request_id = the_request for update;
  if not found or r.action <> the_action then return 'missing'; end if;
  if r.payload_sha256 <> payload_hash(the_payload) then return 'otherPayload'; end if;
  state := approval_state(r);
  if state <> 'approved' then return state; end if;
  update approval_requests set used_at = clock_timestamp() where request_id = r.request_id;
  return 'granted';
end $$;

-- What is approved when a resume is: this command, of this person, against this pause.
create function resume_payload(m commands, held uuid) returns jsonb language sql immutable as $$
  select jsonb_build_object('account', m.account, 'commandId', m.command_id, 'endsPause', held, 'reason', m.reason, 'subject', m.subject)
$$;

-- Asks for the second person that a recorded resume needs, once; the request has the command's id.
create function request_resume(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  r approval_requests;
  held uuid;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid;
  select held_by into held from control where account = m.account;
  if m.applied_at is not null or held is null then return jsonb_build_object('result', 'free'); end if;
  insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
    values (m.command_id, 'resume', m.account, resume_payload(m, held), m.subject, m.key_id, m.reason,
      clock_timestamp() + (p->>'validForMs')::bigint * interval '1 millisecond')
    on conflict (request_id) do nothing;
  if found then
    insert into audit_events (kind, account, subject, data) values ('approval.requested', m.account, m.subject,
      jsonb_build_object('requestId', m.command_id, 'action', 'resume', 'reason', m.reason, 'payload', resume_payload(m, held)));
  end if;
  select * into r from approval_requests where request_id = m.command_id;
  return jsonb_build_object('result', case when r.payload_sha256 = payload_hash(resume_payload(m, held)) then approval_state(r) else 'otherPayload' end,
    'expiresTime', floor(extract(epoch from r.expires_at) * 1000)::bigint);
end $$;

-- As before, and: the command was made under a key; a pause may hold; what is held is resumed with the approval of another person.
create or replace function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
  granted text;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid for update;
  if not found or m.account <> p->>'account' or m.kind <> p->>'kind' or m.key_id is null then
    return jsonb_build_object('result', 'noCommand');
  end if;
  select * into c from control where account = m.account for update;
  if m.applied_at is null then
    -- Whoever has left, or whose key was taken, may still have paused, but starts nothing any more.
    if m.kind = 'resume' and exists (select from people p join api_keys k using (subject)
        where k.key_id = m.key_id and (p.deactivated_at is not null or k.revoked_at is not null)) then
      return jsonb_build_object('result', 'noCommand');
    end if;
    -- A resume that could not be carried out when it was asked for is not lying about for whoever finds its id later.
    -- Nor does it end a pause that came after it.
    if m.kind = 'resume' and (m.created_at < clock_timestamp() - interval '1 hour' or exists (select from commands q
        where q.account = m.account and q.kind = 'pause' and q.applied_at > m.created_at)) then
      return jsonb_build_object('result', 'notApproved', 'state', 'expired');
    end if;
    -- What was asked of a second person stays theirs to decide, also when the pause that needed it has ended meanwhile.
    if m.kind = 'resume' and (c.held_by is not null
        or exists (select from approval_requests where request_id = m.command_id)) then
      granted := use_approval(m.command_id, 'resume', resume_payload(m, c.held_by));
      if granted <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', granted); end if;
    end if;
    update commands set applied_at = clock_timestamp() where command_id = m.command_id;
    update control set mode = p->>'mode', version = version + 1, updated_at = clock_timestamp(),
        held_by = case when m.kind = 'resume' then null when m.holds then m.command_id else held_by end
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id)
      || case when m.holds then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- Whether somebody could still change people after the key or the person given here is gone.
create function admin_remains(without_subject text, without_key uuid) returns boolean language sql volatile as $$
  select exists (select from people q join api_keys k using (subject)
    where 'admin' = any (q.roles) and q.deactivated_at is null and k.revoked_at is null
      and subject is distinct from without_subject and k.key_id is distinct from without_key)
$$;

create function add_person(p jsonb) returns text language plpgsql as $$
declare
  the_key uuid;
begin
  insert into people (subject, name, roles)
    values (p->>'person', p->>'name', array(select jsonb_array_elements_text(p->'roles'))) on conflict (subject) do nothing;
  if not found then return 'exists'; end if;
  insert into api_keys (subject, key_sha256, label) values (p->>'person', decode(p->>'keyHash', 'hex'), p->>'label')
    returning key_id into the_key;
  insert into audit_events (kind, subject, data) values ('person.added', p->>'subject', jsonb_build_object(
    'person', p->>'person', 'name', p->>'name', 'roles', p->'roles', 'keyId', the_key, 'label', p->>'label', 'underKey', p->>'underKey'));
  return the_key::text;
end $$;

create function give_key(p jsonb) returns text language plpgsql as $$
declare
  the_key uuid;
begin
  perform from people where subject = p->>'person' and deactivated_at is null for share;
  if not found then return 'unknown'; end if;
  insert into api_keys (subject, key_sha256, label) values (p->>'person', decode(p->>'keyHash', 'hex'), p->>'label')
    returning key_id into the_key;
  insert into audit_events (kind, subject, data) values ('key.given', p->>'subject',
    jsonb_build_object('person', p->>'person', 'keyId', the_key, 'label', p->>'label', 'underKey', p->>'underKey'));
  return the_key::text;
end $$;

create function set_roles(p jsonb) returns text language plpgsql as $$
declare
  q people;
  new_roles text[] := array(select jsonb_array_elements_text(p->'roles'));
begin
  -- One after the other: two admins who take the other's role at once would both look right.
  lock table people in share row exclusive mode;
  select * into q from people where subject = p->>'person' and deactivated_at is null;
  if not found then return 'unknown'; end if;
  if q.roles = new_roles then return 'done'; end if;
  if not 'admin' = any (new_roles) and not admin_remains(q.subject, null) then return 'lastAdmin'; end if;
  update people set roles = new_roles where subject = q.subject;
  insert into audit_events (kind, subject, data) values ('roles.changed', p->>'subject',
    jsonb_build_object('person', q.subject, 'from', q.roles, 'to', p->'roles', 'underKey', p->>'underKey'));
  return 'done';
end $$;

create function revoke_key(p jsonb) returns text language plpgsql as $$
declare
  k api_keys;
begin
  lock table people in share row exclusive mode;
  select * into k from api_keys where key_id = (p->>'keyId')::uuid for update;
  if not found then return 'unknown'; end if;
  if k.revoked_at is not null then return 'done'; end if;
  if not admin_remains(null, k.key_id) then return 'lastAdmin'; end if;
  update api_keys set revoked_at = clock_timestamp() where key_id = k.key_id;
  insert into audit_events (kind, subject, data) values ('key.revoked', p->>'subject',
    jsonb_build_object('person', k.subject, 'keyId', k.key_id, 'label', k.label, 'underKey', p->>'underKey'));
  return 'done';
end $$;

create function deactivate_person(p jsonb) returns text language plpgsql as $$
begin
  lock table people in share row exclusive mode;
  perform from people where subject = p->>'person';
  if not found then return 'unknown'; end if;
  perform from people where subject = p->>'person' and deactivated_at is not null;
  if found then return 'done'; end if;
  if not admin_remains(p->>'person', null) then return 'lastAdmin'; end if;
  update people set deactivated_at = clock_timestamp() where subject = p->>'person';
  update api_keys set revoked_at = clock_timestamp() where subject = p->>'person' and revoked_at is null;
  insert into audit_events (kind, subject, data) values ('person.deactivated', p->>'subject',
    jsonb_build_object('person', p->>'person', 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;
