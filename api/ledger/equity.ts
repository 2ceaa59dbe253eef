import { EquityRebuild, type Newest, type StoredStretch } from '../../core/ledger/equity-rebuild.js';
import { Sums } from '../../core/ledger/double-entry.js';
import { entriesOf } from '../../core/ledger/position.js';
import { amountOf, amountsOf, type Amounts } from '../../core/money/index.js';
import type { Database } from '../read/database.js';
import { equityOutsides, equityStretches, type SeriesRow } from '../read/equity.js';
import { bookedFills, type PostedFill } from '../read/ledger.js';

/** What our ledger came to after each fill, as the watch has it: they are read once, one by one, each given to `each`. */
export class LedgerByFill {
  readonly #database: Database;
  readonly #account: string;
  readonly #lastBooking: number;
  readonly #each: (booked: PostedFill) => void;
  readonly #amounts = new Sums();
  #counted = 0;
  #ahead: PostedFill | undefined;
  #reading: AsyncGenerator<PostedFill> | undefined;
  #readTo = 0;

  /** @param opening what was there at the onboarding. @param lastBooking up to where they are read in any case. */
  constructor(database: Database, account: string, opening: Amounts, lastBooking: number, each: (booked: PostedFill) => void) {
    this.#database = database;
    this.#account = account;
    this.#lastBooking = lastBooking;
    this.#each = each;
    for (const asset of Object.keys(opening)) this.#amounts.add(asset, amountOf(opening, asset));
  }

  /** By asset; undefined where later fills are counted already. */
  async after(booking: number): Promise<Amounts | undefined> {
    for (let next = await this.#next(booking); next !== undefined && next.fill.booking <= booking; next = await this.#next(booking)) {
      this.#ahead = undefined;
      this.#counted = next.fill.booking;
      if (next.fill.origin === 'ours' && !next.isDecided)
        for (const { asset, delta } of entriesOf(next.fill)) this.#amounts.add(asset, delta);
      this.#each(next);
    }
    return this.#counted > booking ? undefined : amountsOf(this.#amounts.entries());
  }

  async #next(booking: number): Promise<PostedFill | undefined> {
    if (this.#ahead !== undefined) return this.#ahead;
    let got = await this.#reading?.next();
    if ((got === undefined || got.done === true) && booking > this.#readTo) {
      const from = this.#readTo;
      this.#readTo = Math.max(booking, this.#lastBooking);
      this.#reading = bookedFills(this.#database, this.#account, this.#readTo, from);
      got = await this.#reading.next();
    }
    this.#ahead = got === undefined || got.done === true ? undefined : got.value;
    return this.#ahead;
  }
}

export interface RecomputedEquity {
  readonly rebuild: EquityRebuild;
  /** As it is stored, of the same moment as the last stretch; undefined: the account is not watched. */
  readonly newest: (Newest & { readonly version: string }) | undefined;
}

/** The equity series from then on, reckoned anew. */
export async function recomputeEquity(database: Database, account: string, since: number, ledger: LedgerByFill): Promise<RecomputedEquity> {
  const rebuild = new EquityRebuild();
  let newest: RecomputedEquity['newest'];
  let outsides = 0;
  for await (const page of equityStretches(database, account, since)) {
    newest = page.newest ?? undefined;
    // Read after the stretches that name them.
    const beside = await equityOutsides(database, account);
    for (const row of page.rows) {
      const until = row.points?.opening.booking ?? 0;
      for (let next = beside[outsides]; next !== undefined && next.booking <= until; next = beside[outsides]) {
        rebuild.addOutside(next, await ledger.after(next.booking));
        outsides += 1;
      }
      if (isReckoned(row) && row.time >= since) rebuild.addStretch(row, await heldAt(row, ledger));
      else rebuild.begin(row.remembered, row.points?.closing.stored ?? row.closing, row.outsideId);
    }
  }
  return { rebuild, newest };
}

function isReckoned(row: SeriesRow): row is SeriesRow & StoredStretch {
  return row.points !== null;
}

/** Fills are counted one way only, so the points in the order of what they knew. */
async function heldAt({ points }: StoredStretch, ledger: LedgerByFill): Promise<Parameters<EquityRebuild['addStretch']>[1]> {
  const opening = await ledger.after(points.opening.booking);
  const isHighestFirst = points.highest.booking <= points.lowest.booking;
  const earlier = await ledger.after(points[isHighestFirst ? 'highest' : 'lowest'].booking);
  const later = await ledger.after(points[isHighestFirst ? 'lowest' : 'highest'].booking);
  const [highest, lowest] = isHighestFirst ? [earlier, later] : [later, earlier];
  return { opening, highest, lowest, closing: await ledger.after(points.closing.booking) };
}
