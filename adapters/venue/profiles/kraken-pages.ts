import { rowOf, WireError, type Row } from '../wire-row.js';

/** How many rows the venue gives in one page of closed orders or trades, newest first. */
export const PAGE_SIZE = 50;

export type Params = Readonly<Record<string, string>>;
/** Asks for one page, and gives its result. */
export type Page = (params: Params) => Promise<Row>;

/** The page that begins behind so many entries, and whether the list ends with it. */
export async function onePage(
  page: Page,
  key: string,
  params: Params,
  behind: number,
): Promise<{ readonly entries: readonly (readonly [id: string, row: Row])[]; readonly isLast: boolean }> {
  const result = await page({ ...params, ofs: String(behind) });
  const entries = Object.entries(rowOf(result[key], `the list ${key}`)).map(([id, row]) => [id, rowOf(row, `an entry of ${key}`)] as const);
  const isShort = entries.length < PAGE_SIZE;
  const isLast = result['count'] === undefined ? isShort : behind + entries.length >= Number(result['count']);
  if (isShort && !isLast) throw new WireError(`the list ${key} ends before its count`);
  return { entries, isLast };
}
