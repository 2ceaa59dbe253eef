-- Whatever lets an account do more goes by what is known of it now: the newest comparison that came to an end is the clean one, and nothing
-- stands that a look has seen since.

create function is_clean_since(the_account text, since timestamptz) returns boolean language plpgsql stable as $$
begin
  return exists (select from reconciliations r where r.account = the_account
      and r.last_clean_at > since and r.last_clean_at >= coalesce(r.last_compared_at, r.last_clean_at))
    and not exists (select from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.status in ('pending', 'open'));
end $$;

-- As before, and: what a later look has seen counts.
create or replace function is_reconciled(c control) returns boolean language sql stable as $$
  select is_clean_since(c.account, (c.reconciliation_hold->>'since')::timestamptz)
$$;

-- The same for who lets it go on now: as at the end of a halt, the comparison is a minute old at most (P30).
create function is_reconciled_now(c control) returns boolean language sql stable as $$
  select is_clean_since(c.account, greatest((c.reconciliation_hold->>'since')::timestamptz, clock_timestamp() - interval '1 minute'))
$$;

-- As before, but: where no difference is seen it says what is missing.
create or replace function reconciliation_findings(the_account text) returns text language sql stable as $$
  select coalesce(string_agg(d.difference_id || ' (' || d.class || ' ' || d.subject || ', ' || d.status || ')', ', ' order by d.difference_id),
    'no reconciliation that began since, and within the last minute, has found it clean')
  from reconciliation_differences d where d.account = the_account and d.ended_at is null and d.decision is distinct from 'reject'
$$;

-- A daily loss that lets an account only reduce holds until the day is over, or until the loss is no more: no resume is let through that the
-- account watch would take back a second later, since entries would leave in that second, as often as somebody asks.
create function loss_stands(the_account text) returns text language sql stable as $$
  select coalesce(trim_scale(round(w.daily_loss_ratio * 100, 2)) || ' %', 'more than its limit')
  from account_watch w where w.account = the_account and (w.runs->'dailyLossLimit'->>'samples')::integer >= 3
    and w.day = epoch_ms(date_trunc('day', clock_timestamp(), 'UTC'))
$$;

-- As before, but: a resume goes by a comparison of a minute ago at most, and holds to a daily loss.
create or replace function apply_mode_command(p jsonb) returns jsonb language plpgsql as $$
declare
  m commands;
  c control;
  granted text;
  wanted text;
  lost text;
  loosens boolean;
begin
  select * into m from commands where command_id = (p->>'commandId')::uuid for update;
  if not found or m.account <> p->>'account' or m.kind <> p->>'kind' or m.key_id is null then
    return jsonb_build_object('result', 'noCommand');
  end if;
  select * into c from control where account = m.account for update;
  wanted := coalesce(m.mode, p->>'mode');
  loosens := m.kind = 'resume' or (m.kind = 'mode' and mode_strictness(wanted) < mode_strictness(c.mode));
  if m.applied_at is null then
    if c.version <> m.expected_version then
      return jsonb_build_object('result', 'moved', 'mode', c.mode, 'version', c.version::text);
    end if;
    if loosens and c.reconciliation_hold is not null and not is_reconciled_now(c) then
      return jsonb_build_object('result', 'notReconciled', 'found', reconciliation_findings(m.account));
    end if;
    lost := loss_stands(m.account);
    if loosens and mode_strictness(wanted) < mode_strictness('reduceOnly') and lost is not null then
      return jsonb_build_object('result', 'lossStands', 'found', lost);
    end if;
    -- Whoever has left, whose key was taken, or who has lost the role may still have paused, but starts nothing any more.
    if loosens and not may_still(m.key_id, 'resume') then
      return jsonb_build_object('result', 'noCommand');
    end if;
    if loosens and wanted = 'normal' and coalesce((p->>'asksKey')::boolean, false) and not p ? 'keyWithdraws' then
      return jsonb_build_object('result', 'askKey');
    end if;
    if loosens and wanted = 'normal' and coalesce((p->>'keyWithdraws')::boolean, false) then
      return jsonb_build_object('result', 'keyWithdraws', 'venue', (select venue from accounts where account = m.account));
    end if;
    -- A resume that could not be carried out when it was asked for is not lying about for whoever finds its id later.
    -- Nor does it end a pause that came after it.
    if loosens and (m.created_at < clock_timestamp() - interval '1 hour' or exists (select from commands q
        where q.account = m.account and q.kind in ('pause', 'mode') and q.applied_at > m.created_at)) then
      return jsonb_build_object('result', 'notApproved', 'state', 'expired');
    end if;
    -- What was asked of a second person stays theirs to decide, also when the pause that needed it has ended meanwhile.
    if loosens and (c.held_by is not null
        or exists (select from approval_requests where request_id = m.command_id)) then
      granted := use_approval(m.command_id, 'resume', resume_payload(m, c.held_by));
      if granted <> 'granted' then return jsonb_build_object('result', 'notApproved', 'state', granted); end if;
    end if;
    update commands set applied_at = clock_timestamp() where command_id = m.command_id;
    -- What two people have let an account do is not all that a hold forbids: it lasts until they let it do everything.
    update control set mode = wanted, version = version + 1, updated_at = clock_timestamp(),
        held_by = case when loosens and wanted = 'normal' then null when m.holds and not loosens then m.command_id else held_by end,
        -- A person's pause is not a reconciliation's to end.
        reconciliation_hold = case when loosens then null when wanted = 'paused' then reconciliation_hold || '{"was": "paused"}' else reconciliation_hold end,
        -- What a person has decided is not a runbook's to take back.
        runbook_hold = null
      where account = m.account returning * into c;
    insert into audit_events (kind, account, subject, data) values ('mode.changed', m.account, m.subject,
      jsonb_strip_nulls(jsonb_build_object('mode', c.mode, 'reason', m.reason, 'commandId', m.command_id, 'keyId', m.key_id,
        'expectedVersion', m.expected_version))
      || case when m.holds and not loosens then '{"holds": true}' else '{}' end::jsonb
      || case when granted is null then '{}' else jsonb_build_object('approvedBy',
           (select jsonb_agg(subject order by decided_at) from approvals where request_id = m.command_id and decision = 'approved')) end);
  end if;
  return jsonb_build_object('result', 'applied', 'account', c.account, 'mode', c.mode, 'subject', m.subject,
    'reason', m.reason, 'version', c.version::text,
    'changedTime', floor(extract(epoch from c.updated_at) * 1000)::bigint);
end $$;

-- As before, but: so does a run that lets it go on.
create or replace function change_runbook_hold(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  c control;
  run uuid := (p->>'runId')::uuid;
  wanted text;
begin
  select * into r from runbook_runs where run_id = run;
  select * into c from control where account = r.account for update;
  -- Whoever was stopped for long and wakes finds its run ended, and does nothing.
  if r.epoch <> (select epoch from instance) or not exists (select from runbook_locks l where l.run_id = run) then
    return jsonb_build_object('result', 'notHeld', 'found', 'the run does not hold ' || r.resource || ' any more');
  end if;
  if halt_over(r.account) is not null then return jsonb_build_object('result', 'halted', 'found', halt_over(r.account)); end if;
  -- Who was asked to end in the middle of a part lets nothing go by what that part still does.
  if p->>'what' <> 'undo' and exists (select from runbook_commands m where m.run_id = run and m.kind = 'abort' and m.applied_at is not null) then
    return jsonb_build_object('result', 'notHeld', 'found', 'a person has given the run up');
  end if;
  if p->>'what' = 'hold' then
    perform take_runbook_hold(r.account, run, r.runbook, p->>'mode', p->>'reason');
    return jsonb_build_object('result', 'done');
  end if;
  if c.runbook_hold->>'runId' is distinct from run::text then
    return jsonb_build_object('result', 'notHeld', 'found', mode_told(r.account));
  end if;
  if p->>'what' = 'ease' then
    wanted := stricter_mode(p->>'mode', c.runbook_hold->>'was');
    if wanted <> c.runbook_hold->>'mode' then
      perform write_runbook_hold(c, wanted, c.runbook_hold || jsonb_build_object('mode', wanted), run, r.runbook, p->>'reason');
    end if;
    return jsonb_build_object('result', 'done');
  end if;
  if p->>'what' = 'undo' then
    wanted := c.runbook_hold->>'from';
    -- What an earlier run had held is held again, by nobody who is at work.
    perform write_runbook_hold(c, wanted, case when wanted = c.runbook_hold->>'was' then null
      else c.runbook_hold || jsonb_build_object('mode', wanted) end, run, r.runbook, p->>'reason');
    return jsonb_build_object('result', 'done');
  end if;
  -- Only a comparison that began after the run did, and a moment ago, tells that the account may do more.
  if c.mode = 'paused' and c.reconciliation_hold is not null
      or not is_clean_since(r.account, greatest(r.started_at, clock_timestamp() - interval '1 minute')) then
    return jsonb_build_object('result', 'notReconciled', 'found', coalesce(paused_above(c), reconciliation_findings(r.account)));
  end if;
  perform write_runbook_hold(c, c.runbook_hold->>'was', null, run, r.runbook, p->>'reason');
  return jsonb_build_object('result', 'done');
end $$;

-- As before, but: what a look has seen since the clean comparison counts.
create or replace function resume_after_outage(p jsonb) returns text language plpgsql as $$
declare
  o outages;
  c control;
  w account_watch;
begin
  select * into c from control where account = (select account from outages where run_id = (p->>'runId')::uuid) for update;
  select * into o from outages where run_id = (p->>'runId')::uuid for update;
  if o.resumed_at is not null then return 'resumed'; end if;
  if not is_at_work(o.run_id) then return 'givenUp'; end if;
  select * into w from account_watch where account = o.account;
  if o.over_at is null or o.answered_at is null or w.equity is null or w.sampled_at < clock_timestamp() - interval '5 seconds'
      or w.runs ?| array['equityUnknown', 'venueUnreachable', 'noMarketData'] then
    return 'notSteady';
  end if;
  if halt_over(o.account) is not null then return 'halted'; end if;
  if c.mode <> 'paused' then return 'going'; end if;
  if c.reconciliation_hold is null or c.reconciliation_hold->>'was' = 'paused' or c.held_by is not null then return 'personsPause'; end if;
  if coalesce(c.reconciliation_hold->>'first', c.reconciliation_hold->>'since')::timestamptz < o.began_at then return 'before'; end if;
  -- Begun after the venue was back, and after everything that has paused the account since.
  if not is_clean_since(o.account, greatest(o.over_at, o.answered_at, (c.reconciliation_hold->>'since')::timestamptz)) then
    return 'notReconciled';
  end if;
  if exists (select from jsonb_array_elements_text(c.reconciliation_hold->'classes') one
      where one not in ('equityUnknown', 'venueUnreachable', 'noMarketData') and not p->'lifts' ? one) then
    return 'differences';
  end if;
  if exists (select from outages before where before.account = o.account and before.outage_id <> o.outage_id
      and before.resumed_at > o.found_at - (p->>'repeatedWithinMs')::bigint * interval '1 millisecond') then
    return 'repeated';
  end if;
  update control set mode = c.reconciliation_hold->>'was', reconciliation_hold = null, version = version + 1, updated_at = clock_timestamp()
    where account = o.account;
  update outages set resumed_at = clock_timestamp() where outage_id = o.outage_id;
  insert into audit_events (kind, account, subject, data) values ('mode.changed', o.account, 'venueDisconnected', jsonb_build_object(
    'mode', c.reconciliation_hold->>'was', 'was', 'paused', 'reason', 'its venue is back, and a new reconciliation is clean',
    'outageId', o.outage_id, 'runId', o.run_id));
  return 'resumed';
end $$;
