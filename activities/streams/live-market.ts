import type { DecimalText } from '../../core/money/index.js';
import type { LiveView } from '../../core/risk/view.js';
import type { LiveMarket } from '../ports/live.js';

/** Last prices and the venue's clock, as this process sees them. What was never seen is absent, and entries wait for it. */
export class StreamedMarket implements LiveMarket {
  private readonly prices = new Map<string, { readonly price: DecimalText; readonly receivedTime: number }>();
  private readonly clock: () => number;
  private skewMs: number | undefined;

  constructor(clock: () => number) {
    this.clock = clock;
  }

  seePrice(instrument: string, price: DecimalText, receivedTime: number): void {
    this.prices.set(instrument, { price, receivedTime });
  }

  seeSkew(skewMs: number): void {
    this.skewMs = skewMs;
  }

  clockSkewMs(): number | undefined {
    return this.skewMs;
  }

  view(instrument: string): LiveView {
    const now = this.clock();
    const last = this.prices.get(instrument);
    return {
      now,
      ...(last === undefined ? {} : { price: { price: last.price, ageMs: now - last.receivedTime } }),
      ...(this.skewMs === undefined ? {} : { clockSkewMs: this.skewMs }),
    };
  }
}
