import type pg from 'pg';

/** Where a start of the system stands among the others. `unordered`: it has no name, and stands nowhere. */
export type StartPlace = 'newest' | 'older' | 'unordered';

/**
 * Puts a start of the system (`KEELSON_START`) behind all that have come before it, or finds it where it stands: a process that is left of an
 * older start is known as such, and people are told of it. The launcher does it before anything of it runs.
 */
export async function orderStart(
  database: pg.Pool | pg.Client,
  by: { readonly start: string | undefined; readonly build: string },
): Promise<StartPlace> {
  const { rows } = await database.query<{ answer: StartPlace }>('select order_start($1::jsonb) as answer', [JSON.stringify(by)]);
  return rows[0]?.answer ?? 'unordered';
}

/** Where a start stands now; nothing is changed and nobody is told. */
export async function placeOfStart(database: pg.Pool, start: string | undefined): Promise<StartPlace> {
  const { rows } = await database.query<{ answer: StartPlace }>('select start_place($1) as answer', [start ?? null]);
  return rows[0]?.answer ?? 'unordered';
}
