-- An entry that rests is withdrawn when its account, its strategy or its instrument may enter no more.

-- With which version of the row the mode went from `normal` to one without entries; null in `normal`. What a person took over after that is his
-- doing, and was no entry of before.
alter table control add column entries_stopped_version bigint;
update control set entries_stopped_version = version where mode <> 'normal';
create function note_entries_stopped() returns trigger language plpgsql as $$
begin
  new.entries_stopped_version := case when new.mode = 'normal' then null when old.mode = 'normal' then new.version
    else old.entries_stopped_version end;
  return new;
end $$;
create trigger control_entries_stopped before update of mode on control for each row execute function note_entries_stopped();

-- Why an entry that works at its venue may do so no more; null: it may, or is none. A halt cancels what is in its scope itself (P27, P28), and so does
-- a shutdown, or it waits for it, as long as nothing but it has stopped the account. It is asked for each look at such an order, by keys alone.
create function why_withdrawn(o orders) returns text language plpgsql stable as $$
declare
  the_mode text;
  the_version text;
  the_reason text;
begin
  if o.purpose <> 'entry' or o.leg <> 'open' or o.status not in ('accepted', 'partiallyFilled') or o.venue_status is not null then
    return null;
  end if;
  select mode into the_mode from control where account = o.account and o.control_version < entries_stopped_version
    and not (reconciliation_hold is null and coalesce(runbook_hold->>'runbook' = 'gracefulShutdown' and runbook_hold->>'was' = 'normal', false));
  if found then return format('%s is in mode %s', o.account, the_mode); end if;
  select reason into the_reason from blocked_instruments where account = o.account and instrument = o.instrument;
  if found then return format('entries in %s are blocked: %s', o.instrument, the_reason); end if;
  select disabled_reason into the_reason from strategy_switches
    where account = o.account and strategy = o.strategy and disabled_reason is not null;
  if found then return format('%s is disabled: %s', o.strategy, the_reason); end if;
  select version into the_version from active_strategies where account = o.account and strategy = o.strategy and instrument = o.instrument;
  if not found then return format('%s is active in %s no more', o.strategy, o.instrument); end if;
  if the_version <> o.strategy_version then
    return format('version %s of %s is the active one, not %s', the_version, o.strategy, o.strategy_version);
  end if;
  return null;
end $$;
