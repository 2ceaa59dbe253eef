import { stepOfDecimals, type Units } from '../amount/units.js';

export type PriceOrigin = 'recorded' | 'simulated';

/** What is traded and by which rules; `exchangeInfo` is written from this and the filters are checked against it. */
export interface Instrument {
  /** `BTC/USDT`. */
  readonly name: string;
  /** `BTCUSDT`, as the wire has it. */
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  readonly origin: PriceOrigin;
  /** File name or generator, for people. */
  readonly source: string;
  readonly tickDecimals: number;
  readonly stepDecimals: number;
  readonly tick: Units;
  readonly step: Units;
  readonly minPrice: Units;
  readonly maxPrice: Units;
  readonly minQuantity: Units;
  readonly maxQuantity: Units;
  readonly maxMarketQuantity: Units;
  readonly minNotional: Units;
  readonly maxNotional: Units;
  /** Limit prices may be at most this many times the last price, and at least its fraction. */
  readonly priceBandUp: bigint;
  readonly priceBandDown: bigint;
  readonly maxOrders: number;
  readonly maxConditionalOrders: number;
}

export interface InstrumentSource {
  readonly name: string;
  readonly origin: PriceOrigin;
  readonly source: string;
  /** A typical price: it decides tick and step. */
  readonly price: number;
  /** Places of tick and step, where they are not to be chosen by the price. */
  readonly places?: { readonly tick: number; readonly step: number };
}

/** Chooses tick and step so that their product is at least 10⁻⁸: price × quantity is then exact. Places that are given may be finer. */
export function instrumentOf({ name, origin, source, price, places }: InstrumentSource): Instrument {
  const [base, quote] = name.split('/') as [string, string];
  const magnitude = Math.floor(Math.log10(price));
  const tickDecimals = places?.tick ?? Math.min(6, Math.max(2, 5 - magnitude - 2));
  const stepDecimals = places?.step ?? Math.max(0, Math.min(8 - tickDecimals, magnitude + 2));
  const tick = stepOfDecimals(tickDecimals);
  const step = stepOfDecimals(stepDecimals);
  const scale = 10n ** BigInt(Math.max(0, 7 - magnitude));
  return {
    name,
    symbol: base + quote,
    base,
    quote,
    origin,
    source,
    tickDecimals,
    stepDecimals,
    tick,
    step,
    minPrice: tick,
    maxPrice: 100_000_000n * 100_000_000n,
    minQuantity: step,
    maxQuantity: scale * 100_000_000n,
    maxMarketQuantity: (scale * 100_000_000n) / 10n,
    minNotional: 5n * 100_000_000n,
    maxNotional: 9_000_000n * 100_000_000n,
    priceBandUp: 5n,
    priceBandDown: 5n,
    maxOrders: 200,
    maxConditionalOrders: 20,
  };
}
