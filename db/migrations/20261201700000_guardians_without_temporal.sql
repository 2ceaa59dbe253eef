-- Guardians that live and wait for Temporal: they watch, halt and tell, and nothing else.
create table guardians_without_temporal (
  guardian text primary key,
  since timestamptz not null default clock_timestamp(),
  -- One that has not told for 30 s waits no more, or has ended.
  seen_at timestamptz not null default clock_timestamp()
);

create function alert_key_without_temporal(g guardians_without_temporal) returns text language sql stable as $$
  select 'guardian.withoutTemporal:' || g.guardian || ':' || epoch_ms(g.since) $$;

-- A guardian waits, still. After fifteen seconds people are told, once for each wait: one that is started anew meanwhile goes on with it.
create function tell_without_temporal(the_guardian text) returns void language plpgsql as $$
declare
  g guardians_without_temporal;
begin
  insert into guardians_without_temporal as had (guardian) values (the_guardian)
    on conflict (guardian) do update set seen_at = clock_timestamp(),
      -- A clock that was set back makes no wait young, nor one that was set forward an old one.
      since = case when abs(extract(epoch from clock_timestamp() - had.seen_at)) > 30 then clock_timestamp() else had.since end
    returning * into g;
  if abs(extract(epoch from clock_timestamp() - g.since)) < 15 or exists (select from alerts where alert_key = alert_key_without_temporal(g)) then
    return;
  end if;
  perform raise_alert(jsonb_build_object('key', alert_key_without_temporal(g), 'severity', 'critical', 'kind', 'guardian.withoutTemporal',
    'subject', 'guardian ' || the_guardian, 'data', jsonb_build_object('guardian', the_guardian, 'since', epoch_ms(g.since)),
    'summary', 'Guardian ' || the_guardian || ' is without Temporal: it watches, halts and tells, but places no stop, books no fill and compares nothing. See that the Temporal server answers.'));
end $$;

-- It waits no more; what people were told of it is not told again.
create function end_without_temporal(the_guardian text) returns void language plpgsql as $$
declare
  g guardians_without_temporal;
begin
  delete from guardians_without_temporal where guardian = the_guardian returning * into g;
  update alerts set next_at = null where alert_key = alert_key_without_temporal(g);
end $$;
