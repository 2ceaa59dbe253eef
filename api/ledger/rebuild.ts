import { KeelsonError } from '../../core/errors.js';
import { NOT_KNOWN } from '../../core/ledger/equity-rebuild.js';
import type { Difference } from '../../core/ledger/rebuild.js';
import { text } from '../../core/money/index.js';
import type { Caller } from '../auth/caller.js';
import { isTooSlow, type Database } from '../read/database.js';
import type { RecomputedEquity } from './equity.js';
import { recompute } from './verify.js';

export interface Rebuilt {
  readonly account: string;
  /** What was stored otherwise, and is now what follows. */
  readonly changed: readonly Difference[];
  /** Differences of a reconciliation that waited for just that; their incidents are closed. */
  readonly decided: readonly string[];
}

interface Answer {
  readonly result: 'rebuilt' | 'unknown' | 'person' | 'moved';
  readonly changed?: readonly Difference[];
  readonly decided?: readonly string[];
}

/** What everything else is derived from: where it contradicts itself nothing can be derived. */
const SOURCES: ReadonlySet<Difference['what']> = new Set(['fill', 'movement', 'entries']);
/** While an account trades something may be booked between reading and writing. */
const TRIES = 10;

/**
 * Writes what the ledger derives anew from its entries, under a person's own name and key. Entries themselves are never changed.
 *
 * @param database one whose statements may take long: what writes takes its locks only when everything is reckoned
 * @throws KeelsonError LEDGER_NOT_REBUILT
 */
export async function rebuildLedger(
  database: Database,
  { subject, keyId }: Caller,
  { account, reason, since = 0 }: { readonly account: string; readonly reason: string; readonly since?: number },
): Promise<Rebuilt> {
  const by = { account, reason, subject, underKey: keyId };
  let isRight = false;
  const { changed, decided } = await written(database, account, MOVED_LEDGER, async () => {
    const { differences, positions, lastBooking } = await recompute(database, account, since);
    assertSources(account, differences);
    isRight = differences.length === 0;
    const wanted = positions.map(({ strategy, instrument, quantity, cost, realizedPnl }) => ({
      ...{ strategy, instrument, quantity: text(quantity), cost: text(cost), realizedPnl: text(realizedPnl) },
    }));
    return ['rebuild_ledger', { ...by, lastBooking, positions: wanted }];
  });
  if (isRight && changed.length === 0) return { account, changed, decided };
  // A statement of its own, which is short: the one above may take longer than it is until the watch writes its next sample.
  const series = await written(database, account, MOVED_SERIES, async () => {
    const { differences, lastBooking, equity } = await recompute(database, account, since);
    const rebuilt = rebuiltEquity(equity, differences);
    return rebuilt === undefined ? undefined : ['rebuild_equity_series', { ...by, lastBooking, equity: rebuilt }];
  });
  return { account, changed: [...changed, ...series.changed], decided };
}

const MOVED_LEDGER = 'something was booked each time while it was reckoned: pause the account, and try again';
const MOVED_SERIES =
  'its positions and balances are written anew, and its equity series is not: a sample of the account watch or a fill came each time before it was written; try again, with fewer days';

type Asked = readonly [statement: 'rebuild_ledger' | 'rebuild_equity_series', of: object];

/** What is reckoned and written, again where something has come between the two. @param reckon undefined: there is nothing to be written */
async function written(
  database: Database,
  account: string,
  why: string,
  reckon: () => Promise<Asked | undefined>,
): Promise<Pick<Rebuilt, 'changed' | 'decided'>> {
  for (let count = 0; count < TRIES; count += 1) {
    const asked = await reckon();
    if (asked === undefined) return { changed: [], decided: [] };
    const { result, changed = [], decided = [] } = await write(database, account, asked);
    if (result === 'rebuilt') return { changed, decided };
    if (result === 'person')
      throw new KeelsonError('LEDGER_NOT_REBUILT', { account, why: 'a risk officer or admin does it, under a key that counts' });
    if (result === 'unknown') throw new KeelsonError('LEDGER_NOT_REBUILT', { account, why: 'there is no such account' });
  }
  throw new KeelsonError('LEDGER_NOT_REBUILT', { account, why });
}

/** @throws KeelsonError LEDGER_NOT_REBUILT where what everything is derived from contradicts itself */
function assertSources(account: string, differences: readonly Difference[]): void {
  const damaged = differences.find(({ what }) => SOURCES.has(what));
  if (damaged === undefined) return;
  const why = `its entries contradict themselves (${damaged.what} ${damaged.of}): go back to a copy of the database`;
  throw new KeelsonError('LEDGER_NOT_REBUILT', { account, why });
}

async function write(database: Database, account: string, [statement, asked]: Asked): Promise<Answer> {
  try {
    const { rows } = await database.query<{ answer: Answer }>(`select ${statement}($1::jsonb) as answer`, [JSON.stringify(asked)]);
    return rows[0]?.answer ?? { result: 'unknown' };
  } catch (error) {
    if (!isTooSlow(error)) throw error;
    const why =
      'the database took too long for it, and nothing of that was changed: pause the account, and try again when the database has less to do, with fewer days';
    throw new KeelsonError('LEDGER_NOT_REBUILT', { account, why }, { cause: error });
  }
}

const OF_EQUITY: ReadonlySet<Difference['what']> = new Set(['outside', 'equity', 'performance', 'watch']);

/** Undefined: nothing of it is stored otherwise, so that no sample has to be waited for. */
function rebuiltEquity({ rebuild, newest }: RecomputedEquity, differences: readonly Difference[]): object | undefined {
  const found = differences.filter(({ what, rebuilt }) => OF_EQUITY.has(what) && rebuilt !== NOT_KNOWN);
  if (found.length === 0) return undefined;
  return { found, version: newest?.version ?? '0', ...rebuild.changed, newest: rebuild.newest };
}
