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

-- As before, and: under a halt the owners rest until it ends, also that of a position which the kill has sold.
create or replace function is_workflow_needed(the_account text, workflow_id text) returns boolean language plpgsql stable as $$
declare
  recent timestamptz := clock_timestamp() - interval '3 minutes';
  s signals;
begin
  if workflow_id like 'protect:%' then
    return exists (select from latches l where (l.released_at is null or l.released_at > recent)
        and the_account in (select accounts_under(l.scope, l.scope_value, l.account)))
      or exists (select from positions q where q.account = the_account and q.quantity <> 0
        and 'protect:' || q.account || ':' || q.strategy || ':' || replace(q.instrument, '/', '-') = workflow_id)
      or exists (select from positions q where q.account = the_account and q.updated_at > recent
        and 'protect:' || q.account || ':' || q.strategy || ':' || replace(q.instrument, '/', '-') = workflow_id)
      or exists (select from orders o where o.account = the_account and o.final_at is null
        and 'protect:' || o.account || ':' || o.strategy || ':' || replace(o.instrument, '/', '-') = workflow_id);
  end if;
  -- One that has written nothing yet waits for the database, or for the owner: that is no loose end.
  select * into s from signals where signal_id = substr(workflow_id, length('signal:') + 1);
  return not found or s.recorded_at > recent or exists (select from orders o where o.account = s.account and o.strategy = s.strategy
    and o.instrument = s.instrument and (o.final_at is null or o.final_at > recent));
end $$;

-- ---- accounts that have left the configuration

-- Whether the venue would not take what all strategies of an account together hold in an instrument, so that nothing of it can be sold: by
-- what it cost and by the newest price alike. What is over-sold is no dust, nor is that whose filters nobody has.
create function is_dust(the_account text, the_instrument text) returns boolean language sql stable as $$
  select coalesce(min(p.quantity) >= 0
      and (floor(sum(p.quantity) / nullif((n.rules->>'stepSize')::numeric, 0)) * (n.rules->>'stepSize')::numeric < (n.rules->>'minQuantity')::numeric
        or greatest(sum(p.cost), sum(p.quantity) * coalesce((
          -- The newest bar of the shortest interval, by the key of the bars.
          select b.close from bars b where b.venue = n.venue and b.instrument = n.instrument
            and b.interval_ms = (select c.interval_ms from bars c where c.venue = n.venue and c.instrument = n.instrument
              order by c.interval_ms limit 1)
          order by b.open_time desc limit 1), 0)) < (n.rules->>'minNotional')::numeric), false)
    from positions p join accounts a using (account) join instruments n on n.venue = a.venue and n.instrument = p.instrument
    where p.account = the_account and p.instrument = the_instrument
    group by n.venue, n.instrument, n.rules
$$;

create function positions_json(the_account text) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('strategy', p.strategy, 'instrument', p.instrument, 'quantity', p.quantity::text)
      order by p.strategy, p.instrument), '[]')
    from positions p where p.account = the_account and p.quantity <> 0
$$;

-- As before, but for dust: nobody could ever get rid of it, and the account would be under halts that nobody carries out for ever.
create or replace function is_idle(the_account text) returns boolean language sql stable as $$
  select not exists (select from positions p where p.account = the_account and p.quantity <> 0
      and is_dust(the_account, p.instrument) is not true)
    and not exists (select from orders where account = the_account and final_at is null)
    and not exists (select from reconciliation_differences where account = the_account and ended_at is null and decision is distinct from 'reject')
$$;

-- As before, and: what dust was there is in the audit.
create or replace function retire_accounts(configured text[]) returns text[] language plpgsql as $$
declare
  retired text[] := '{}';
  one text;
begin
  perform from instance for update;
  for one in update accounts set retired_at = null where account = any (configured) and retired_at is not null returning account loop
    insert into audit_events (kind, account, subject, data) values ('account.returned', one, 'configuration', '{}');
  end loop;
  for one in select account from accounts where account <> all (configured) and retired_at is null and is_idle(account) order by account loop
    -- Whatever was being authorised there is there to be seen after this.
    perform lock_accounts(array[one]);
    if is_idle(one) then
      update accounts set retired_at = clock_timestamp() where account = one;
      insert into audit_events (kind, account, subject, data) values ('account.retired', one, 'configuration', jsonb_build_object('dust', positions_json(one)));
      retired := retired || one;
    end if;
  end loop;
  return retired;
end $$;

-- ---- contact with the ledger, over restarts

-- When a worker of that name had its ledger last. A worker that was cut off and then ended cannot say so, and whoever comes after it
-- remembers nothing: that nobody had the ledger for a while, and nobody had left in order, is a doubt all the same.
create table ledger_contacts (
  worker text primary key,
  contact_at timestamptz not null,
  -- It left in order, and had the ledger then.
  has_ended boolean not null default false,
  -- Entries wait for a comparison that began after this.
  doubt_since timestamptz
);

-- Asked by each worker again and again: that it has its ledger, whether it had it all the time, and what read_clearance tells.
create function keep_contact(p jsonb) returns jsonb language plpgsql as $$
declare
  c ledger_contacts;
begin
  insert into ledger_contacts as had (worker, contact_at) values (p->>'worker', clock_timestamp())
    on conflict (worker) do update set contact_at = excluded.contact_at, has_ended = false,
      doubt_since = case when not had.has_ended
          and had.contact_at < excluded.contact_at - (p->>'lostAfterMs')::integer * interval '1 millisecond'
        then excluded.contact_at else had.doubt_since end
    returning * into c;
  return read_clearance() || jsonb_build_object('doubtSince', epoch_ms(c.doubt_since));
end $$;

-- A worker leaves in order. One that is in doubt leaves that to whoever comes after it.
create function end_contact(the_worker text) returns void language sql as $$
  update ledger_contacts set has_ended = true, contact_at = clock_timestamp(),
    -- Cut off for long enough, and back only for this: it is no more sure than who was killed.
    doubt_since = case when not has_ended and contact_at < clock_timestamp() - interval '5 seconds' then clock_timestamp() else doubt_since end
    where worker = the_worker
$$;
