-- What people are told where look-ups wait for others at the address.

-- As before, and: of an address that is short.
create or replace function incident_words(the_kind text) returns text language sql immutable as $$
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
    ('lookUpsWait', 'a venue has counted nearly all that it allows our address, so orders that rest are not looked up'),
    ('signalsNotRecorded', 'signals that were not traded are in no record'),
    ('escapeStuck', 'what a stop did not sell finds no buyer'),
    ('positionUncovered', 'no stop can be for all of a position'),
    ('positionContradicted', 'the row of a position is not what its fills add up to, so no stop is placed'),
    ('adoptedSaleRests', 'a sale by another hand rests, and no stop is for what it sells'),
    ('protectionDenied', 'what is held has NO STOP, or no exit: it is refused')) w (kind, words) on w.kind = k), the_kind)
$$;

-- As before, and: an address that is short is a warning before it is an error.
create or replace function alert_of_incident() returns trigger language plpgsql as $$
begin
  perform raise_alert(jsonb_build_object('key', 'incident:' || new.incident_key, 'account', new.account, 'kind', 'incident.' || new.kind,
    'severity', case
      when new.kind ~ 'databaseChanged|evidence|overfilled|otherVenueOrderId|createdBeforeSend|escapeStuck|stopRefused|protectionDenied|haltNotVerified' then 'critical'
      when leaves_unprotected(new.account, new.kind, new.data) then 'critical'
      when new.kind = 'twoStops' or new.kind = 'lookUpsWait' and new.data->>'severity' = 'warning' then 'warning' else 'error' end,
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
