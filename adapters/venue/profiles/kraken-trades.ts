import { WireError, type Row } from '../wire-row.js';
import { onePage, PAGE_SIZE, type Page } from './kraken-pages.js';

/** Reading so many pages takes so long that what has come meanwhile is asked for once more, and that the list is kept for a while. */
const LONG_PAGES = 8;
/** Lists that begin within so many seconds of each other are one: the minute's look does not wait for the day's. */
const SAME_LIST_S = 3_600;
/** Lists of one reader at a time; the one that was begun first goes. */
const MOST_LISTS = 3;
/** How long what was read is kept for the next try of whoever could not wait for it. */
const KEPT_MS = 5 * 60_000;

/** A list of trades since a time, the newest first, as far as it was read: from the front without a hole. */
interface TradeList {
  /** Epoch seconds, exclusive. */
  readonly start: number;
  rows: Map<string, Row>;
  /** Read to its end. */
  isWhole: boolean;
  /** Who comes while it is read waits for that. */
  reading: Promise<void> | undefined;
  /** Epoch ms of the last page that made it longer at its back. What comes in front makes it no younger: a trade may be seen late (P16). */
  grewAt: number;
}

/** By reader, in the order in which they were begun. */
const lists = new WeakMap<object, TradeList[]>();

/**
 * All trades since a time, however many there were: everything has to be seen (P16), and a list that ended at so many would from then on end
 * there for ever, since what could not be read is asked for again. A page takes the venue's limiter six seconds, and thousands of trades take longer than whoever asks may wait: what is
 * read goes on without him, and is kept, also where a page fails, so that his next try goes on where it stands instead of beginning anew.
 *
 * @param reader whose lists these are
 * @param start epoch seconds, exclusive
 */
export async function tradesSince(reader: object, page: Page, start: number): Promise<ReadonlyMap<string, Row>> {
  const list = listOf(reader, start);
  const wasBegun = list.reading !== undefined;
  await readOn(list, page);
  // What came since the first page was read is at the front.
  if (wasBegun) await readOn(list, page);
  if (list.rows.size < LONG_PAGES * PAGE_SIZE) drop(reader, list);
  return list.rows;
}

function listOf(reader: object, start: number): TradeList {
  const now = Date.now();
  const kept = (lists.get(reader) ?? []).filter((one) => one.reading !== undefined || now - one.grewAt < KEPT_MS);
  let list = kept.find((one) => one.start <= start && start - one.start < SAME_LIST_S);
  if (list === undefined) {
    list = { start, rows: new Map(), isWhole: false, reading: undefined, grewAt: now };
    kept.push(list);
    if (kept.length > MOST_LISTS) kept.shift();
  }
  lists.set(reader, kept);
  return list;
}

function drop(reader: object, list: TradeList): void {
  const others = (lists.get(reader) ?? []).filter((one) => one !== list);
  lists.set(reader, others);
}

async function readOn(list: TradeList, page: Page): Promise<void> {
  list.reading ??= (async () => {
    try {
      if (list.rows.size > 0) await readFront(list, page);
      const had = list.rows.size;
      while (!list.isWhole) await readBack(list, page);
      if (list.rows.size - had >= LONG_PAGES * PAGE_SIZE) await readFront(list, page);
    } finally {
      list.reading = undefined;
    }
  })();
  await list.reading;
}

/** What has come since, until one is met that is known: what follows that is known, too. Kept only when the two meet. */
async function readFront(list: TradeList, page: Page): Promise<void> {
  const front = new Map<string, Row>();
  for (;;) {
    const { entries, isLast } = await nextPage(list, page, front.size);
    for (const [id, row] of entries) front.set(id, row);
    if (isLast || entries.some(([id]) => list.rows.has(id))) break;
  }
  list.rows = new Map([...front, ...list.rows]);
}

/** The page behind what was read. What has come in front meanwhile has moved it: then some of it is seen twice, and none is missed. */
async function readBack(list: TradeList, page: Page): Promise<void> {
  const { entries, isLast } = await nextPage(list, page, list.rows.size);
  const had = list.rows.size;
  for (const [id, row] of entries) list.rows.set(id, row);
  list.isWhole = isLast;
  list.grewAt = Date.now();
  // A page of known ones only: the rest of what has moved it is at the front.
  if (isLast || list.rows.size > had) return;
  await readFront(list, page);
  if (list.rows.size === had) throw new WireError(`the list trades shows nothing behind ${had}, and says that there is more`);
}

function nextPage(list: TradeList, page: Page, behind: number): ReturnType<typeof onePage> {
  return onePage(page, 'trades', { start: String(list.start) }, behind);
}
