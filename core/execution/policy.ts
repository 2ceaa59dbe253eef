/**
 * How an entry is worked. `market`: one IOC order at the edge of the collar. `limit`: an order that rests, `offsetBps` below the
 * reference price, and is canceled after `workMs` or when its signal expires, whichever is first.
 */
export type ExecutionPolicy =
  | { readonly kind: 'market' }
  | {
      readonly kind: 'limit';
      /** How far below the reference the order is priced, in basis points; negative is above. */
      readonly offsetBps: number;
      readonly workMs: number;
      /** Refused rather than taking liquidity; then quoted once more, one tick under the reference of that moment. */
      readonly postOnly: boolean;
      /** When an order priced now would rest so far away, in basis points, it replaces this one; absent: never. */
      readonly replaceBps?: number;
    };

export const MARKET: ExecutionPolicy = { kind: 'market' };
