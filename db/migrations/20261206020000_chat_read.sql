-- Halting from a chat may be dead while alerts still arrive there: its bot has a webhook, the token is another one now, or another program reads what
-- people write to it. Whether somebody reads is a row, and people are told where nobody does.

-- One row; none where no guardian has begun to read a chat.
create table chat_reading (
  is_here boolean primary key default true check (is_here),
  -- Of ours one reads at a time: the service ends what another has begun, and neither would see its own read end.
  reader text not null,
  reads_until timestamptz not null,
  -- Since when somebody of ours tries, without two minutes in which nobody did, and when last.
  tried_since timestamptz not null default clock_timestamp(),
  tried_at timestamptz not null default clock_timestamp(),
  read_at timestamptz,
  failure text,
  -- Somebody who is none of ours reads there: since when, without a minute in which nobody did, and when last.
  contested_since timestamptz,
  contested_at timestamptz,
  -- What people were told, while it is so.
  alert_key text
);

-- A clock that was set back makes nothing young.
create function is_within(at timestamptz, seconds numeric) returns boolean language sql as $$
  select coalesce(abs(extract(epoch from clock_timestamp() - at)) <= seconds, false)
$$;

-- Who has just begun to try has the time to succeed.
create function chat_state(c chat_reading) returns text language sql as $$
  select case
    when not is_within(c.read_at, 120) and not is_within(c.tried_since, 120) then 'silent'
    when is_within(c.contested_at, 60) and c.contested_at - c.contested_since >= interval '2 minutes' then 'contested'
    else 'read' end
$$;

-- Whether it is this one's turn, which it then has for so long.
create function begin_chat_read(the_reader text, for_ms integer) returns boolean language plpgsql as $$
begin
  insert into chat_reading as had (reader, reads_until) values (the_reader, clock_timestamp() + make_interval(secs => for_ms / 1000.0))
    on conflict (is_here) do update set reader = excluded.reader, reads_until = excluded.reads_until, tried_at = clock_timestamp(),
      tried_since = case when is_within(had.tried_at, 120) then had.tried_since else clock_timestamp() end
    -- A turn that lasts longer than one can is of before a clock was set back.
    where had.reader = the_reader or had.reads_until not between clock_timestamp() and excluded.reads_until;
  return found;
end $$;

create function end_chat_read(the_reader text) returns void language sql as $$
  update chat_reading set reads_until = clock_timestamp() where reader = the_reader
$$;

-- How a read has ended. People are told once of each silence, and no more when it is over.
create function tell_chat_read(the_reader text, why text, is_contested boolean) returns void language plpgsql as $$
declare
  c chat_reading;
  state text;
begin
  select * into c from chat_reading for update;
  -- Whoever has the turn by now has ended the read of the one before: that is no failure.
  if not found or why is not null and c.reader <> the_reader then return; end if;
  if why is null then
    update chat_reading set read_at = clock_timestamp(), failure = case when is_within(contested_at, 60) then failure end returning * into c;
  else
    update chat_reading set failure = why,
        contested_since = case when not is_contested or is_within(contested_at, 60) then contested_since else clock_timestamp() end,
        contested_at = case when is_contested then clock_timestamp() else contested_at end
      returning * into c;
  end if;
  state := chat_state(c);
  if why is not null and state <> 'read' and c.alert_key is null then
    update chat_reading set alert_key = 'chat.silent:' || epoch_ms(clock_timestamp()) returning * into c;
    perform raise_alert(jsonb_build_object('key', c.alert_key, 'kind', 'chat.silent', 'severity', 'error', 'subject', 'chat',
      'data', jsonb_build_object('state', state, 'failure', why, 'readTime', epoch_ms(c.read_at)),
      'summary', case state when 'silent' then 'The chat in which people halt was not read for two minutes: /kill is not heard there. '
          else 'Somebody else reads the chat in which people halt: a /kill there may not be heard. ' end
        || why || '. Halt with keelson kill meanwhile.'));
  elsif why is null and state = 'read' and c.alert_key is not null then
    update alerts set next_at = null where alert_key = c.alert_key;
    update chat_reading set alert_key = null;
  end if;
end $$;

-- In no chat anybody may halt any more.
create function forget_chat() returns void language plpgsql as $$
declare
  c chat_reading;
begin
  delete from chat_reading returning * into c;
  update alerts set next_at = null where alert_key = c.alert_key;
end $$;

create function read_chat() returns jsonb language sql as $$
  select coalesce((select jsonb_build_object('state', chat_state(c), 'readTime', epoch_ms(c.read_at), 'failure', c.failure) from chat_reading c),
    jsonb_build_object('state', 'silent', 'readTime', null, 'failure', null))
$$;
