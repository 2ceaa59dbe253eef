-- The rows of the order protocol. Money is numeric without a scale, so that every digit the venue sends is kept.

create table instance (
  only_row boolean primary key default true check (only_row),
  instance_id uuid not null default gen_random_uuid(),
  -- Goes up with every restore; work begun under another epoch may change nothing (P31).
  epoch integer not null default 1,
  system_identifier text,
  timeline integer
);
insert into instance default values;

create table people (
  subject text primary key,
  name text not null,
  roles text[] not null,
  created_at timestamptz not null default clock_timestamp()
);

create table api_keys (
  key_id uuid primary key default gen_random_uuid(),
  subject text not null references people,
  key_sha256 bytea not null unique,
  label text not null,
  created_at timestamptz not null default clock_timestamp(),
  revoked_at timestamptz
);

-- What a person asked for, written under that person's own credential; workflows believe this row and nothing else.
create table commands (
  command_id uuid primary key,
  account text not null,
  kind text not null,
  subject text not null references people,
  reason text not null,
  created_at timestamptz not null default clock_timestamp(),
  applied_at timestamptz
);

create table accounts (
  account text primary key,
  venue text not null,
  onboarded_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);

-- One permanent row per account: whatever may forbid an order touches it (P5).
create table control (
  account text primary key references accounts,
  mode text not null default 'normal' check (mode in ('normal', 'observation', 'reduceOnly', 'paused')),
  version bigint not null default 1,
  updated_at timestamptz not null default clock_timestamp()
);

create table latches (
  latch_id uuid primary key default gen_random_uuid(),
  scope text not null check (scope in ('strategy', 'instrument', 'venue', 'account', 'everything')),
  -- The strategy, instrument, venue or account it holds; empty for everything.
  scope_value text not null default '',
  -- For strategy and instrument scope: the account.
  account text references accounts,
  reason text not null,
  subject text not null,
  engaged_at timestamptz not null default clock_timestamp(),
  released_at timestamptz
);
create index latches_standing on latches (scope) where released_at is null;

-- Its version goes up with every reservation, release, fill and change of limits (P4).
create table risk_state (
  account text primary key references accounts,
  version bigint not null default 1,
  limits jsonb not null
);

create table active_strategies (
  account text not null references accounts,
  strategy text not null,
  instrument text not null,
  version text not null,
  model_hash text,
  primary key (account, strategy, instrument)
);

create table inventory (
  account text not null references accounts,
  asset text not null,
  quantity numeric not null,
  primary key (account, asset)
);

create table instruments (
  venue text not null,
  instrument text not null,
  rules jsonb not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (venue, instrument)
);

create table blocked_instruments (
  account text not null references accounts,
  instrument text not null,
  reason text not null,
  blocked_at timestamptz not null default clock_timestamp(),
  primary key (account, instrument)
);

create table bars (
  venue text not null,
  instrument text not null,
  interval_ms bigint not null,
  open_time bigint not null,
  close_time bigint not null,
  open numeric not null,
  high numeric not null,
  low numeric not null,
  close numeric not null,
  volume numeric not null,
  source text not null check (source in ('stream', 'rest')),
  received_at timestamptz not null default clock_timestamp(),
  primary key (venue, instrument, interval_ms, open_time)
);

create table signals (
  signal_id text primary key,
  account text not null,
  strategy text not null,
  instrument text not null,
  bar_close_time bigint not null,
  leg text not null check (leg in ('open', 'close')),
  strategy_version text not null,
  model_hash text,
  features jsonb not null,
  score double precision,
  threshold double precision,
  reference_price numeric not null,
  stop_distance_ratio double precision not null,
  reason text not null,
  decided_time bigint not null,
  valid_until bigint not null,
  outcome text not null check (outcome in ('traded', 'notTraded')),
  failures jsonb not null default '[]',
  recorded_at timestamptz not null default clock_timestamp(),
  unique (account, strategy, instrument, bar_close_time, leg)
);

create table orders (
  intent_id text primary key,
  client_order_id text not null unique,
  signal_id text references signals,
  account text not null references accounts,
  strategy text not null,
  strategy_version text not null,
  instrument text not null,
  base text not null,
  quote text not null,
  leg text not null check (leg in ('open', 'close')),
  side text not null check (side in ('buy', 'sell')),
  status text not null,
  time_in_force text not null,
  quantity numeric not null,
  price numeric not null,
  reserved_quantity numeric not null,
  reserved_notional numeric not null,
  executed_quantity numeric not null default 0,
  executed_notional numeric not null default 0,
  venue_order_id text,
  venue_status text,
  venue_executed_quantity numeric,
  control_version bigint not null,
  epoch integer not null,
  authorised_until timestamptz,
  signed_timestamp bigint,
  receive_window_ms integer,
  failures jsonb not null default '[]',
  -- Goes up with every change of the row: each change is decided on one version and written only over that one.
  version bigint not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  final_at timestamptz
);
create index orders_not_final on orders (account, instrument) where final_at is null;
create index orders_venue_id on orders (account, instrument, venue_order_id);
create index orders_created on orders (created_at desc);

create table fills (
  account text not null references accounts,
  instrument text not null,
  venue_trade_id text not null,
  venue_order_id text not null,
  intent_id text not null references orders,
  side text not null,
  price numeric not null,
  quantity numeric not null,
  fee numeric not null,
  fee_asset text not null,
  liquidity_side text not null,
  event_time bigint not null,
  booked_at timestamptz not null default clock_timestamp(),
  primary key (account, instrument, venue_trade_id, venue_order_id)
);
create index fills_intent on fills (intent_id);

create table positions (
  account text not null references accounts,
  strategy text not null,
  instrument text not null,
  quantity numeric not null,
  -- What the open quantity cost in the quote asset, fees in base left out.
  cost numeric not null,
  realized_pnl numeric not null,
  version bigint not null default 1,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (account, strategy, instrument)
);

-- Every change of an asset with its cause; inventory plus these is what the venue must show.
create table ledger_entries (
  entry_id bigint generated always as identity primary key,
  account text not null references accounts,
  asset text not null,
  delta numeric not null,
  kind text not null,
  intent_id text,
  venue_trade_id text,
  booked_at timestamptz not null default clock_timestamp()
);
create index ledger_entries_account on ledger_entries (account, asset);

-- Sums of ledger_entries by asset, kept in the same statement, so that the gate reads one row an asset.
create table ledger_balances (
  account text not null references accounts,
  asset text not null,
  quantity numeric not null,
  primary key (account, asset)
);

create table incidents (
  incident_id bigint generated always as identity primary key,
  -- The same cause opens one incident only.
  incident_key text not null unique,
  account text not null,
  kind text not null,
  data jsonb not null,
  opened_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz
);

create table audit_events (
  event_id bigint generated always as identity primary key,
  occurred_at timestamptz not null default clock_timestamp(),
  kind text not null,
  account text,
  subject text,
  data jsonb not null
);

create table outbox (
  outbox_id bigint generated always as identity primary key,
  kind text not null,
  data jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  done_at timestamptz
);
create index outbox_open on outbox (outbox_id) where done_at is null;

create table account_snapshots (
  account text not null references accounts,
  taken_at timestamptz not null default clock_timestamp(),
  equity numeric not null,
  quote text not null,
  balances jsonb not null,
  marks jsonb not null,
  primary key (account, taken_at)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger audit_events_append_only before update or delete on audit_events
  for each row execute function refuse_change();
create trigger audit_events_no_truncate before truncate on audit_events
  for each statement execute function refuse_change();
create trigger fills_append_only before update or delete on fills
  for each row execute function refuse_change();
create trigger ledger_entries_append_only before update or delete on ledger_entries
  for each row execute function refuse_change();
