-- A person lets an account do more, and what the account watch has found still holds: a moment later it takes that back. It has alerted
-- people of its finding before, perhaps hours ago, and says nothing new of it: so that the person who was told "it is resumed" is told this.
create function tell_overruled() returns trigger language plpgsql as $$
declare
  m commands;
begin
  select * into m from commands where account = new.account and applied_at > clock_timestamp() - interval '30 seconds'
      and (kind = 'resume' or (kind = 'mode' and mode_strictness(mode) < mode_strictness(new.data->>'mode')))
    order by applied_at desc limit 1;
  if found then
    perform raise_alert(jsonb_build_object('key', 'overruled:' || m.command_id, 'account', new.account, 'kind', 'mode.overruled',
      'severity', 'warning', 'subject', 'watch',
      'summary', m.subject || ' let ' || new.account || ' do more, and the account watch has set it to ' || (new.data->>'mode')
        || ' again at once: ' || (new.data->>'reason'),
      'data', jsonb_build_object('commandId', m.command_id, 'person', m.subject, 'mode', new.data->>'mode')));
  end if;
  return null;
end $$;
create trigger audit_events_overruled after insert on audit_events for each row
  when (new.kind = 'mode.changed' and new.subject = 'watch') execute function tell_overruled();

-- P26, as before, and: a halt that stands already may be called again by the watch, hours after a kill has told anything of it. What counts
-- is that one has told something since the call.
create or replace function is_kill_missing(the_account text, after_ms integer) returns boolean language plpgsql stable as $$
begin
  return exists (
    select from account_watch w join latches l on l.latch_id = w.latch_id
    where w.account = the_account and l.released_at is null
      and (l.called_at <= clock_timestamp() - make_interval(secs => after_ms / 1000.0)
          and not exists (select from kills k where k.account = the_account and k.phase <> 'released' and k.updated_at >= l.called_at)
        -- However often it is called: of this halt nothing was ever told.
        or l.engaged_at <= clock_timestamp() - make_interval(secs => after_ms / 1000.0)
          and not exists (select from kills k where k.account = the_account and k.phase <> 'released' and k.updated_at >= l.engaged_at)));
end $$;

-- As before, and: each call wakes the kill of each account under it, so that it tells something since.
create or replace function engage_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  touched text[];
  what text := 'halt.repeated';
begin
  perform from instance for update;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_under(p->>'scope', p->>'scopeValue', p->>'account'))
    order by c.account for update) locked;
  select * into l from latches where released_at is null and scope = p->>'scope' and scope_value = p->>'scopeValue'
    and account is not distinct from p->>'account';
  if not found then
    what := 'halt.engaged';
    insert into latches (scope, scope_value, account, reason, subject, key_id, policy)
      values (p->>'scope', p->>'scopeValue', p->>'account', p->>'reason', p->>'subject', (p->>'underKey')::uuid, p->>'policy')
      returning * into l;
  elsif l.policy = 'none' and p->>'policy' = 'atOnce' then
    what := 'halt.tightened';
    update latches set policy = 'atOnce', called_at = clock_timestamp() where latch_id = l.latch_id returning * into l;
  else
    update latches set called_at = clock_timestamp() where latch_id = l.latch_id returning * into l;
  end if;
  -- Who is asked to end it reads each person's reason, and not only the first one's.
  if what <> 'halt.engaged' and p->>'underKey' is not null and position(p->>'reason' in l.reason) = 0 then
    update latches set reason = left(l.reason || '; called again by ' || (p->>'subject') || ': ' || (p->>'reason'), 2000)
      where latch_id = l.latch_id returning * into l;
  end if;
  if what <> 'halt.repeated' then
    update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  end if;
  -- A part of ours may repeat itself each second; what a person does is always written down.
  if what <> 'halt.repeated' or p->>'underKey' is not null then
    insert into audit_events (kind, account, subject, data)
      select what, account, p->>'subject', jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value,
        'policy', l.policy, 'reason', p->>'reason', 'underKey', p->>'underKey') from unnest(touched) account;
  end if;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  return jsonb_build_object('latchId', l.latch_id, 'isNew', what = 'halt.engaged', 'policy', l.policy, 'accounts', to_jsonb(touched));
end $$;

-- A kill looks at least each twenty seconds for as long as a latch stands, and tells what it sees. One that has told nothing for a minute
-- was ended by a hand, or lost with its Temporal: the account watch, which samples each second, has it begun again, and people are told.
create function wake_lost_kill() returns trigger language plpgsql as $$
declare
  since timestamptz;
begin
  select max(l.called_at) into since from latches l
    where l.released_at is null and new.account in (select accounts_under(l.scope, l.scope_value, l.account));
  if since is null or since > clock_timestamp() - interval '60 seconds' then return null; end if;
  if exists (select from kills k where k.account = new.account and k.phase <> 'released' and k.updated_at > clock_timestamp() - interval '60 seconds')
    or exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account
      and o.created_at > clock_timestamp() - interval '60 seconds') then return null;
  end if;
  insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', new.account));
  perform raise_alert(jsonb_build_object('key', 'killSilent:' || new.account || ':' || epoch_ms(since), 'account', new.account,
    'kind', 'kill.silent', 'severity', 'error',
    'summary', 'The kill of ' || new.account || ' has told nothing for a minute, although a halt stands: it is begun again. See keelson halts.'));
  return null;
end $$;
create trigger account_watch_samples_wake_kill after insert on account_watch_samples for each row execute function wake_lost_kill();
create index outbox_halts on outbox (created_at) where kind = 'haltChanged';

-- As before, and: whoever asked to end a halt before it was called again has not seen why it was.
create or replace function release_latch(p jsonb) returns jsonb language plpgsql as $$
declare
  l latches;
  r approval_requests;
  touched text[];
  found_there text;
  state text;
begin
  perform from instance for update;
  select * into r from approval_requests where request_id = (p->>'requestId')::uuid for update;
  if not found or r.action <> 'rearm' or r.payload->>'latchId' <> p->>'latchId' then
    return jsonb_build_object('result', 'notApproved', 'state', 'missing');
  end if;
  select * into l from latches where latch_id = (p->>'latchId')::uuid;
  if l.released_at is not null and l.released_by = r.request_id::text then return jsonb_build_object('result', 'released'); end if;
  state := approval_state(r);
  -- Who asked may have left since: then nobody starts anything in that name.
  if exists (select from people q join api_keys k using (subject)
      where k.key_id = r.key_id and (q.deactivated_at is not null or k.revoked_at is not null)) then
    state := 'expired';
  end if;
  -- Whoever asked or approved before it was called again has seen another halt.
  if state = 'approved' and ((r.created_at <= l.called_at and r.payload->>'policy' = l.policy) or not exists (select from approvals d join people q using (subject) join api_keys k using (key_id)
      where d.request_id = r.request_id and d.decision = 'approved' and q.deactivated_at is null and k.revoked_at is null
        and d.decided_at > l.called_at)) then
    state := 'expired';
  end if;
  if state <> 'approved' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  if l.released_at is not null then return jsonb_build_object('result', 'notClean', 'found', 'the halt was ended by another request'); end if;
  if r.payload->>'policy' <> l.policy then return jsonb_build_object('result', 'notApproved', 'state', 'otherPayload'); end if;

  found_there := missing_drawdown_report(l.latch_id);
  if found_there is not null then return jsonb_build_object('result', 'notClean', 'found', found_there); end if;
  select coalesce(array_agg(account), '{}') into touched from (
    select c.account from control c where c.account in (select accounts_under(l.scope, l.scope_value, l.account))
    order by c.account for update) locked;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from kills k where k.account = one.account and k.phase = 'verified'
      and k.verified_at > greatest(clock_timestamp() - interval '1 minute',
        (select max(decided_at) from approvals where request_id = r.request_id and decision = 'approved')));
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'not verified anew: ' || found_there);
  end if;
  select string_agg(account, ', ' order by account) into found_there from unnest(touched) as one (account)
    where not exists (select from reconciliations c where c.account = one.account
      and c.last_clean_at > clock_timestamp() - interval '1 minute');
  if found_there is not null then
    return jsonb_build_object('result', 'notReconciled', 'found', 'not found clean by a reconciliation: ' || found_there,
      'accounts', to_jsonb(string_to_array(found_there, ', ')));
  end if;
  select string_agg(o.intent_id || ' is ' || o.status, ', ' order by o.intent_id) into found_there
    from orders o join accounts a using (account)
    where o.account = any (touched) and o.final_at is null and o.status in ('authorised', 'submitting', 'unknown', 'pendingCancel')
      and is_latched(l, o.account, a.venue, o.strategy, o.instrument);
  if found_there is not null then return jsonb_build_object('result', 'notClean', 'found', found_there); end if;
  select string_agg('incident ' || i.incident_id || ' (' || i.kind || ')', ', ' order by i.incident_id) into found_there from incidents i
    where i.account = any (touched) and i.closed_at is null
      and not (r.payload->'incidents') @> to_jsonb(i.incident_id::text);
  if found_there is not null then
    return jsonb_build_object('result', 'notClean', 'found', 'open, and not named in the request: ' || found_there);
  end if;

  state := use_approval(r.request_id, 'rearm', r.payload);
  if state <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', state); end if;
  update latches set released_at = clock_timestamp(), released_by = r.request_id::text where latch_id = l.latch_id;
  update control set version = version + 1, updated_at = clock_timestamp() where account = any (touched);
  insert into audit_events (kind, account, subject, data)
    select 'halt.ended', account, r.requested_by, jsonb_build_object('latchId', l.latch_id, 'scope', l.scope, 'scopeValue', l.scope_value,
      'reason', r.reason, 'requestId', r.request_id, 'incidents', r.payload->'incidents', 'keyId', r.key_id,
      'approvedBy', (select jsonb_agg(subject order by decided_at) from approvals where request_id = r.request_id and decision = 'approved'))
    from unnest(touched) account;
  insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from unnest(touched) account;
  insert into outbox (kind, data) select 'positionChanged', jsonb_build_object('account', q.account, 'strategy', q.strategy,
      'instrument', q.instrument, 'because', 'bought')
    from positions q where q.account = any (touched) and q.quantity <> 0;
  return jsonb_build_object('result', 'released');
end $$;
