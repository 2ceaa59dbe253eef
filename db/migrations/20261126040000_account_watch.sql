-- The account watch: the newest sample of each account, what it remembers over restarts, and a bounded history. And alerts: what
-- people are told, until one of them says that he has seen it.

-- ---- the watch

create table account_watch (
  account text primary key references accounts,
  -- Each sample is written over the one that it was decided on: of two guardians one is first.
  version bigint not null default 1,
  -- The heartbeat (P26), by this database's clock.
  sampled_at timestamptz not null default clock_timestamp(),
  quote text not null,
  -- Null while it is not known; equity_at is when it last was.
  equity numeric,
  equity_at timestamptz,
  -- Of the last equity that was known: worth, peak, the UTC day, what it opened with, what was deposited since, and the
  -- opening with those deposits in proportion.
  known_equity numeric,
  peak numeric,
  day bigint,
  day_opening numeric,
  day_flows numeric,
  day_basis numeric,
  drawdown_ratio numeric,
  daily_pnl numeric,
  daily_loss_ratio numeric,
  exposure numeric,
  -- What the venue holds beside our ledger, by asset.
  external jsonb,
  -- Conditions that samples in a row have shown, with their counts.
  runs jsonb not null default '{}',
  -- The halt that a drawdown caused.
  latch_id uuid references latches,
  -- What else was seen: open orders, ages, clock skew, assets without a mark.
  details jsonb not null default '{}'
);

create table account_watch_samples (
  account text not null references accounts,
  sampled_at timestamptz not null,
  equity numeric,
  drawdown_ratio numeric,
  daily_pnl numeric,
  exposure numeric,
  primary key (account, sampled_at)
);

create function epoch_ms(t timestamptz) returns bigint language sql immutable as $$
  select floor(extract(epoch from t) * 1000)::bigint
$$;

-- What the gate asks of the watch (P26); null: there is none.
create function read_watch(the_account text) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_strip_nulls(jsonb_build_object('sampledTime', epoch_ms(sampled_at), 'equityTime', epoch_ms(equity_at)))
    from account_watch where account = the_account);
end $$;

-- What a sample is decided on, of one moment.
create function read_watch_inputs(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'databaseTime', epoch_ms(clock_timestamp()), 'mode', c.mode,
      'version', coalesce(w.version, 0)::text, 'sampledTime', epoch_ms(w.sampled_at),
      'performance', case when w.known_equity is not null then jsonb_build_object('equity', w.known_equity::text, 'peak', w.peak::text,
        'day', w.day, 'dayOpening', w.day_opening::text, 'dayFlows', w.day_flows::text, 'dayBasis', w.day_basis::text) end,
      'seen', w.details->'ages', 'external', w.external, 'runs', coalesce(w.runs, '{}'), 'latchId', w.latch_id,
      'latch', case when w.latch_id is null then 'none'
        when exists (select from latches l where l.latch_id = w.latch_id and l.released_at is null) then 'stands' else 'released' end,
      'ledger', coalesce((select jsonb_object_agg(held.asset, held.quantity::text) from (
          select asset, sum(quantity) as quantity from (
            select asset, quantity from inventory i where i.account = a.account
            union all select asset, quantity from ledger_balances b where b.account = a.account) both_parts
          group by asset) held), '{}'),
      'openOrders', (select count(*) from orders o where o.account = a.account and o.final_at is null),
      'closes', coalesce((select jsonb_object_agg(i->>'instrument', jsonb_build_object('price', b.close::text, 'closeTime', b.close_time))
        from jsonb_array_elements(p->'instruments') i cross join lateral (
          select close, close_time from bars where venue = a.venue and instrument = i->>'instrument'
            and interval_ms = (i->>'intervalMs')::bigint order by open_time desc limit 1) b), '{}'))
    from accounts a join control c using (account) left join account_watch w using (account)
    where a.account = p->>'account');
end $$;

-- The more, the less an account may do: the order of MODES_BY_STRICTNESS in core/control/mode.ts, a test compares them.
create function mode_strictness(mode text) returns integer language sql immutable as $$
  select array_position(array['normal', 'observation', 'reduceOnly', 'paused'], mode)
$$;

-- Makes an account stricter because the watch says so, never looser.
create function tighten_mode(the_account text, the_mode text, the_reason text) returns boolean language plpgsql as $$
declare
  was control;
begin
  select * into was from control where account = the_account for update;
  if mode_strictness(was.mode) >= mode_strictness(the_mode) then return false; end if;
  update control set mode = the_mode, version = version + 1, updated_at = clock_timestamp() where account = the_account;
  insert into audit_events (kind, account, subject, data) values ('mode.changed', the_account, 'watch',
    jsonb_build_object('mode', the_mode, 'was', was.mode, 'reason', the_reason));
  return true;
end $$;

-- Writes a sample over the version it was decided on, with everything that follows from it. Answers the new version, or null:
-- another guardian was first, and what this one saw is dropped.
create function write_watch_sample(p jsonb) returns text language plpgsql as $$
declare
  s jsonb := p->'performance';
  w account_watch;
  at timestamptz := clock_timestamp();
begin
  if (p->>'version')::bigint = 0 then
    insert into account_watch (account, quote) values (p->>'account', p->>'quote') on conflict (account) do nothing returning * into w;
  else
    select * into w from account_watch where account = p->>'account' and version = (p->>'version')::bigint for update;
  end if;
  if w.account is null then return null; end if;
  update account_watch set version = version + 1, sampled_at = at, quote = p->>'quote',
      equity = (p->>'equity')::numeric, equity_at = case when p->>'equity' is null then equity_at else at end,
      known_equity = (s->>'equity')::numeric, peak = (s->>'peak')::numeric, day = (s->>'day')::bigint,
      day_opening = (s->>'dayOpening')::numeric, day_flows = (s->>'dayFlows')::numeric, day_basis = (s->>'dayBasis')::numeric,
      drawdown_ratio = (p->>'drawdownRatio')::numeric, daily_pnl = (p->>'dailyPnl')::numeric,
      daily_loss_ratio = (p->>'dailyLossRatio')::numeric, exposure = (p->>'exposure')::numeric,
      external = p->'external', runs = p->'runs', latch_id = (p->>'latchId')::uuid, details = p->'details'
    where account = w.account returning * into w;
  if p->>'mode' is not null then perform tighten_mode(w.account, p->>'mode', p->>'reason'); end if;
  insert into audit_events (kind, account, subject, data)
    select e->>'kind', w.account, 'watch', e->'data' from jsonb_array_elements(p->'audit') e;
  perform raise_alert(e || jsonb_build_object('account', w.account)) from jsonb_array_elements(p->'alerts') e;
  insert into account_watch_samples values (w.account, w.sampled_at, w.equity, w.drawdown_ratio, w.daily_pnl, w.exposure)
    on conflict do nothing;
  delete from account_watch_samples where account = w.account and sampled_at < w.sampled_at - interval '6 hours';
  -- Who holds the account's risk state hears the heartbeat itself, and reads nothing for it.
  perform pg_notify('keelson_risk', 'watch ' || jsonb_build_object('account', w.account,
    'sampledTime', epoch_ms(w.sampled_at), 'equityTime', epoch_ms(w.equity_at))::text);
  return w.version::text;
end $$;

-- ---- alerts

create table alerts (
  alert_id bigint generated always as identity primary key,
  -- The same cause raises one alert only.
  alert_key text not null unique,
  account text,
  severity text not null check (severity in ('info', 'warning', 'error', 'critical')),
  kind text not null,
  summary text not null,
  data jsonb not null default '{}',
  raised_at timestamptz not null default clock_timestamp(),
  last_raised_at timestamptz not null default clock_timestamp(),
  times integer not null default 1,
  -- How often people were told, how far up, and when they are told next; null: not again.
  rounds integer not null default 0,
  level integer not null default 0,
  next_at timestamptz default clock_timestamp(),
  acknowledged_at timestamptz,
  acknowledged_by text references people,
  key_id uuid,
  foreign key (key_id, acknowledged_by) references api_keys (key_id, subject),
  check ((acknowledged_at is null) = (key_id is null))
);
create index alerts_due on alerts (next_at) where next_at is not null;

create table alert_deliveries (
  delivery_id bigint generated always as identity primary key,
  alert_id bigint not null references alerts,
  round integer not null,
  channel text not null,
  -- The place in the channel's own list of recipients: no address stands here.
  recipient integer not null,
  created_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  -- Null: nothing more is tried.
  next_at timestamptz default clock_timestamp(),
  delivered_at timestamptz,
  detail text,
  unique (alert_id, round, channel, recipient)
);
create index alert_deliveries_due on alert_deliveries (channel, next_at) where next_at is not null;

create function tell_alerts() returns trigger language plpgsql as $$
begin
  perform pg_notify('keelson_alerts', '');
  return null;
end $$;
create trigger alerts_told after insert on alerts for each statement execute function tell_alerts();

-- Raises an alert, once for each key; what is raised again is counted. Answers its number.
create function raise_alert(p jsonb) returns text language plpgsql as $$
declare
  a alerts;
begin
  insert into alerts as had (alert_key, account, severity, kind, summary, data)
    values (p->>'key', p->>'account', p->>'severity', p->>'kind', p->>'summary', coalesce(p->'data', '{}'))
    on conflict (alert_key) do update set times = had.times + 1, last_raised_at = clock_timestamp() returning * into a;
  if a.times = 1 then
    insert into audit_events (kind, account, subject, data) values ('alert.raised', a.account, p->>'subject',
      jsonb_strip_nulls(jsonb_build_object('alertId', a.alert_id::text, 'alert', a.kind, 'severity', a.severity, 'summary', a.summary,
        'underKey', p->>'underKey')));
  end if;
  return a.alert_id::text;
end $$;

-- Whatever opens an incident also tells people of it.
create function alert_of_incident() returns trigger language plpgsql as $$
begin
  perform raise_alert(jsonb_build_object('key', 'incident:' || new.incident_key, 'account', new.account, 'kind', 'incident.' || new.kind,
    'severity', case
      when new.kind ~ 'databaseChanged|evidence|overfilled|otherVenueOrderId|createdBeforeSend|escapeStuck|stopRefused|protectionDenied|haltNotVerified' then 'critical'
      when new.kind = 'twoStops' then 'warning' else 'error' end,
    'summary', 'Incident ' || new.incident_id || ' in ' || new.account || ': ' || new.kind || '. See keelson incidents list.',
    'data', jsonb_build_object('incidentId', new.incident_id::text)));
  return null;
end $$;
create trigger incidents_alert after insert on incidents for each row execute function alert_of_incident();

-- What was looked into is not told again.
create function quiet_alert_of_incident() returns trigger language plpgsql as $$
begin
  update alerts set next_at = null where alert_key = 'incident:' || new.incident_key;
  return null;
end $$;
create trigger incidents_quiet after update of closed_at on incidents for each row
  when (old.closed_at is null and new.closed_at is not null) execute function quiet_alert_of_incident();

create function alert_json(a alerts) returns jsonb language sql stable as $$
  select jsonb_build_object('alertId', a.alert_id::text, 'account', a.account, 'severity', a.severity, 'kind', a.kind,
    'summary', a.summary, 'data', a.data, 'raisedTime', epoch_ms(a.raised_at), 'rounds', a.rounds, 'level', a.level)
$$;

-- Alerts of which people are to be told now.
create function due_alerts(most integer) returns jsonb language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(alert_json(a) order by a.alert_id), '[]') from (
      select * from alerts where next_at <= clock_timestamp() order by next_at limit most) a);
end $$;

-- Begins a round of deliveries: once for each round, whoever is first.
create function begin_alert_round(p jsonb) returns boolean language plpgsql as $$
begin
  update alerts set rounds = rounds + 1, level = (p->>'level')::integer,
      next_at = clock_timestamp() + (p->>'nextInMs')::bigint * interval '1 millisecond'
    where alert_id = (p->>'alertId')::bigint and rounds = (p->>'rounds')::integer and next_at is not null;
  if not found then return false; end if;
  insert into alert_deliveries (alert_id, round, channel, recipient)
    select (p->>'alertId')::bigint, (p->>'rounds')::integer, d->>'channel', (d->>'recipient')::integer
    from jsonb_array_elements(p->'deliveries') d;
  return true;
end $$;

-- Claims deliveries of one channel. The claim ends by itself, so that the death of who holds it loses nothing.
create function claim_alert_deliveries(p jsonb) returns jsonb language sql as $$
  with claimed as (
    update alert_deliveries d set next_at = clock_timestamp() + (p->>'forMs')::bigint * interval '1 millisecond', attempts = d.attempts + 1
      where d.delivery_id in (
        select delivery_id from alert_deliveries where channel = p->>'channel' and next_at <= clock_timestamp()
        order by next_at limit (p->>'most')::integer for update skip locked)
      returning d.*)
  select coalesce(jsonb_agg(jsonb_build_object('deliveryId', d.delivery_id::text, 'recipient', d.recipient, 'attempts', d.attempts,
    'round', d.round, 'alert', alert_json(a)) order by d.delivery_id), '[]') from claimed d join alerts a using (alert_id)
$$;

-- How a try ended; without `againInMs` it was the last one.
create function finish_alert_delivery(p jsonb) returns void language sql as $$
  update alert_deliveries set delivered_at = case when (p->>'delivered')::boolean then clock_timestamp() end, detail = p->>'detail',
      next_at = clock_timestamp() + (p->>'againInMs')::bigint * interval '1 millisecond'
    where delivery_id = (p->>'deliveryId')::bigint and delivered_at is null
$$;

-- A person has seen it: it is told to nobody any more.
create function acknowledge_alert(p jsonb) returns text language plpgsql as $$
declare
  a alerts;
begin
  select * into a from alerts where alert_id = (p->>'alertId')::bigint for update;
  if not found then return 'unknown'; end if;
  if a.acknowledged_at is not null then return 'done'; end if;
  update alerts set acknowledged_at = clock_timestamp(), acknowledged_by = p->>'subject', key_id = (p->>'underKey')::uuid, next_at = null
    where alert_id = a.alert_id;
  update alert_deliveries set next_at = null, detail = 'acknowledged before' where alert_id = a.alert_id and delivered_at is null;
  insert into audit_events (kind, account, subject, data) values ('alert.acknowledged', a.account, p->>'subject',
    jsonb_build_object('alertId', a.alert_id::text, 'alert', a.kind, 'reason', p->>'reason', 'underKey', p->>'underKey'));
  return 'done';
end $$;
