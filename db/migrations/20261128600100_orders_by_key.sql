-- What is read again and again of an account or a position is found by its key, however many orders there have been.

-- Those that are watched for a day (P13): the account stream asks for them twice a second.
create index orders_not_placed on orders (account, final_at) where status = 'notPlaced';

-- The newest stops, escapes, entries and exits of a position: every look of its owner, and every verdict of the gate.
create index orders_of_position on orders (account, strategy, instrument, purpose, created_at desc, sequence desc);

-- How many stops and escapes a position has had.
create index orders_sequence on orders (account, strategy, instrument, purpose, sequence) where purpose in ('stop', 'escape');
