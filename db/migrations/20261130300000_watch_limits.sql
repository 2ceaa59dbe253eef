-- Who approved a request, in the order in which they did. Who did so twice, a key having been changed in between, is one person.
create function approvers(the_request uuid) returns jsonb language sql stable as $$
  select jsonb_agg(subject order by decided) from (select subject, min(decided_at) as decided from approvals
    where request_id = the_request and decision = 'approved' group by subject) a
$$;

-- What the account watch acts at is limits, too: one of them is a policy, which is no number.
create or replace function write_limit(p jsonb) returns boolean language plpgsql as $$
declare
  newest limits;
begin
  select * into newest from limits where scope = p->>'scope' and scope_value = p->>'scopeValue'
    and account is not distinct from p->>'account' and limit_key = p->>'key' order by version desc limit 1;
  if coalesce(newest.version, 0) <> (p->>'version')::integer then return false; end if;
  insert into limits (scope, scope_value, account, limit_key, value, was, version, subject, key_id, reason, request_id)
    values (p->>'scope', p->>'scopeValue', p->>'account', p->>'key', p->>'value', newest.value, coalesce(newest.version, 0) + 1,
      p->>'subject', (p->>'underKey')::uuid, p->>'reason', (p->>'requestId')::uuid);
  if p->>'scope' = 'account' then
    update risk_state set limits = jsonb_strip_nulls(limits || jsonb_build_object(p->>'key',
        case when p->>'key' ~ '(Notional|Exposure|Hours|Policy)$' then to_jsonb(p->>'value') else to_jsonb((p->>'value')::numeric) end))
      where account = p->>'account';
  end if;
  insert into audit_events (kind, account, subject, data) values ('limit.changed', p->>'account', p->>'subject',
    jsonb_build_object('scope', p->>'scope', 'scopeValue', p->>'scopeValue', 'limit', p->>'key', 'from', newest.value,
      'to', p->>'value', 'version', coalesce(newest.version, 0) + 1, 'reason', p->>'reason', 'underKey', p->>'underKey')
    || case when p->>'requestId' is null then '{}' else jsonb_build_object('requestId', p->>'requestId', 'approvedBy',
         approvers((p->>'requestId')::uuid)) end);
  return true;
end $$;
