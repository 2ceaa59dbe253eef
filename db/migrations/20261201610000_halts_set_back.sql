-- A clock of the database's that was ahead and is set back, for what carries out a halt: who has died since keeps nobody from going on.

-- As before, but: a lease of a time to come is taken over.
create or replace function take_kill_lease(p jsonb) returns jsonb language plpgsql as $$
declare
  k kill_leases;
begin
  insert into kill_leases as had (account, owner, until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set owner = excluded.owner, until = excluded.until
      where had.owner = excluded.owner or had.until < clock_timestamp()
        -- No lease is longer than a minute, however short the one that is asked for.
        or had.until > clock_timestamp() + greatest(interval '1 minute', (p->>'forMs')::integer * interval '1 millisecond');
  select * into k from kill_leases where account = p->>'account';
  return jsonb_build_object('isMine', k.owner = p->>'owner', 'owner', k.owner,
    'remainingMs', greatest(0, floor(extract(epoch from k.until - clock_timestamp()) * 1000))::integer);
end $$;

-- Later than this nobody is due who carries a halt out: it comes again after a minute at the latest.
create function kill_longest() returns interval language sql immutable as $$ select kill_grace() + interval '1 minute' $$;

-- As before, but: nothing of a time to come.
create or replace function touch_kill(the_account text) returns void language sql as $$
  -- Never sooner than what was told before: a step may come between that and a longer wait.
  update kills set due_at = greatest(case when due_at <= clock_timestamp() + kill_longest() then due_at end, clock_timestamp() + kill_grace())
    where account = the_account and phase <> 'released'
$$;

-- As before, but: what was told at a time to come shows nothing, and a halt of such a time was called long ago.
create or replace function missing_kill(the_account text, after_ms integer) returns jsonb language plpgsql stable as $$
declare
  late timestamptz := clock_timestamp() - make_interval(secs => after_ms / 1000.0);
begin
  return (
    with standing as (
      select l.scope, coalesce(not_ahead(l.engaged_at), 'epoch') as engaged_at, coalesce(not_ahead(l.called_at), 'epoch') as called_at
      from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    told as (select max(not_ahead(k.updated_at)) as at,
        max(coalesce(case when k.due_at <= clock_timestamp() + kill_longest() then k.due_at end,
          not_ahead(k.updated_at) + interval '2 minutes')) as due
      from kills k where k.account = the_account and k.phase <> 'released')
    select jsonb_build_object('scope', (select scope from standing order by scope in ('account', 'venue', 'everything') desc limit 1),
        'since', epoch_ms(coalesce(nullif(greatest(told.at, (select max(called_at) from standing)), 'epoch'), clock_timestamp())))
      from told where exists (select from standing l
        where l.called_at <= late and (told.at >= l.called_at) is not true
          -- However often it is called: of this halt nothing was ever told.
          or l.engaged_at <= late and (told.at >= l.engaged_at) is not true
          or l.engaged_at <= late and told.due < clock_timestamp()));
end $$;

-- As before, but: what was told at a time to come shows nothing.
create or replace function wake_lost_kill() returns trigger language plpgsql as $$
declare
  since timestamptz;
begin
  select max(coalesce(not_ahead(l.called_at), 'epoch')) into since from latches l
    where l.released_at is null and new.account in (select accounts_under(l.scope, l.scope_value, l.account));
  if since is null or since > clock_timestamp() - interval '60 seconds' then return null; end if;
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
