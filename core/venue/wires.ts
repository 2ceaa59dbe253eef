/**
 * The venues whose wire is spoken. A wire is proven when the conformance cards have passed with an account of ours on the
 * venue's own sandbox; until then real money is traded over it only by an account that accepts that.
 */
export const VENUE_WIRES = {
  binance: { isProven: false },
  kraken: { isProven: false },
} as const satisfies Readonly<Record<string, { readonly isProven: boolean }>>;

export type VenueWire = keyof typeof VENUE_WIRES;
