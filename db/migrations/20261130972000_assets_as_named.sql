-- As before, but: an asset is booked under whatever name its venue has for it, in any script.
create or replace function movement_refusal(m jsonb) returns text language plpgsql volatile as $$
begin
  if coalesce(m->>'amount', '') !~ '^-?\d{1,18}(\.\d{1,36})?$' or (m->>'amount')::numeric = 0 then return 'amount'; end if;
  -- Small letters are a slip; what nobody sees, and what parts a base from its quote, is in no name.
  if coalesce(m->>'asset', '') !~ '^[^\u0001-\u0020/a-z\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]{1,40}$' then return 'asset'; end if;
  if coalesce(m->>'eventTime', '') !~ '^\d{1,15}$'
      or (m->>'eventTime')::bigint not between 1230768000000 and epoch_ms(clock_timestamp()) + 60000 then return 'eventTime'; end if;
  if coalesce(trim(m->>'reason'), '') = '' then return 'reason'; end if;
  if coalesce(trim(m->>'subject'), '') = '' then return 'subject'; end if;
  if not exists (select from accounts where account = m->>'account') then return 'account'; end if;
  case m->>'kind'
    when 'deposit' then if (m->>'amount')::numeric < 0 then return 'amount'; end if;
    when 'withdrawal' then if (m->>'amount')::numeric > 0 then return 'amount'; end if;
    when 'transfer' then
      -- Written from the side that it leaves.
      if (m->>'amount')::numeric > 0 then return 'amount'; end if;
      if m->>'counterAccount' = m->>'account' or not exists (select from accounts where account = m->>'counterAccount') then
        return 'counterAccount';
      end if;
    when 'correction' then
      if m->>'incidentId' is null then return 'incident'; end if;
      if m->>'underKey' is null then return 'person'; end if;
    else return 'kind';
  end case;
  if m->>'kind' <> 'transfer' and m->>'counterAccount' is not null then return 'counterAccount'; end if;
  if m->>'underKey' is null and m->>'venueReference' is null then return 'person'; end if;
  if m->>'underKey' is not null and not may_book(m) then return 'person'; end if;
  -- What was looked into and closed explains nothing new.
  if m->>'incidentId' is not null and not exists (select from incidents i where i.incident_id::text = m->>'incidentId'
      and i.account in (m->>'account', m->>'counterAccount') and i.closed_at is null) then return 'incident'; end if;
  return null;
end $$;
