-- What is told of a halt that no workflow carries out.

-- As before, and: of which latches. What a guardian does by itself it says once of the same.
create or replace function missing_kill(the_account text, after_ms integer) returns jsonb language plpgsql stable as $$
declare
  late timestamptz := clock_timestamp() - make_interval(secs => after_ms / 1000.0);
begin
  return (
    with standing as (
      select l.latch_id, l.scope, coalesce(not_ahead(l.engaged_at), 'epoch') as engaged_at, coalesce(not_ahead(l.called_at), 'epoch') as called_at
      from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    told as (select max(not_ahead(k.updated_at)) as at,
        max(coalesce(case when k.due_at <= clock_timestamp() + kill_longest() then k.due_at end,
          not_ahead(k.updated_at) + interval '2 minutes')) as due
      from kills k where k.account = the_account and k.phase <> 'released')
    select jsonb_build_object('scope', (select scope from standing order by scope in ('account', 'venue', 'everything') desc limit 1),
        'of', (select string_agg(latch_id::text, '+' order by latch_id) from standing),
        'since', epoch_ms(coalesce(nullif(greatest(told.at, (select max(called_at) from standing)), 'epoch'), clock_timestamp())))
      from told where exists (select from standing l
        where l.called_at <= late and (told.at >= l.called_at) is not true
          -- However often it is called: of this halt nothing was ever told.
          or l.engaged_at <= late and (told.at >= l.engaged_at) is not true
          or l.engaged_at <= late and told.due < clock_timestamp()));
end $$;

-- As before, but: it says who carries the halt out meanwhile, and how far it is; and what was asked for and is not done yet is asked for once.
create or replace function wake_lost_kill() returns trigger language plpgsql as $$
declare
  since timestamptz;
  the_key text;
begin
  select max(coalesce(not_ahead(l.called_at), 'epoch')) into since from latches l
    where l.released_at is null and new.account in (select accounts_under(l.scope, l.scope_value, l.account));
  if since is null or since > clock_timestamp() - interval '60 seconds' then return null; end if;
  if exists (select from kills k where k.account = new.account and k.phase <> 'released' and not_ahead(k.workflow_at) > clock_timestamp() - interval '60 seconds')
    or exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account
      and not_ahead(o.created_at) > clock_timestamp() - interval '60 seconds') then return null;
  end if;
  the_key := 'killSilent:' || new.account || ':' || epoch_ms(since);
  if not exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account and o.done_at is null
      -- One of a time to come, or that somebody has claimed until then, may be taken up by nobody.
      and not_ahead(o.created_at) is not null and coalesce(o.claimed_until, o.created_at) < clock_timestamp() + interval '2 minutes') then
    insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', new.account));
  elsif exists (select from alerts where alert_key = the_key) then return null;
  end if;
  -- Whoever writes this row watches the account, and so carries the halt out.
  perform raise_alert(jsonb_build_object('key', the_key, 'account', new.account,
    'kind', 'kill.silent', 'severity', 'error',
    'summary', 'No workflow has told anything of the halt of ' || new.account || ' for a minute; Temporal may be away. The guardian that watches the account carries it out by itself: '
      || case when exists (select from kills k where k.account = new.account) and not exists (select from kills k, latches l
          where k.account = new.account and l.released_at is null and new.account in (select accounts_under(l.scope, l.scope_value, l.account)) and not has_seen(k, l))
        then 'it is verified at the venue, and looked at again twice a minute' else 'it is not verified yet' end
      || '. The workflow is asked for, and begins when Temporal answers: without it nobody can end the halt. See keelson halts.'));
  return null;
end $$;
