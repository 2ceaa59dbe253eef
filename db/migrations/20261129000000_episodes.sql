-- What lasts: people are told once when it begins, by an incident, and once when it is over; of its next time they are told again. A person
-- who closes the incident has looked into it, and the episode goes on.
create table episodes (
  account text not null,
  kind text not null,
  -- What it is about: an order, an instrument.
  subject text not null,
  incident_key text not null,
  seen_at timestamptz not null default clock_timestamp(),
  primary key (account, kind, subject)
);

-- Builds up to 0.5 told of an instrument that is not listed once for ever.
insert into episodes (account, kind, subject, incident_key)
  select account, kind, data->>'instrument', incident_key from incidents where kind = 'instrumentNotListed' and closed_at is null;

-- What somebody sees to last now, and what is over for him: which counts when nobody has seen it last for `quietMs`.
create function tell_episodes(p jsonb) returns void language plpgsql as $$
declare
  e jsonb;
  the_key text := format('%s:%s:%s', p->>'kind', p->>'account', gen_random_uuid());
  begun jsonb := '[]';
  over text[];
  i incidents;
begin
  -- Two guardians see the same.
  perform pg_advisory_xact_lock(hashtextextended('episodes:' || (p->>'account') || ':' || (p->>'kind'), 0));
  for e in select value from jsonb_array_elements(p->'seen') loop
    insert into episodes as had (account, kind, subject, incident_key)
      values (p->>'account', p->>'kind', e->>'subject',
        case when p ? 'listedAs' then the_key else the_key || ':' || (e->>'subject') end)
      on conflict (account, kind, subject) do update set seen_at = clock_timestamp();
    if exists (select from episodes where account = p->>'account' and kind = p->>'kind' and subject = e->>'subject'
        and starts_with(incident_key, the_key)) then
      begun := begun || jsonb_build_array(e);
    end if;
  end loop;
  if begun <> '[]' then
    perform write_events(jsonb_build_object('incidents', case when p ? 'listedAs'
      then jsonb_build_array(jsonb_build_object('key', the_key, 'account', p->>'account', 'kind', p->>'kind', 'data',
        jsonb_build_object(p->>'listedAs', (select jsonb_agg(value->'data') from jsonb_array_elements(begun)))))
      else (select jsonb_agg(jsonb_build_object('key', the_key || ':' || (value->>'subject'), 'account', p->>'account', 'kind', p->>'kind',
        'data', value->'data')) from jsonb_array_elements(begun)) end));
  end if;

  with ended as (
    delete from episodes where account = p->>'account' and kind = p->>'kind'
      and (p->'over' ? subject or (p ? 'allOverBut' and not p->'allOverBut' ? subject))
      -- By a clock that was set back since, it was seen that long ago at least.
      and (seen_at <= clock_timestamp() - (p->>'quietMs')::bigint * interval '1 millisecond' or seen_at > clock_timestamp()) returning incident_key)
    select coalesce(array_agg(distinct incident_key), '{}') into over from ended;
  for i in select * from incidents o where incident_key = any (over)
      and not exists (select from episodes where incident_key = o.incident_key) order by incident_id loop
    if i.closed_at is null then
      update incidents set closed_at = clock_timestamp() where incident_id = i.incident_id;
      insert into audit_events (kind, account, subject, data) values ('incident.closed', i.account, 'guardian',
        jsonb_build_object('incidentId', i.incident_id::text, 'incident', i.kind, 'reason', 'it is over'));
    end if;
    perform raise_alert(jsonb_build_object('key', 'incident:' || i.incident_key || ':over', 'account', i.account, 'kind', 'incident.over',
      'severity', 'warning', 'summary', 'Incident ' || i.incident_id || ' in ' || i.account || ' is over: ' || i.kind || '.',
      'data', jsonb_build_object('incidentId', i.incident_id::text)));
  end loop;
end $$;
