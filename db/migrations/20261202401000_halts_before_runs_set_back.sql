-- As before, but: any halt that stands is one that was called after the run began, since none begins under a halt. By the times of both a run that
-- began while the database's clock was ahead went on under a halt until that time had come.
create or replace function begin_runbook_part(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  had runbook_parts;
  found_there text;
  giver jsonb;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid;
  select * into had from runbook_parts where run_id = r.run_id and position = (p->>'position')::integer
    and attempt = (p->>'attempt')::integer and part = p->>'part';
  giver := case when p->>'part' <> 'undo' and had.outcome is distinct from 'done' then given_up(r.run_id) end;
  if giver is not null then return jsonb_build_object('result', 'aborted') || giver; end if;
  if had.outcome is not null then
    return jsonb_build_object('result', 'stored', 'outcome', had.outcome, 'output', had.output, 'detail', had.detail);
  end if;
  if r.epoch <> (select epoch from instance) or not exists (select from runbook_locks l where l.run_id = r.run_id) then
    return jsonb_build_object('result', 'preempted', 'detail', 'it does not hold ' || r.resource || ' any more');
  end if;
  if not (p->>'runsUnderHalt')::boolean then
    found_there := halted_since(r.account, '-infinity');
    if found_there is not null then return jsonb_build_object('result', 'preempted', 'detail', found_there); end if;
  end if;
  insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor)
    values (r.run_id, (p->>'position')::integer, (p->>'attempt')::integer, p->>'part', p->>'name', payload_hash(r.inputs), p->>'actor')
    on conflict do nothing;
  return jsonb_build_object('result', 'begin');
end $$;
