-- What people are told of an incident at night: what it is about, how much, and why; and at once where something is held without its stop.

-- An order in a few words, with why it was refused.
create function order_text(o orders) returns text language sql stable as $$
  select concat_ws(', ', o.purpose || ' to ' || o.side || ' ' || trim_scale(o.quantity) || ' ' || o.instrument || ' (' || o.strategy || ') is ' || o.status,
    case when o.executed_quantity > 0 then trim_scale(o.executed_quantity) || ' executed' end,
    (select string_agg(coalesce(f->>'message', f->>'code'), '; ') from jsonb_array_elements(o.failures) f))
$$;

-- For how much of a position a stop is known to rest at the venue.
create function stopped_quantity(p positions) returns numeric language sql stable as $$
  select coalesce(sum(reserved_quantity), 0) from orders o
    where o.account = p.account and o.instrument = p.instrument and o.strategy = p.strategy and o.final_at is null and o.purpose = 'stop'
      and o.status in ('accepted', 'partiallyFilled') and o.missing_since is null
$$;

-- Whether more than the venue would refuse as too little is held without a stop.
create function is_unprotected(p positions) returns boolean language sql stable as $$
  select coalesce(p.quantity - stopped_quantity(p) >= coalesce((
      select greatest((n.rules->>'stepSize')::numeric, (n.rules->>'minQuantity')::numeric)
        from instruments n join accounts a using (venue) where a.account = p.account and n.instrument = p.instrument), 0)
    and p.quantity > stopped_quantity(p), false)
$$;

-- What an incident is about, in the words of its rows. Whatever its details are, they keep no incident from being opened.
create function incident_facts(the_account text, details jsonb) returns text language plpgsql stable as $$
begin
  return left(concat_ws('; ',
    (select string_agg(order_text(o), '; ' order by o.created_at) from orders o
      where o.intent_id in (details->>'intentId', details->>'since', details->>'exit')),
    (select trim_scale(p.quantity) || ' ' || p.instrument || ' (' || p.strategy || ') held, stops rest for ' || trim_scale(stopped_quantity(p))
      from positions p where p.account = the_account and p.strategy = details->>'strategy' and p.instrument = details->>'instrument'),
    (select string_agg(one.key || ': ' || case jsonb_typeof(one.value)
          when 'array' then (select string_agg(item, ', ') from jsonb_array_elements_text(one.value) item) else one.value #>> '{}' end,
        ', ' order by one.key)
      from jsonb_each(details) one
      where jsonb_typeof(one.value) <> 'null' and (jsonb_typeof(one.value) <> 'object' or one.key = 'deltas')
        and one.key not in ('evidence', 'since', 'entered', 'stops', 'escapes', 'latchIds', 'latchId', 'runId'))), 600);
exception when others then
  return left(details::text, 600);
end $$;

-- What is left to be protected by hand, if nobody comes: then whoever is called at night is called.
create function leaves_unprotected(the_account text, the_kind text, details jsonb) returns boolean language plpgsql stable as $$
begin
  if the_kind in ('positionUncovered', 'positionContradicted', 'exitWaits', 'adoptedSaleRests', 'stopsTakenAway') then
    return exists (select from positions p where p.account = the_account and p.strategy = details->>'strategy'
      and p.instrument = details->>'instrument' and is_unprotected(p));
  end if;
  -- A stop that its venue does not show protects nothing for all that is known.
  return the_kind ~ 'workingOrderMissing|unknownOverAMinute|unknownUnbounded'
    and exists (select from orders o where o.intent_id = details->>'intentId' and o.purpose = 'stop');
exception when others then
  return true;
end $$;

-- In words, what was seen; the kind itself is in the guide on incidents.
create function incident_words(the_kind text) returns text language sql immutable as $$
  select coalesce((select string_agg(coalesce(w.words, k), ', and ') from unnest(string_to_array(the_kind, '+')) k left join (values
    ('unknownOverAMinute', 'what became of an order is not known for a minute'),
    ('unknownUnbounded', 'what became of an order is not known, and its venue proves nothing by time'),
    ('workingOrderMissing', 'an order that rested is not shown any more'),
    ('createdBeforeSend', 'an order with our id is older than our send'),
    ('evidenceAfterFinal', 'an order that had ended lived on, or was filled later'),
    ('evidenceBeforeSend', 'the venue shows an order that we had not sent'),
    ('overfilled', 'more was filled than was ordered'),
    ('otherVenueOrderId', 'an order has another id at the venue than before'),
    ('foreignFill', 'a fill that no order of ours explains'),
    ('reconciliation', 'venue, ledger and workflows differ, and the account is paused'),
    ('instrumentNotListed', 'the venue lists an instrument no more'),
    ('drawdown', 'the report of a drawdown waits for a signature'),
    ('haltEvidenceMissing', 'the evidence of a verified halt could not be written'),
    ('exitWaits', 'an exit waits for a venue that has sent us away'),
    ('venueAway', 'a venue could not be reached since the start'),
    ('databaseChanged', 'the database is another than before, and everything is halted'),
    ('accountRefused', 'the venue has refused an account at the start'),
    ('twoStops', 'two stops of one position; one is being canceled'),
    ('stopRefused', 'three stops in a row did not come to rest'),
    ('stopsTakenAway', 'another hand cancels the stops of a position again and again'),
    ('lookUpsFail', 'an order that rests cannot be asked for: it may be filled, or gone'),
    ('signalsNotRecorded', 'signals that were not traded are in no record'),
    ('escapeStuck', 'what a stop did not sell finds no buyer'),
    ('positionUncovered', 'no stop can be for all of a position'),
    ('positionContradicted', 'the row of a position is not what its fills add up to, so no stop is placed'),
    ('adoptedSaleRests', 'a sale by another hand rests, and no stop is for what it sells'),
    ('protectionDenied', 'what is held has NO STOP, or no exit: it is refused')) w (kind, words) on w.kind = k), the_kind)
$$;

-- As before, and: what each is about. What leaves something unprotected is critical.
create or replace function alert_of_incident() returns trigger language plpgsql as $$
begin
  perform raise_alert(jsonb_build_object('key', 'incident:' || new.incident_key, 'account', new.account, 'kind', 'incident.' || new.kind,
    'severity', case
      when new.kind ~ 'databaseChanged|evidence|overfilled|otherVenueOrderId|createdBeforeSend|escapeStuck|stopRefused|protectionDenied|haltNotVerified' then 'critical'
      when leaves_unprotected(new.account, new.kind, new.data) then 'critical'
      when new.kind = 'twoStops' then 'warning' else 'error' end,
    'summary', 'Incident ' || new.incident_id || ' in ' || new.account || ': ' || case new.kind
      when 'halt' then 'a halt is verified at the venue. Halted: ' || coalesce(latches_text(new.data), 'no more')
        || '. It stays so until two people end it (keelson halts, then keelson rearm). Its evidence: ' || coalesce(new.data->'evidence'->>'path', 'none')
      when 'haltNotVerified' then 'a halt is NOT VERIFIED yet: '
        || coalesce((select left(string_agg(one, '; '), 900) from jsonb_array_elements_text(new.data->'text') one), 'nothing was seen')
        || '. Halted: ' || coalesce(latches_text(new.data), 'no more') || '. It is tried on; what each line needs is in the guide on halts (keelson halts)'
      else incident_words(new.kind) || coalesce(': ' || nullif(incident_facts(new.account, new.data), ''), '') end || '. See keelson incidents list.',
    'data', jsonb_build_object('incidentId', new.incident_id::text)));
  return null;
end $$;
