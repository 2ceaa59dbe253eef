-- A drill halts, and sells, for real. Whoever calls it may have another configuration than those that work over this database: what it would reach is
-- asked where it is written.

-- What a latch would reach of which the caller has not said that it is on paper, at the venue that it has here.
create function not_on_paper(p jsonb, paper jsonb) returns text[] language sql stable as $$
  select coalesce(array_agg(a.account order by a.account), '{}') from accounts a
    where a.account in (select accounts_reached(p->>'scope', p->>'scopeValue', p->>'account'))
      and a.venue is distinct from paper->>a.account
$$;

-- A halt, as `engage_latch` writes it, but where anything that it reaches may trade real money nothing is written, and these are named.
create function engage_drill(p jsonb, paper jsonb) returns jsonb language plpgsql as $$
declare
  found_there text[] := not_on_paper(p, paper);
  answer jsonb;
begin
  -- Before anything is locked: nobody waits for a drill that is refused.
  if found_there <> '{}' then return jsonb_build_object('notOnPaper', to_jsonb(found_there)); end if;
  answer := engage_latch(p);
  -- What came under it meanwhile undoes it, and is found first by the next try.
  if not_on_paper(p, paper) <> '{}' then raise exception 'accounts changed meanwhile' using errcode = 'KE002'; end if;
  return answer;
end $$;
