import { entriesOf } from '../ledger/position.js';
import { decimal, text, ZERO, type Decimal, type DecimalText } from '../money/index.js';
import type { Deltas } from './difference.js';
import type { LedgerSight, SeenFill } from './sight.js';

/** Amounts by asset that are added up; what comes to nothing is left out. */
export class Sum {
  private readonly amounts = new Map<string, Decimal>();

  add(deltas: Deltas, times = 1): this {
    for (const [asset, amount] of Object.entries(deltas)) this.put(asset, decimal(amount).mul(times));
    return this;
  }

  put(asset: string, amount: Decimal): this {
    this.amounts.set(asset, (this.amounts.get(asset) ?? ZERO).plus(amount));
    return this;
  }

  of(asset: string): Decimal {
    return this.amounts.get(asset) ?? ZERO;
  }

  get deltas(): Deltas {
    const found = [...this.amounts].filter(([, amount]) => !amount.isZero()).sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(found.map(([asset, amount]) => [asset, text(amount)]));
  }
}

type Traded = Pick<SeenFill, 'instrument' | 'side' | 'price' | 'quantity' | 'fee' | 'feeAsset'> & { readonly amount?: DecimalText | null };

/** What a fill moves, by asset. */
export function deltasOf(fill: Traded, instruments: LedgerSight['instruments']): Deltas {
  const sum = new Sum();
  const [base = fill.instrument, quote = ''] = fill.instrument.split('/');
  const names = instruments[fill.instrument] ?? { base, quote };
  const entries = entriesOf({
    side: fill.side,
    price: decimal(fill.price),
    quantity: decimal(fill.quantity),
    ...(typeof fill.amount === 'string' ? { amount: decimal(fill.amount) } : {}),
    fee: decimal(fill.fee),
    feeAsset: fill.feeAsset,
    base: names.base,
    quote: names.quote,
  });
  for (const { asset, delta } of entries) sum.put(asset, delta);
  return sum.deltas;
}
