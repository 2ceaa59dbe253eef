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
