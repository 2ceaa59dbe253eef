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
