-- What kills have sold is asked at each of their steps: the orders of all the others that an account ever had are not read for it.
create index orders_sold_by_kills on orders (account, strategy, instrument, sequence) where purpose = 'flatten';
