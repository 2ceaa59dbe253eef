import { decimal, ZERO, type Decimal } from '../../../core/money/index.js';
import type { FillEvent, JournalLine } from '../../../exchange/journal/record.js';
import { BALANCES, VENUE_ACCOUNT } from '../world/lane.js';

const DAY_MS = 86_400_000;

/** A day of an account as its venue's journal has it. */
export interface ExpectedDay {
  readonly lines: ReadonlyMap<string, Readonly<Record<'opening' | 'trade' | 'fee' | 'closing', Decimal>>>;
  /** Realized on this day, after fees in base and quote. */
  readonly average: Decimal;
  readonly fifo: Decimal;
  readonly fills: number;
}

/** What is held at the end, and what it has cost on average. */
export interface ExpectedPosition {
  readonly quantity: Decimal;
  readonly cost: Decimal;
}

interface Lot {
  quantity: Decimal;
  cost: Decimal;
}

/**
 * Statements and results from the venue's journal alone: balances are those that the venue itself had at midnight, and results are
 * computed here once more. Nothing of core/ledger is used, so that the two can disagree.
 */
export function expectedDays(
  journal: readonly JournalLine[],
  days: readonly string[],
): { readonly days: ReadonlyMap<string, ExpectedDay>; readonly position: ExpectedPosition } {
  const results = new Results();
  const told = new Map<string, ExpectedDay>();
  for (const day of days) {
    const from = Date.parse(`${day}T00:00:00Z`);
    const until = from + DAY_MS;
    const before = { average: results.average, fifo: results.fifo };
    const sums = new Map<string, { trade: Decimal; fee: Decimal }>();
    let fills = 0;
    for (const fill of fillsOf(journal, from, until)) {
      fills += 1;
      results.add(fill);
      for (const { asset, trade, fee } of changesOf(fill)) {
        const had = sums.get(asset) ?? { trade: ZERO, fee: ZERO };
        sums.set(asset, { trade: had.trade.plus(trade), fee: had.fee.plus(fee) });
      }
    }
    const [opening, closing] = [balancesAt(journal, from), balancesAt(journal, until)];
    const lines = [...closing].map(([asset, amount]) => {
      const { trade, fee } = sums.get(asset) ?? { trade: ZERO, fee: ZERO };
      return [asset, { opening: opening.get(asset) ?? ZERO, trade, fee, closing: amount }] as const;
    });
    told.set(day, {
      ...{ lines: new Map(lines), fills },
      ...{ average: results.average.minus(before.average), fifo: results.fifo.minus(before.fifo) },
    });
  }
  return { days: told, position: results.position };
}

function* fillsOf(journal: readonly JournalLine[], from: number, until: number): Generator<FillEvent> {
  for (const { time, events } of journal) {
    if (time < from || time >= until) continue;
    for (const event of events) if (event.type === 'fill' && event.account === VENUE_ACCOUNT) yield event;
  }
}

/** What the venue had of each asset right before a moment. */
function balancesAt(journal: readonly JournalLine[], until: number): Map<string, Decimal> {
  const held = new Map<string, Decimal>(Object.entries(BALANCES).map(([asset, amount]) => [asset, decimal(amount)]));
  for (const { time, events } of journal) {
    if (time >= until) break;
    for (const event of events) {
      if (event.type === 'balance' && event.account === VENUE_ACCOUNT)
        held.set(event.asset, decimal(event.free).plus(decimal(event.locked)));
    }
  }
  return held;
}

function changesOf({ side, quantity, quote, commission, commissionAsset }: FillEvent) {
  const sign = side === 'BUY' ? 1 : -1;
  return [
    { asset: 'BTC', trade: decimal(quantity).mul(sign), fee: ZERO },
    { asset: 'USDT', trade: decimal(quote).mul(-sign), fee: ZERO },
    { asset: commissionAsset, trade: ZERO, fee: decimal(commission).negated() },
  ];
}

/** By average cost and first in, first out: what is bought costs what was paid, what is sold earns what came less its cost and fee. */
class Results {
  average = ZERO;
  fifo = ZERO;
  private held: Lot = { quantity: ZERO, cost: ZERO };
  private readonly lots: Lot[] = [];

  get position(): ExpectedPosition {
    return this.held;
  }

  add({ side, quantity, quote, commission, commissionAsset }: FillEvent): void {
    const fee = decimal(commission);
    const feeInQuote = commissionAsset === 'USDT' ? fee : ZERO;
    this.average = this.average.minus(feeInQuote);
    this.fifo = this.fifo.minus(feeInQuote);
    if (side === 'BUY') {
      const received = decimal(quantity).minus(commissionAsset === 'BTC' ? fee : ZERO);
      this.held = { quantity: this.held.quantity.plus(received), cost: this.held.cost.plus(decimal(quote)) };
      this.lots.push({ quantity: received, cost: decimal(quote) });
      return;
    }
    const sold = decimal(quantity);
    const share = this.held.cost.mul(sold).div(this.held.quantity);
    this.average = this.average.plus(decimal(quote)).minus(share);
    this.held = { quantity: this.held.quantity.minus(sold), cost: this.held.cost.minus(share) };
    this.fifo = this.fifo.plus(decimal(quote)).minus(this.takeFirst(sold));
  }

  private takeFirst(sold: Decimal): Decimal {
    let [left, cost] = [sold, ZERO];
    while (left.gt(0)) {
      const [lot] = this.lots;
      if (lot === undefined) throw new Error('the journal sells what it never bought');
      const taken = lot.quantity.lt(left) ? lot.quantity : left;
      const share = lot.cost.mul(taken).div(lot.quantity);
      cost = cost.plus(share);
      left = left.minus(taken);
      lot.quantity = lot.quantity.minus(taken);
      lot.cost = lot.cost.minus(share);
      if (lot.quantity.isZero()) this.lots.shift();
    }
    return cost;
  }
}
