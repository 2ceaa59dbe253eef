/** Whether an order has a name as an installation of ours gives: no proof, but worth to know where its row is lost (a restore, P31). */
export function looksLikeOurs(clientOrderId: string): boolean {
  return /^[0-9a-f]{32}$/.test(clientOrderId);
}
