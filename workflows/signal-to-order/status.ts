import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { averagePrice } from '../../core/order/lifecycle.js';
import { stateOf, type StoredOrder } from '../../core/order/stored-order.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';

/** What a run ends with. `codes` say why nothing was traded. */
export interface OrderOutcome {
  readonly intentId: string;
  readonly status: string;
  readonly executedQuantity?: string;
  readonly averagePrice?: string;
  readonly codes: readonly string[];
}

/** Shows where the order is in the list and on the page of the run, and gives it as the outcome. */
export function showStatus(
  at:
    | { readonly intentId: string; readonly order: StoredOrder }
    | { readonly intentId: string; readonly status: string; readonly codes: readonly string[] },
): OrderOutcome {
  const outcome = 'order' in at ? outcomeOf(at.order) : at;
  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [outcome.status] });
  setCurrentDetails('order' in at ? describe(at.order) : `**${at.status}**: ${at.codes.join(', ')}`);
  return outcome;
}

function outcomeOf(order: StoredOrder): OrderOutcome {
  const average = averagePrice(stateOf(order));
  return {
    intentId: order.intentId,
    status: order.status,
    executedQuantity: order.executedQuantity,
    ...(average === undefined ? {} : { averagePrice: average.toSignificantDigits(12).toFixed() }),
    codes: order.failures.map((one) => one.code),
  };
}

function describe(order: StoredOrder): string {
  const { side, quantity, instrument, price, status, executedQuantity, clientOrderId, venueOrderId, failures } = order;
  const lines = [
    `**${status}** ${side} ${quantity} ${instrument} at ${price} or better`,
    `executed ${executedQuantity}, client order id \`${clientOrderId}\`, venue order id \`${venueOrderId ?? 'none'}\``,
    ...failures.map((one) => `- ${one.code}: ${one.message}`),
  ];
  return lines.join('\n\n');
}
