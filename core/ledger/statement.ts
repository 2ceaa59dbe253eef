import { ZERO, type Decimal } from '../money/index.js';
import type { Day } from './day.js';
import { Sums, type EntryKind } from './double-entry.js';
import { entriesOf } from './position.js';
import { Books, byStrategy, type StrategyResult, type ValuedFill } from './results.js';

/** A movement as one account sees it: of a transfer, its own side. */
export interface BookedMovement {
  readonly movementId: string;
  readonly kind: Exclude<EntryKind, 'trade' | 'fee'>;
  readonly asset: string;
  readonly amount: Decimal;
  readonly eventTime: number;
}

/** One asset over a day: what was there, what came and went and why, what is there. */
export interface StatementLine extends Readonly<Record<EntryKind, Decimal>> {
  readonly asset: string;
  readonly opening: Decimal;
  readonly closing: Decimal;
}

export interface Statement {
  readonly day: Day;
  readonly lines: readonly StatementLine[];
  /** What each strategy realized on that day, by both methods, after all fees. */
  readonly results: readonly StrategyResult[];
}

const KINDS: readonly EntryKind[] = ['trade', 'fee', 'deposit', 'withdrawal', 'transfer', 'correction', 'rounding'];

/**
 * The statement of a day, made from everything that happened until its end, by the venue's time. What is told later and happened
 * on that day changes its statement: it is derived, not kept. Pure.
 */
export class StatementOfDay {
  readonly #opening = new Sums();
  readonly #changes = new Map<EntryKind, Sums>(KINDS.map((kind) => [kind, new Sums()]));
  readonly #books = new Books();
  #before: readonly StrategyResult[] | undefined;
  readonly #day: Day;

  /** @param opening what the account held when it was onboarded */
  constructor(day: Day, opening: Readonly<Record<string, Decimal>>) {
    this.#day = day;
    for (const [asset, quantity] of Object.entries(opening)) this.#opening.add(asset, quantity);
  }

  /** Fills come in the order of the venue's time. */
  addFill(fill: ValuedFill): void {
    if (fill.eventTime >= this.#day.until) return;
    if (fill.eventTime >= this.#day.from) this.#before ??= byStrategy(this.#books.all());
    for (const { asset, delta, kind } of entriesOf(fill)) this.#add(fill.eventTime, asset, delta, kind);
    this.#books.add(fill);
  }

  addMovement({ eventTime, asset, amount, kind }: BookedMovement): void {
    if (eventTime < this.#day.until) this.#add(eventTime, asset, amount, kind);
  }

  result(): Statement {
    const assets = new Set([this.#opening, ...this.#changes.values()].flatMap((sums) => sums.entries().map(([asset]) => asset)));
    return {
      day: this.#day,
      lines: [...assets].sort().map((asset) => this.#lineOf(asset)),
      results: this.#before === undefined ? [] : differenceOf(byStrategy(this.#books.all()), this.#before),
    };
  }

  #add(time: number, asset: string, delta: Decimal, kind: EntryKind): void {
    const sums = time < this.#day.from ? this.#opening : this.#changes.get(kind);
    sums?.add(asset, delta);
  }

  #lineOf(asset: string): StatementLine {
    const of = (kind: EntryKind): Decimal => this.#changes.get(kind)?.of(asset) ?? ZERO;
    const opening = this.#opening.of(asset);
    return {
      asset,
      opening,
      ...{ trade: of('trade'), fee: of('fee'), deposit: of('deposit') },
      ...{ withdrawal: of('withdrawal'), transfer: of('transfer'), correction: of('correction'), rounding: of('rounding') },
      closing: KINDS.reduce((sum, kind) => sum.plus(of(kind)), opening),
    };
  }
}

/** Strategies that did something on the day. */
function differenceOf(after: readonly StrategyResult[], before: readonly StrategyResult[]): readonly StrategyResult[] {
  return after
    .map((now) => {
      const was = before.find((one) => one.account === now.account && one.strategy === now.strategy && one.quote === now.quote);
      if (was === undefined) return now;
      return {
        ...now,
        realizedAverage: now.realizedAverage?.minus(was.realizedAverage ?? ZERO),
        realizedFifo: now.realizedFifo?.minus(was.realizedFifo ?? ZERO),
        fees: now.fees.minus(was.fees),
        unvaluedFees: now.unvaluedFees - was.unvaluedFees,
        fills: now.fills - was.fills,
        foreignFills: now.foreignFills - was.foreignFills,
      };
    })
    .filter(({ fills }) => fills > 0);
}
