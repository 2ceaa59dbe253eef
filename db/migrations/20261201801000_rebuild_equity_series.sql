-- The equity series is written anew by a statement of its own: the one that reckons what the whole ledger derives takes longer than it is until
-- the account watch writes its next sample, on an account with many fills, and then nothing could ever be rebuilt while a guardian lived.

-- Answers {result: rebuilt | person | moved, changed}.
create function rebuild_equity_series(p jsonb) returns jsonb language plpgsql as $$
declare
  the_account text := p->>'account';
  changed jsonb;
begin
  perform set_config('lock_timeout', '3500', true);
  perform from account_watch where account = the_account for update;
  if not exists (select from api_keys k join people q using (subject) where k.key_id = (p->>'underKey')::uuid and subject = p->>'subject'
      and k.revoked_at is null and q.deactivated_at is null and q.roles && array['risk', 'admin']) then
    return jsonb_build_object('result', 'person');
  end if;
  if coalesce((select max(booking) from fills where account = the_account), 0) <> (p->>'lastBooking')::bigint then
    return jsonb_build_object('result', 'moved');
  end if;
  changed := rebuild_equity(the_account, p->'equity');
  if changed is null then return jsonb_build_object('result', 'moved'); end if;
  insert into audit_events (kind, account, subject, data)
    select 'ledger.rebuilt', the_account, p->>'subject', c || jsonb_build_object('reason', p->>'reason', 'underKey', p->>'underKey')
      from jsonb_array_elements(changed) c;
  return jsonb_build_object('result', 'rebuilt', 'changed', changed);
end $$;
