-- Who carries out a halt, where the database's clock was ahead and is set back: what was told at a time to come shows nobody at work.

-- As before, but: what was looked at in a time to come was looked at nobody knows when, and is no verification of a halt that was called since.
create or replace function has_seen(k kills, l latches) returns boolean language sql volatile as $$
  select k.phase = 'verified' and coalesce(not_ahead(k.looked_at) >= l.called_at and k.looked_under ? (l.latch_id || ':' || l.policy), false)
$$;

-- As before, but: of a time to come counts neither that the halt was called just now, nor that somebody carries it out.
create or replace function missing_kill(the_account text, after_ms integer) returns jsonb language plpgsql stable as $$
declare
  late timestamptz := clock_timestamp() - make_interval(secs => after_ms / 1000.0);
begin
  return (
    with standing as (
      select l.* from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    told as (select max(k.updated_at) as at, max(coalesce(k.due_at, k.updated_at + interval '2 minutes')) as due
      from kills k where k.account = the_account and k.phase <> 'released' and not_ahead(k.updated_at) is not null)
    select jsonb_build_object('scope', (select scope from standing order by scope in ('account', 'venue', 'everything') desc limit 1),
        'since', epoch_ms(greatest(told.at, (select max(called_at) from standing))))
      from told where exists (select from standing l
        where l.called_at <= late and (told.at >= l.called_at) is not true
          -- However often it is called: of this halt nothing was ever told.
          or l.engaged_at <= late and (told.at >= l.engaged_at) is not true
          or l.engaged_at <= late and told.due < clock_timestamp()
          -- Nobody knows how long ago it was called: only who shows itself now is at work.
          or not_ahead(l.engaged_at) is null and (told.due >= clock_timestamp()) is not true));
end $$;

-- As before, but: of a time to come counts nothing.
create or replace function wake_lost_kill() returns trigger language plpgsql as $$
declare
  since timestamptz;
begin
  select max(l.called_at) into since from latches l
    where l.released_at is null and new.account in (select accounts_under(l.scope, l.scope_value, l.account));
  if since is null or not_ahead(since) > clock_timestamp() - interval '60 seconds' then return null; end if;
  if exists (select from kills k where k.account = new.account and k.phase <> 'released' and not_ahead(k.workflow_at) > clock_timestamp() - interval '60 seconds')
    or exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account
      and not_ahead(o.created_at) > clock_timestamp() - interval '60 seconds') then return null;
  end if;
  insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', new.account));
  perform raise_alert(jsonb_build_object('key', 'killSilent:' || new.account || ':' || epoch_ms(since), 'account', new.account,
    'kind', 'kill.silent', 'severity', 'error',
    'summary', 'The kill of ' || new.account || ' has told nothing for a minute, although a halt stands: it is begun again. See keelson halts.'));
  return null;
end $$;
