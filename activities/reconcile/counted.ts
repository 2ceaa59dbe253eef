import type { Venue, VenueReader } from '../ports/venue.js';

/** What a look has asked of the venue. */
export interface Spent {
  calls: number;
  weight: number;
}

/** The venue's reader, with everything that is asked over it counted by the venue's own table of weights. */
export function counted({ reader, profile }: Pick<Venue, 'reader' | 'profile'>): { readonly reader: VenueReader; readonly spent: Spent } {
  const { readWeights: weights, fillsPage } = profile;
  const spent: Spent = { calls: 0, weight: 0 };
  const count = (calls: number, weight: number): void => {
    spent.calls += calls;
    spent.weight += calls * weight;
  };
  return {
    spent,
    reader: {
      ...reader,
      clock() {
        count(1, 1);
        return reader.clock();
      },
      balances() {
        count(1, weights.balances);
        return reader.balances();
      },
      openOrders(instrument) {
        count(1, weights.openOrders);
        return reader.openOrders(instrument);
      },
      async lookUp(instrument, clientOrderId) {
        count(1, weights.lookUp);
        const found = await reader.lookUp(instrument, clientOrderId);
        // Then the clock was read, and what was absent asked for once more.
        count(1, 1);
        if (found.kind === 'absent') count(1, weights.lookUp);
        return found;
      },
      lookUpByNumber(instrument, venueOrderId) {
        count(1, weights.lookUp);
        return reader.lookUpByNumber(instrument, venueOrderId);
      },
      async fills(instrument, fromTime) {
        count(1, weights.fills);
        const fills = await reader.fills(instrument, fromTime);
        count(Math.floor(fills.length / fillsPage), weights.fills);
        return fills;
      },
      fillsOfOrder(instrument, venueOrderId) {
        count(1, weights.fills);
        return reader.fillsOfOrder(instrument, venueOrderId);
      },
      paidFee(fill) {
        count(1, weights.fills);
        return reader.paidFee(fill);
      },
      cancel(instrument, clientOrderId) {
        count(1, 1);
        return reader.cancel(instrument, clientOrderId);
      },
    },
  };
}

/** What an ordinary look will ask for, by the same table. */
export function expectedWeight({ readWeights, fillLists }: Venue['profile'], instruments: number): number {
  return 1 + readWeights.openOrders + readWeights.balances + readWeights.fills * (fillLists === 'account' ? 1 : instruments);
}
