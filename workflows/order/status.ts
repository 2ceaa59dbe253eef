import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { ExitOutcome } from '../../activities/ports/owners.js';
import { decimal, text, ZERO, type Decimal } from '../../core/money/index.js';
import { averagePrice } from '../../core/order/lifecycle.js';
import { stateOf, type StoredOrder } from '../../core/order/stored-order.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { sideOf, type TradeSignal } from '../../core/signal/signal.js';

/** What a run ends with. `codes` say why nothing was traded. */
export type OrderOutcome = ExitOutcome;

/** What the run is of, for the list. The run says it, and not its start: there it would cost each order a millisecond or more before it is sent. */
export function showSignal(signal: TradeSignal): void {
  const { account, instrument, strategy } = signal;
  upsertSearchAttributes({
    [SEARCH_ATTRIBUTES.account]: [account],
    [SEARCH_ATTRIBUTES.instrument]: [instrument],
    [SEARCH_ATTRIBUTES.strategy]: [strategy],
    [SEARCH_ATTRIBUTES.side]: [sideOf(signal)],
    [SEARCH_ATTRIBUTES.status]: ['initialized'],
  });
}

/** Shows where the order is in the list and on the page of the run, and gives it as the outcome. */
export function showStatus(
  at:
    | { readonly intentId: string; readonly order: StoredOrder }
    | { readonly intentId: string; readonly status: string; readonly codes: readonly string[] },
): OrderOutcome {
  return 'order' in at ? showOrders([at.order]) : showOutcome(at);
}

export function showDenied(intentId: string, codes: readonly string[]): OrderOutcome {
  return showOutcome(deniedOutcome(intentId, codes));
}

export const deniedOutcome = (intentId: string, codes: readonly string[]): OrderOutcome => ({ intentId, status: 'denied', codes });

/** Shows an outcome of which no order is known here. */
export function showOutcome(outcome: OrderOutcome): OrderOutcome {
  const { status, executedQuantity, averagePrice: average, codes } = outcome;
  const done = executedQuantity === undefined ? '' : `, executed ${executedQuantity}${average === undefined ? '' : ` at ${average}`}`;
  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [status] });
  setCurrentDetails([`**${status}**${done}`, ...codes.map((code) => `- ${code}`)].join('\n\n'));
  return outcome;
}

/** Shows the orders of one signal, the newest first. */
export function showOrders(orders: readonly StoredOrder[]): OrderOutcome {
  const outcome = outcomeOf(orders);
  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [outcome.status] });
  setCurrentDetails(orders.toReversed().map(describe).join('\n\n'));
  return outcome;
}

/** What came of the orders of one signal: the newest one's status, with what all of them have executed. */
export function outcomeOf(orders: readonly StoredOrder[]): OrderOutcome {
  const newest = orders.at(-1);
  if (newest === undefined) throw new Error('invariant: there is an order to tell of');
  const sum = (of: (order: StoredOrder) => string): Decimal => orders.reduce((total, order) => total.plus(decimal(of(order))), ZERO);
  const executed = sum((order) => order.executedQuantity);
  const notional = sum((order) => order.executedNotional);
  return {
    intentId: newest.intentId,
    status: newest.status,
    executedQuantity: text(executed),
    ...(executed.isZero() ? {} : { averagePrice: notional.div(executed).toSignificantDigits(12).toFixed() }),
    codes: newest.failures.map((one) => one.code),
  };
}

function describe(order: StoredOrder): string {
  const { clientOrderId, venueOrderId, failures } = order;
  const lines = [
    lineOf(order),
    `client order id \`${clientOrderId}\`, venue order id \`${venueOrderId ?? 'none'}\``,
    ...failures.map((one) => `- ${one.code}: ${one.message}`),
  ];
  return lines.join('\n\n');
}

/** An order in one line of Markdown, for the pages of runs. */
export function lineOf(order: StoredOrder): string {
  const { side, purpose, type, quantity, instrument, price, stopPrice, status, executedQuantity } = order;
  const at =
    type === 'stopMarket'
      ? `when ${stopPrice} is reached`
      : type === 'stopLimit'
        ? `at ${price} when ${stopPrice} is reached`
        : `at ${price} or better`;
  const average = averagePrice(stateOf(order));
  const done = average === undefined ? '' : `, executed ${executedQuantity} at ${average.toSignificantDigits(12).toFixed()}`;
  return `**${status}** ${purpose}: ${side} ${quantity} ${instrument} ${at}${done}`;
}
