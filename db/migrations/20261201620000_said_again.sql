-- Who blocks an instrument or disables a strategy that is blocked or disabled already has a cause of his own: it is kept beside the first one and
-- in the audit, and whoever ends it reads both.

-- What was said before, and what is said now. What a part of ours says again and again leaves room for what people say.
create function with_reason(said text, again text, the_subject text) returns text language sql immutable as $$
  select case when position(again in said) > 0 or (the_subject is null and length(said) > 1000) then said
    else left(said || '; again' || coalesce(' by ' || the_subject, '') || ': ' || again, 2000) end
$$;

-- As before, and: of what is blocked already, too.
create or replace function block_instrument(p jsonb) returns text language plpgsql as $$
begin
  insert into blocked_instruments as had (account, instrument, reason, blocked_by)
    values (p->>'account', p->>'instrument', p->>'reason', p->>'subject')
    on conflict (account, instrument) do update set reason = with_reason(had.reason, excluded.reason, p->>'subject');
  insert into audit_events (kind, account, subject, data) values ('instrument.blocked', p->>'account', p->>'subject',
    jsonb_build_object('instrument', p->>'instrument', 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;

-- As before, and: of what is blocked already, too.
create or replace function write_events(p jsonb) returns void language plpgsql as $$
declare
  blocked record;
begin
  if p ? 'audit' then
    insert into audit_events (kind, account, subject, data)
      select e->>'kind', e->>'account', e->>'subject', e->'data' from jsonb_array_elements(p->'audit') e;
  end if;
  if p ? 'outbox' then
    insert into outbox (kind, data) select e->>'kind', e->'data' from jsonb_array_elements(p->'outbox') e;
  end if;
  if p ? 'incidents' then
    with opened as (
      insert into incidents (incident_key, account, kind, data)
        select e->>'key', e->>'account', e->>'kind', e->'data' from jsonb_array_elements(p->'incidents') e
        on conflict (incident_key) do nothing returning incident_id, account, kind, data)
    insert into audit_events (kind, account, data)
      select 'incident.opened', account, data || jsonb_build_object('incident', kind, 'incidentId', incident_id::text) from opened;
  end if;
  if p ? 'blocks' then
    -- One after the other: two of one instrument may be told at once.
    for blocked in select e->>'account' as account, e->>'instrument' as instrument, e->>'reason' as reason from jsonb_array_elements(p->'blocks') e loop
      insert into blocked_instruments as had (account, instrument, reason) values (blocked.account, blocked.instrument, blocked.reason)
        on conflict (account, instrument) do update set reason = with_reason(had.reason, excluded.reason, null)
          where had.reason <> with_reason(had.reason, excluded.reason, null);
    end loop;
  end if;
  if p ? 'repeated' then
    -- A person who has enabled the strategy meanwhile has it counted anew: what was decided before disables it no more.
    perform disable_strategy_row(e->>'account', e->>'strategy', e->>'reason', null, '{}')
      from jsonb_array_elements(p->'repeated') e
      where entries_in_a_row(e->>'account', e->>'strategy', e->>'instrument') >= (e->>'count')::integer;
  end if;
end $$;

-- As before, and: of what is disabled already, too. False: nothing was said that was not said before.
create or replace function disable_strategy_row(the_account text, the_strategy text, the_reason text, the_subject text, extra jsonb)
returns boolean language plpgsql as $$
begin
  insert into strategy_switches as w (account, strategy, disabled_reason, changed_by) values (the_account, the_strategy, the_reason, the_subject)
    on conflict (account, strategy) do update set
        disabled_reason = coalesce(with_reason(w.disabled_reason, excluded.disabled_reason, the_subject), excluded.disabled_reason),
        changed_by = case when w.disabled_reason is null then excluded.changed_by else w.changed_by end,
        changed_at = case when w.disabled_reason is null then clock_timestamp() else w.changed_at end
    -- A part of ours may say the same with each signal; what a person does is always written down.
    where w.disabled_reason is null or the_subject is not null
      or w.disabled_reason <> with_reason(w.disabled_reason, excluded.disabled_reason, the_subject);
  if not found then return false; end if;
  insert into audit_events (kind, account, subject, data) values ('strategy.disabled', the_account, the_subject,
    jsonb_build_object('strategy', the_strategy, 'reason', the_reason) || extra);
  return true;
end $$;
