/** A market order is sent as a `limit` with IOC at the edge of its collar. Stops are sell stops: they wake when the price falls. */
export type OrderType = 'limit' | 'stopLimit' | 'stopMarket';

export type TimeInForce = 'GTC' | 'IOC' | 'FOK';

/**
 * Why an order exists: an entry or exit of a strategy, the stop that protects a position, or an escape, which sells what
 * a stop should have sold, or what a kill sells.
 */
export type OrderPurpose = 'entry' | 'exit' | 'stop' | 'escape' | 'flatten';
