/** Whether an order has a name as an installation of ours gives: no proof, but worth to know where its row is lost (a restore, P31). */
export function looksLikeOurs(clientOrderId: string): boolean {
  return /^[0-9a-f]{32}$/.test(clientOrderId);
}

/** Whether a person has had a sale by another hand booked for a strategy: no order of ours was ever sent for it. */
export function isSoldByHand(intentId: string): boolean {
  return intentId.startsWith('byHand:');
}

/** Whether a person has taken the order over from another hand: its name is that one's, who may use it again once the order is over. */
export function hasOthersName({ intentId }: { readonly intentId: string }): boolean {
  return intentId.startsWith('adopted:');
}
