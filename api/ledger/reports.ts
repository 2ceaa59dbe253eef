import { tradedBy } from '../../core/ledger/booked-fill.js';
import { RoundTrips, type ClosedPosition } from '../../core/ledger/closed-position.js';
import type { Day } from '../../core/ledger/day.js';
import { feeValueOf } from '../../core/ledger/fee-value.js';
import { worthOf } from '../../core/ledger/position.js';
import { Books, byStrategy, isByHand, profitOf, type StrategyResult, type ValuedFill } from '../../core/ledger/results.js';
import { StatementOfDay } from '../../core/ledger/statement.js';
import { ZERO, decimal, text, type Decimal } from '../../core/money/index.js';
import type { Database } from '../read/database.js';
import { readEquityPoints } from '../read/equity.js';
import { fillsUntil, marksAt } from '../read/ledger.js';
import { readStatementBasis } from '../read/statement-basis.js';
import { readSteps } from '../read/instruments.js';
import type { FeesReport, FillsReport, PnlReport, PositionsReport, StatementReport } from './schemas.js';

/** Whose report, and of which day. */
export interface Asked {
  readonly account: string;
  readonly day: Day;
  /** Epoch ms. */
  readonly now: number;
}

interface WhichDay extends Day {
  readonly account: string;
  readonly isOver: boolean;
}

export const whichDay = ({ account, day, now }: Asked): WhichDay => ({ account, ...day, isOver: day.until <= now });

export async function statementOf(database: Database, asked: Asked): Promise<StatementReport> {
  const { account, day } = asked;
  const basis = await readStatementBasis(database, account, day.until);
  const { onboardedTime } = basis;
  // What it held then was there then; what it had held on a day before nobody has seen.
  const isBefore = onboardedTime !== null && day.until <= onboardedTime;
  const opening = Object.entries(isBefore ? {} : basis.opening).map(([asset, quantity]) => [asset, decimal(quantity)] as const);
  const statement = new StatementOfDay(day, Object.fromEntries(opening));
  for await (const fill of fillsUntil(database, account, day.until)) statement.addFill(fill);
  for (const movement of basis.movements) statement.addMovement(movement);
  const { lines, results } = statement.result();
  const [equity] = await readEquityPoints(database, account, day, day.until - day.from);
  return {
    ...whichDay(asked),
    onboardedTime,
    lines: lines.map(({ asset, opening: first, trade, fee, deposit, withdrawal, transfer, correction, rounding, closing }) => ({
      ...{ asset, opening: text(first), trade: text(trade), fee: text(fee), deposit: text(deposit) },
      ...{ withdrawal: text(withdrawal), transfer: text(transfer), correction: text(correction), rounding: text(rounding) },
      closing: text(closing),
    })),
    results: results.map(resultRow),
    equity: equity ?? null,
  };
}

export async function fillsOf(database: Database, asked: Asked): Promise<FillsReport> {
  const fills: FillsReport['fills'] = [];
  for await (const fill of fillsOfDay(database, asked)) {
    const { eventTime, strategy, instrument, side, feeAsset, liquiditySide, venueTradeId, venueOrderId, intentId } = fill;
    fills.push({
      ...{ eventTime, strategy, origin: tradedBy(fill), instrument, side, quantity: text(fill.quantity), price: text(fill.price) },
      ...{
        notional: text(worthOf(fill)),
        fee: text(fill.fee),
        feeAsset,
        feeValue: textOrNull(feeValueOf(fill, fill.feePrice)),
      },
      ...{ liquiditySide, venueTradeId, venueOrderId, intentId },
    });
  }
  return { ...whichDay(asked), fills };
}

export async function feesOf(database: Database, asked: Asked): Promise<FeesReport> {
  const sums = new Map<string, { first: ValuedFill; fee: Decimal; value: Decimal; unvaluedFees: number; fills: number }>();
  for await (const fill of fillsOfDay(database, asked)) {
    if (fill.fee.isZero()) continue;
    const key = JSON.stringify([fill.strategy, fill.instrument, fill.feeAsset]);
    const had = sums.get(key) ?? { first: fill, fee: ZERO, value: ZERO, unvaluedFees: 0, fills: 0 };
    const value = feeValueOf(fill, fill.feePrice);
    sums.set(key, {
      ...{ first: had.first, fee: had.fee.plus(fill.fee), value: had.value.plus(value ?? ZERO), fills: had.fills + 1 },
      unvaluedFees: had.unvaluedFees + (value === undefined ? 1 : 0),
    });
  }
  const fees = [...sums.values()].map(({ first: { strategy, instrument, feeAsset, quote }, fee, value, unvaluedFees, fills }) => ({
    ...{ strategy, instrument, feeAsset, fee: text(fee), quote, value: text(value), unvaluedFees, fills },
  }));
  return { ...whichDay(asked), fees };
}

export async function pnlOf(database: Database, asked: Asked): Promise<PnlReport> {
  const { account, day } = asked;
  const steps = await readSteps(database, account);
  const trips = new RoundTrips((instrument) => steps.get(instrument) ?? ZERO);
  const statement = new StatementOfDay(day, {});
  const books = new Books();
  const closed: ClosedPosition[] = [];
  for await (const fill of fillsUntil(database, account, day.until)) {
    statement.addFill(fill);
    books.add(fill);
    const trip = trips.add(fill);
    if (trip !== undefined && trip.closedTime >= day.from) closed.push(trip);
  }
  return {
    ...whichDay(asked),
    results: statement.result().results.map(resultRow),
    total: byStrategy(books.all()).map(resultRow),
    closed: closed.map(closedRow),
  };
}

/** What was held at the end of the day, or is held now, by both methods; of what was traded by hand, how much was bought and sold until then. */
export async function positionsOf(database: Database, asked: Asked): Promise<PositionsReport> {
  const { account, day, now } = asked;
  const books = new Books();
  for await (const fill of fillsUntil(database, account, day.until)) books.add(fill);
  const held = books.all().filter((book) => isByHand(book) || !book.average.quantity.isZero());
  const instruments = [...new Set(held.map(({ instrument }) => instrument))];
  const marks = await marksAt(database, account, instruments, Math.min(now, day.until - 1));
  const positions = held.flatMap((book): PositionsReport['positions'] => {
    const mark = marks.get(book.instrument);
    const { strategy, instrument, average } = book;
    const traded = { bought: text(book.bought), sold: text(book.sold) };
    if (isByHand(book)) {
      const unknown = { quantity: null, method: null, averagePrice: null, unrealizedPnl: null, realizedPnl: null };
      return [{ strategy, instrument, ...traded, ...unknown, mark: mark ?? null }];
    }
    return profitOf(book, mark === undefined ? undefined : decimal(mark)).map(({ method, averagePrice, unrealizedPnl, realizedPnl }) => ({
      ...{
        strategy,
        instrument,
        ...traded,
        quantity: text(average.quantity),
        method,
        averagePrice: textOrNull(averagePrice),
        mark: mark ?? null,
      },
      ...{ unrealizedPnl: textOrNull(unrealizedPnl), realizedPnl: text(realizedPnl) },
    }));
  });
  return { ...whichDay(asked), positions };
}

function fillsOfDay(database: Database, { account, day }: Asked): AsyncGenerator<ValuedFill> {
  return fillsUntil(database, account, day.until, day.from);
}

function closedRow(trip: ClosedPosition): PnlReport['closed'][0] {
  const { strategy, strategyVersion, instrument, openedTime, closedTime, fills } = trip;
  return {
    ...{ strategy, strategyVersion, instrument, openedTime, closedTime, fills },
    ...{ bought: text(trip.bought), sold: text(trip.sold), entryPrice: text(trip.entryPrice), exitPrice: text(trip.exitPrice) },
    ...{ realizedAverage: text(trip.realizedAverage), realizedFifo: text(trip.realizedFifo), fees: text(trip.fees) },
  };
}

function resultRow({ strategy, quote, realizedAverage, realizedFifo, fees, ...counts }: StrategyResult): PnlReport['results'][0] {
  const realized = { realizedAverage: textOrNull(realizedAverage), realizedFifo: textOrNull(realizedFifo) };
  const { unvaluedFees, fills, foreignFills } = counts;
  return { strategy, quote, ...realized, fees: text(fees), unvaluedFees, fills, foreignFills };
}

function textOrNull(value: Decimal | undefined): string | null {
  return value === undefined ? null : text(value);
}
