-- P2: which version of a strategy is the active one is said by a start of the system, once, and not by whichever of its processes
-- happens to be restarted last: a worker of an older build that comes back would take the account away from the newer one.

create table strategy_activations (
  account text not null references accounts,
  start_id text not null,
  activated_at timestamptz not null default clock_timestamp(),
  primary key (account, start_id)
);

-- True when the start that this process belongs to has not activated its versions yet. A process that belongs to none, of a build
-- from before or run by hand, activates each time.
create function is_first_of_start(p jsonb) returns boolean language plpgsql as $$
begin
  if p->>'start' is null then return true; end if;
  insert into strategy_activations (account, start_id) values (p->>'account', p->>'start') on conflict do nothing;
  return found;
end $$;

create or replace function apply_configuration(p jsonb) returns boolean language plpgsql as $$
declare
  changed boolean := false;
  touched integer;
  c jsonb;
begin
  insert into accounts (account, venue) values (p->>'account', p->>'venue') on conflict do nothing;
  insert into control (account) values (p->>'account') on conflict do nothing;
  insert into risk_state (account, limits) values (p->>'account', p->'limits') on conflict do nothing;
  get diagnostics touched = row_count;
  changed := touched > 0;
  perform lock_accounts(array[p->>'account']);
  for c in select * from jsonb_array_elements(coalesce(p->'limitChanges', '[]')) loop
    if not write_limit(c || jsonb_build_object('scope', 'account', 'scopeValue', p->>'account', 'account', p->>'account',
        'subject', 'configuration', 'reason', 'the configuration says so')) then
      raise exception 'limits changed meanwhile' using errcode = 'KE002';
    end if;
    changed := true;
  end loop;
  if p ? 'limitChanges' then
    update risk_state set configured_limits = p->'limits' where account = p->>'account' and configured_limits is distinct from p->'limits';
  end if;
  if p ? 'strategies' and is_first_of_start(p) then
    delete from active_strategies where account = p->>'account' and not exists (
      select from jsonb_array_elements(p->'strategies') s
      where s->>'strategy' = active_strategies.strategy and s->>'instrument' = active_strategies.instrument);
    changed := changed or found;
    insert into active_strategies as had (account, strategy, instrument, version, model_hash)
      select p->>'account', s->>'strategy', s->>'instrument', s->>'version', s->>'modelHash'
      from jsonb_array_elements(p->'strategies') s
      on conflict (account, strategy, instrument) do update set version = excluded.version, model_hash = excluded.model_hash
      where (had.version, had.model_hash) is distinct from (excluded.version, excluded.model_hash);
    changed := changed or found;
  end if;
  if changed then
    perform move_versions(array[p->>'account']);
    insert into audit_events (kind, account, subject, data) values ('config.applied', p->>'account', p->>'subject', p - 'account');
  end if;
  return changed;
end $$;
