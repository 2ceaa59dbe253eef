import { unreadable } from './unreadable.js';

/** One event as it is written, by the names of its columns or keys. */
export type Row = Readonly<Record<string, unknown>>;

/** The rows of a JSON list of objects, alone or under `events`, or of CSV with a line of names. @throws KeelsonError DATA_CALENDAR */
export function parseRows(text: string): readonly Row[] {
  const content = text.replace(/^\uFEFF/, '').trim();
  if (content === '') throw unreadable('it is empty');
  return content.startsWith('[') || content.startsWith('{') ? ofJson(content) : ofCsv(content);
}

function ofJson(content: string): readonly Row[] {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw unreadable('it is no JSON');
  }
  const list = isRow(value) ? value['events'] : value;
  if (!Array.isArray(list) || !list.every(isRow)) throw unreadable('expected a list of events, alone or under "events"');
  return list;
}

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

function ofCsv(content: string): readonly Row[] {
  const [names = [], ...lines] = linesOf(content);
  const columns = names.map((name) => name.trim().toLowerCase());
  if (!columns.includes('time') || !columns.includes('title')) throw unreadable('expected a first line with the columns time and title');
  return lines.map((cells, index) => {
    if (cells.length !== columns.length) throw unreadable(`event ${index + 1}: expected ${columns.length} columns, found ${cells.length}`);
    return Object.fromEntries(columns.map((column, position) => [column, cells[position] ?? '']));
  });
}

/** Cells by line, as RFC 4180 has them: quotes around what holds a comma, a quote or a line break. Empty lines are none. */
function linesOf(content: string): readonly (readonly string[])[] {
  const lines: string[][] = [];
  let cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  const endCell = (): void => {
    cells.push(cell);
    cell = '';
  };
  const endLine = (): void => {
    endCell();
    if (cells.length > 1 || cells[0]?.trim() !== '') lines.push(cells);
    cells = [];
  };
  for (let at = 0; at < content.length; at += 1) {
    const sign = content.charAt(at);
    if (isQuoted) {
      if (sign !== '"') cell += sign;
      else if (content.charAt(at + 1) === '"') [cell, at] = [`${cell}"`, at + 1];
      else isQuoted = false;
    } else if (sign === '"' && cell.trim() === '') [cell, isQuoted] = ['', true];
    else if (sign === ',') endCell();
    else if (sign === '\n') endLine();
    else if (sign !== '\r') cell += sign;
  }
  if (isQuoted) throw unreadable('a quote is not closed');
  endLine();
  return lines;
}
