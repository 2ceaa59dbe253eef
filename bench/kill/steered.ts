import { instrumentOf } from '../../exchange/market/instrument.js';
import type { LoadedInstrument } from '../../exchange/market/load.js';
import { Series, type PlayedBar } from '../../exchange/market/series.js';

const DAY_MS = 86_400_000;
const VOLUME = 1_000;

/** Bars that stay at one price, which is another from the next bar on when it is told so. */
export class Steered extends Series {
  price: number;

  constructor(price: number) {
    const row = { open: price, high: price, low: price, close: price, volume: VOLUME };
    super(
      [
        { time: 0, ...row },
        { time: DAY_MS, ...row },
      ],
      { firstRow: 0, lastRow: 1, startOffset: 0, atEnd: 'loop' },
    );
    this.price = price;
  }

  override bar(): PlayedBar {
    const { price } = this;
    return { open: price, high: price, low: price, close: price, volume: VOLUME };
  }
}

export function steeredInstrument(name: string, series: Steered): LoadedInstrument {
  return {
    instrument: instrumentOf({ name, origin: 'simulated', source: 'steered', price: series.price }),
    series,
    digest: `${name} steered`,
  };
}
