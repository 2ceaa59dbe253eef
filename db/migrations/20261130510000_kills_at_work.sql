-- Whoever carries out a halt says so in its row with every step, and after each round when it comes again at the latest. A guardian takes over
-- soon after that, and not only after two minutes (P26).

-- When whoever carries it out has to have shown itself again. Null: written by a build that says it by `updated_at` alone.
alter table kills add column due_at timestamptz;

-- When the workflow has told something last: only that shows that it lives, since what carries a halt out beside it writes the same row.
alter table kills add column workflow_at timestamptz;
update kills set workflow_at = updated_at;

-- How much later it may be: a worker that dies is found out by its heartbeat after five seconds, and a task of its workflow is begun again as late.
create function kill_grace() returns interval language sql immutable as $$ select interval '12 seconds' $$;

-- One that is over has nothing to do.
create function touch_kill(the_account text) returns void language sql as $$
  -- Never sooner than what was told before: a step may come between that and a longer wait.
  update kills set due_at = greatest(due_at, clock_timestamp() + kill_grace()) where account = the_account and phase <> 'released'
$$;

-- As before, and: until when it will have shown itself again (a build before 0.7 does not say it), and whether it is the workflow that says so.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  look jsonb := case when p->>'phase' <> 'released' then p->'state'->'look' end;
  looked timestamptz := to_timestamp((look->>'time')::numeric / 1000);
  told jsonb := (p->'state') - 'look';
  file jsonb := file_with_latches(p->>'account', nullif(p->'evidence', 'null'));
  is_file_new boolean;
  is_direct boolean := coalesce((p->>'isDirect')::boolean, false);
  due timestamptz := clock_timestamp() + kill_grace() + (p->>'againMs')::bigint * interval '1 millisecond';
begin
  select * into had from kills where account = p->>'account' for update;
  is_file_new := file is not null and file is distinct from had.evidence;
  insert into kills as k (account, phase, verified_at, state, evidence, evidence_at, looked_at, looked_under, due_at, workflow_at)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then coalesce(looked, clock_timestamp()) end, told, file,
      case when file is not null then clock_timestamp() end, looked, look->'under', due, case when not is_direct then clock_timestamp() end)
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      due_at = excluded.due_at, workflow_at = coalesce(excluded.workflow_at, k.workflow_at), looked_at = excluded.looked_at, looked_under = excluded.looked_under,
      verified_at = case excluded.phase when 'verified' then excluded.verified_at when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      evidence_at = case when excluded.phase = 'running' and k.phase = 'released' then null when is_file_new then excluded.evidence_at
        else k.evidence_at end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', told) or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase' - 'againMs' - 'isDirect'
      || jsonb_build_object('state', told, 'evidence', file, 'wasPhase', had.phase, 'isFileNew', is_file_new,
        'halted', (select coalesce(jsonb_agg(trim(l.scope || ' ' || l.scope_value) order by l.engaged_at), '[]') from latches l
          where l.released_at is null and p->>'account' in (select accounts_under(l.scope, l.scope_value, l.account)))));
  end if;
  if p->>'phase' = 'verified' then perform close_told_unverified(p->>'account'); end if;
end $$;

-- As before, but: of which none has shown itself when it was to. One that a build before 0.7 carries out has two minutes.
create or replace function missing_kill(the_account text, after_ms integer) returns jsonb language plpgsql stable as $$
declare
  late timestamptz := clock_timestamp() - make_interval(secs => after_ms / 1000.0);
begin
  return (
    with standing as (
      select l.* from latches l where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))),
    told as (select max(k.updated_at) as at, max(coalesce(k.due_at, k.updated_at + interval '2 minutes')) as due
      from kills k where k.account = the_account and k.phase <> 'released')
    select jsonb_build_object('scope', (select scope from standing order by scope in ('account', 'venue', 'everything') desc limit 1),
        'since', epoch_ms(greatest(told.at, (select max(called_at) from standing))))
      from told where exists (select from standing l
        where l.called_at <= late and (told.at >= l.called_at) is not true
          -- However often it is called: of this halt nothing was ever told.
          or l.engaged_at <= late and (told.at >= l.engaged_at) is not true
          or l.engaged_at <= late and told.due < clock_timestamp()));
end $$;

-- As before, but: what carries the halt out without the workflow does not hide that this one is lost; nobody but it ends the halt.
create or replace function wake_lost_kill() returns trigger language plpgsql as $$
declare
  since timestamptz;
begin
  select max(l.called_at) into since from latches l
    where l.released_at is null and new.account in (select accounts_under(l.scope, l.scope_value, l.account));
  if since is null or since > clock_timestamp() - interval '60 seconds' then return null; end if;
  if exists (select from kills k where k.account = new.account and k.phase <> 'released' and k.workflow_at > clock_timestamp() - interval '60 seconds')
    or exists (select from outbox o where o.kind = 'haltChanged' and o.data->>'account' = new.account
      and o.created_at > clock_timestamp() - interval '60 seconds') then return null;
  end if;
  insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', new.account));
  perform raise_alert(jsonb_build_object('key', 'killSilent:' || new.account || ':' || epoch_ms(since), 'account', new.account,
    'kind', 'kill.silent', 'severity', 'error',
    'summary', 'The kill of ' || new.account || ' has told nothing for a minute, although a halt stands: it is begun again. See keelson halts.'));
  return null;
end $$;
