-- What waits for a person: incidents, and instruments that take no entry until somebody has looked.

-- Null: an incident did it.
alter table blocked_instruments add column blocked_by text references people;

-- One person is enough to be careful. What an incident blocks already keeps that incident's reason.
create function block_instrument(p jsonb) returns text language plpgsql as $$
begin
  insert into blocked_instruments (account, instrument, reason, blocked_by)
    values (p->>'account', p->>'instrument', p->>'reason', p->>'subject') on conflict (account, instrument) do nothing;
  if not found then return 'done'; end if;
  insert into audit_events (kind, account, subject, data) values ('instrument.blocked', p->>'account', p->>'subject',
    jsonb_build_object('instrument', p->>'instrument', 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;

-- As long as it is not known what became of an order, nobody can say that the instrument is in order.
create function unblock_instrument(p jsonb) returns text language plpgsql as $$
declare
  was text;
begin
  perform from blocked_instruments where account = p->>'account' and instrument = p->>'instrument' for update;
  if not found then return 'notBlocked'; end if;
  perform from orders where account = p->>'account' and instrument = p->>'instrument' and final_at is null and status = 'unknown';
  if found then return 'unresolved'; end if;
  delete from blocked_instruments where account = p->>'account' and instrument = p->>'instrument' returning reason into was;
  insert into audit_events (kind, account, subject, data) values ('instrument.unblocked', p->>'account', p->>'subject',
    jsonb_build_object('instrument', p->>'instrument', 'was', was, 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;

create function close_incident(p jsonb) returns text language plpgsql as $$
declare
  i incidents;
begin
  select * into i from incidents where incident_id = (p->>'incidentId')::bigint for update;
  if not found then return 'unknown'; end if;
  if i.closed_at is not null then return 'done'; end if;
  update incidents set closed_at = clock_timestamp() where incident_id = i.incident_id;
  insert into audit_events (kind, account, subject, data) values ('incident.closed', i.account, p->>'subject',
    jsonb_build_object('incidentId', i.incident_id::text, 'incident', i.kind, 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;
