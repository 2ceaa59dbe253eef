-- A drill of a name that nobody has any more, or that is mistyped, left a halt over nothing, which two people had to end. Nothing is urgent in a drill:
-- it is refused, where a halt of the same name is written.

-- As `engage_latch` says it of what it has written: the names that there are where nobody has anything of the one that is named; else null.
create function nobody_under(p jsonb) returns text[] language sql stable as $$
  select case when p->>'account' is not null or not exists (select from accounts_under(p->>'scope', p->>'scopeValue', p->>'account'))
    then known_instead(p->>'scope', p->>'scopeValue', p->>'account') end
$$;

-- As before, and: where nothing is under it nothing is written either.
create or replace function engage_drill(p jsonb, paper jsonb) returns jsonb language plpgsql as $$
declare
  found_there text[] := not_on_paper(p, paper);
  known text[] := nobody_under(p);
  answer jsonb;
begin
  -- Before anything is locked: nobody waits for a drill that is refused.
  if found_there <> '{}' then return jsonb_build_object('notOnPaper', to_jsonb(found_there)); end if;
  if known is not null then return jsonb_build_object('nobodyHas', to_jsonb(known)); end if;
  answer := engage_latch(p);
  -- What came under it, or left, meanwhile undoes it, and is found first by the next try.
  if not_on_paper(p, paper) <> '{}' or jsonb_typeof(answer->'known') <> 'null' or answer->'accounts' = '[]' then
    raise exception 'accounts changed meanwhile' using errcode = 'KE002';
  end if;
  return answer;
end $$;
