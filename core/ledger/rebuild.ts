import { amountOf, amountsOf, decimal, text, type Amounts, type DecimalText } from '../money/index.js';
import { bookOf, type BookedFill } from './booked-fill.js';
import { Sums, postingsOf, type AssetChange, type Posting } from './double-entry.js';
import { FLAT, applyFill, entriesOf, type PositionState } from './position.js';
import type { BookedMovement } from './statement.js';

/** Something stored that its entries do not explain. */
export interface Difference {
  readonly what:
    | ('fill' | 'movement' | 'entries' | 'balance' | 'inventory' | 'opening' | 'position' | 'positionSum' | 'order')
    /** Of the equity series: what was beside our ledger, a point, what follows from points, and the newest sample of the watch. */
    | ('outside' | 'equity' | 'performance' | 'watch');
  /** Which one, in words. */
  readonly of: string;
  readonly stored: string;
  readonly rebuilt: string;
}

/** An entry as it is stored. */
export type StoredPosting = Omit<Posting, 'delta' | 'kind'> & { readonly kind: string; readonly delta: DecimalText };

/** What is stored beside the entries, and must follow from them. */
export interface StoredLedger {
  readonly positions: readonly (Readonly<Record<keyof PositionState, DecimalText>> & {
    readonly strategy: string;
    readonly instrument: string;
  })[];
  /** By strategy and instrument: what fills add up to, as it is kept beside each position. */
  readonly positionSums: Amounts;
  /** By asset: what our own fills have changed. */
  readonly balances: Amounts;
  /** By asset: what movements have changed. */
  readonly moved: Amounts;
  /** By asset: what was there at the onboarding, as it is kept … */
  readonly opening: Amounts;
  /** … and as it was audited then; undefined where nothing was. */
  readonly auditedOpening: Amounts | undefined;
  /** Sums of all entries, by ledger account and asset: `venue USDT`. */
  readonly sums: Amounts;
  /** Orders that say they have executed something else than their fills sum up to. */
  readonly orders: readonly { readonly intentId: string; readonly stored: DecimalText; readonly rebuilt: DecimalText }[];
}

/** Recomputes an account from its fills and movements, in the order in which they were booked. Pure. */
export class Rebuild {
  readonly #found: Difference[] = [];
  readonly #positions = new Map<string, PositionState & Pick<BookedFill, 'account' | 'strategy' | 'instrument'>>();
  readonly #balances = new Sums();
  readonly #moved = new Sums();
  readonly #sums = new Sums();

  /** @param stands not taken back since, nor what takes another one back: of those only the entries count, which come to nothing. */
  addFill(fill: BookedFill, stored: readonly StoredPosting[], stands = true): void {
    const changes = entriesOf(fill);
    this.#expect('fill', `${fill.instrument} trade ${fill.venueTradeId} of order ${fill.venueOrderId}`, changes, stored);
    const sums = fill.origin === 'ours' ? this.#balances : this.#moved;
    for (const { asset, delta } of changes) sums.add(asset, delta);
    if (fill.intentId === null || !stands) return;
    const { account, strategy, instrument } = fill;
    const key = bookOf(fill);
    this.#positions.set(key, { ...applyFill(this.#positions.get(key) ?? FLAT, fill), account, strategy, instrument });
  }

  addMovement({ movementId, asset, amount, kind }: BookedMovement, stored: readonly StoredPosting[]): void {
    this.#expect('movement', movementId, [{ asset, delta: amount, kind }], stored);
    this.#moved.add(asset, amount);
  }

  /** What is held by each strategy, after all that was added. */
  get positions(): readonly (PositionState & Pick<BookedFill, 'strategy' | 'instrument'>)[] {
    return [...this.#positions.values()];
  }

  /** Everything that is stored otherwise than it follows; empty: nothing is. */
  differences(stored: StoredLedger): readonly Difference[] {
    const found = [...this.#found];
    const compare = (what: Difference['what'], kept: Amounts, sums: Sums): void => {
      found.push(...unequal(what, kept, amountsOf(sums.entries())));
    };
    compare('entries', stored.sums, this.#sums);
    compare('balance', stored.balances, this.#balances);
    compare('inventory', stored.moved, this.#moved);
    if (stored.auditedOpening !== undefined) found.push(...unequal('opening', stored.opening, stored.auditedOpening));
    found.push(...stored.orders.map(({ intentId, ...executed }) => ({ what: 'order' as const, of: intentId, ...executed })));
    found.push(...unequal('position', keptFigures(stored), figuresOf(this.positions)));
    const sums = this.positions.map(({ strategy, instrument, quantity }) => [`${strategy} ${instrument}`, quantity] as const);
    found.push(...unequal('positionSum', stored.positionSums, amountsOf(sums)));
    return found;
  }

  #expect(what: 'fill' | 'movement', of: string, changes: readonly AssetChange[], stored: readonly StoredPosting[]): void {
    const expected = postingsOf(changes);
    for (const { ledgerAccount, asset, delta } of expected) this.#sums.add(`${ledgerAccount} ${asset}`, delta);
    const [kept, rebuilt] = [linesOf(stored), linesOf(expected.map((one) => ({ ...one, delta: text(one.delta) })))];
    if (kept !== rebuilt) this.#found.push({ what, of, stored: kept || 'no entries', rebuilt });
  }
}

function keptFigures({ positions }: StoredLedger): Amounts {
  return figuresOf(
    positions.map(({ strategy, instrument, quantity, cost, realizedPnl }) => ({
      ...{ strategy, instrument, quantity: decimal(quantity), cost: decimal(cost), realizedPnl: decimal(realizedPnl) },
    })),
  );
}

function figuresOf(positions: readonly (PositionState & { readonly strategy: string | null; readonly instrument: string })[]): Amounts {
  return amountsOf(
    positions.flatMap(({ strategy, instrument, quantity, cost, realizedPnl }) => [
      [`${strategy} ${instrument} quantity`, quantity],
      [`${strategy} ${instrument} cost`, cost],
      [`${strategy} ${instrument} realizedPnl`, realizedPnl],
    ]),
  );
}

/** Absent and zero are the same. */
function unequal(what: Difference['what'], stored: Amounts, rebuilt: Amounts): readonly Difference[] {
  return [...new Set([...Object.keys(stored), ...Object.keys(rebuilt)])]
    .filter((key) => !amountOf(stored, key).eq(amountOf(rebuilt, key)))
    .sort()
    .map((key) => ({ what, of: key, stored: text(amountOf(stored, key)), rebuilt: text(amountOf(rebuilt, key)) }));
}

function linesOf(postings: readonly StoredPosting[]): string {
  return postings
    .map(({ ledgerAccount, asset, kind, delta }) => `${ledgerAccount} ${asset} ${kind} ${text(decimal(delta))}`)
    .sort()
    .join(', ');
}
