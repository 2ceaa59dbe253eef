/** What a cell may hold. */
export type Cell = string | number | null;

/** A number stays a number, also below zero. */
const NUMBER = /^-?\d+(\.\d+)?$/;
/** What a spreadsheet would take for a formula, or a control character before one. */
const FORMULA = /^[\s\u0000-\u001f]*[=+\-@＝＋－＠]/u;

/**
 * Rows as a table in the form of RFC 4180. Texts in it come from venues and people: one that a spreadsheet would run as a formula
 * is put behind an apostrophe, so that it is shown.
 */
export function csvOf(columns: readonly string[], rows: readonly Readonly<Record<string, Cell>>[]): string {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => `${line.map(cellOf).join(',')}\r\n`).join('');
}

function cellOf(value: Cell | undefined): string {
  const text = String(value ?? '');
  const harmless = !NUMBER.test(text) && FORMULA.test(text) ? `'${text}` : text;
  return /[",;\r\n\t]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
