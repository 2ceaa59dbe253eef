-- What was still missing where halts meet reconciliations.

-- Whether the kill of an account is at work just now: a latch stands, and was not verified since it was called. Then what the venue allows
-- our address is the kill's. Not for ever: one that gets no further after five minutes, or has found what our books do not explain, is
-- helped by a comparison, and what such a halt leaves alone goes on trading meanwhile.
create function is_kill_at_work(the_account text) returns boolean language sql stable as $$
  select coalesce((
    select s.engaged_at is not null
      and greatest(s.engaged_at, case when k.phase = 'running' then k.started_at end) > clock_timestamp() - interval '5 minutes'
      and (k.phase = 'verified' and k.verified_at > s.engaged_at) is not true
      and (k.phase = 'running' and k.state->'unverified' @> '[{"kind": "surplus"}]') is not true
    from (select max(l.engaged_at) as engaged_at from latches l
      where l.released_at is null and the_account in (select accounts_under(l.scope, l.scope_value, l.account))) s
    left join kills k on k.account = the_account), false)
$$;

-- As before, and: whether a kill of the account is at work.
create or replace function begin_reconciliation_look(p jsonb) returns jsonb language plpgsql as $$
declare
  r reconciliations;
  fills_from bigint;
begin
  if not is_current_epoch(p) then return jsonb_build_object('result', 'epoch'); end if;
  insert into reconciliations as had (account, lease_owner, lease_until)
    values (p->>'account', p->>'owner', clock_timestamp() + (p->>'forMs')::integer * interval '1 millisecond')
    on conflict (account) do update set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
      where had.lease_owner is null or had.lease_owner = excluded.lease_owner or had.lease_until < clock_timestamp()
    returning * into r;
  if r.account is null then return jsonb_build_object('result', 'busy'); end if;
  insert into reconciliation_runs (run_id, account, scope) values ((p->>'runId')::uuid, p->>'account', p->>'scope')
    on conflict (run_id) do nothing;
  -- Reckoned once: the index of the newest fills is used only for what does not change from row to row.
  fills_from := coalesce(r.cursor_time, epoch_ms(clock_timestamp()) - 90000000) - 93600000;
  return (
    select jsonb_build_object('result', 'mine', 'isKillAtWork', is_kill_at_work(p->>'account'), 'cursor', r.cursor_time, 'began', clock_timestamp(),
      'onboardedTime', epoch_ms(coalesce(a.onboarded_at, a.created_at)), 'instruments', coalesce((
        select jsonb_agg(instrument) from (
          select instrument from active_strategies s where s.account = a.account
          union select instrument from positions q where q.account = a.account and q.quantity <> 0
          union select instrument from orders o where o.account = a.account and o.final_at is null
          -- What was traded within the longest window, and is flat by now: else its fills would be told as not listed.
          union select instrument from fills f where f.account = a.account
            and f.event_time >= fills_from) concerned), '[]'))
    from accounts a where a.account = p->>'account');
end $$;
