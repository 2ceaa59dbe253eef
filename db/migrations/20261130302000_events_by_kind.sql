-- Events of one kind, from whichever end: to leave out all others took longer with each day. Each migration is one transaction, and so
-- the index is not made concurrently: while it is made (seconds for a million events) nothing else is written that is audited.
create index audit_events_of_kind on audit_events (kind, event_id);
