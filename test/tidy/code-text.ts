/** Where a slash begins a regular expression rather than a division: after these, or after `return`. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+~>]|\breturn|\bcase)\s*$/;

interface Piece {
  readonly end: number;
  /** What stands in the result in place of the piece. */
  readonly shown: string;
}

/** A run of characters with no meaning for this reader: copied at once. */
const PLAIN = /[^'"`/{}]+/y;

const blanks = (text: string): string => text.replace(/[^\n]/g, ' ');

function quoted(source: string, start: number): number {
  const quote = source[start];
  let at = start + 1;
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}

function regex(source: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
    if (source[at] === '[') inClass = true;
    if (source[at] === ']') inClass = false;
    at += source[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}

/** A template literal: its text becomes blanks, the code of its `${…}` stays. */
function template(source: string, start: number): Piece {
  let at = start + 1;
  let shown = ' ';
  while (at < source.length && source[at] !== '`') {
    if (source.startsWith('${', at)) {
      const inner = code(source, at + 2, true);
      shown += `  ${inner.shown} `;
      at = inner.end + 1;
    } else {
      const step = source[at] === '\\' ? 2 : 1;
      shown += blanks(source.slice(at, at + step));
      at += step;
    }
  }
  return { end: at + 1, shown: `${shown} ` };
}

function code(source: string, start: number, untilBrace: boolean): Piece {
  let at = start;
  let depth = 0;
  let shown = '';
  const skipTo = (end: number): void => {
    shown += blanks(source.slice(at, end));
    at = end;
  };
  const endOf = (text: string): number => {
    const found = source.indexOf(text, at + 2);
    return found < 0 ? source.length : found;
  };
  while (at < source.length) {
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(source)?.[0] ?? '';
    shown += plain;
    at += plain.length;
    const character = source[at] ?? '';
    if (source.startsWith('//', at)) skipTo(endOf('\n'));
    else if (source.startsWith('/*', at)) skipTo(endOf('*/') + 2);
    else if (character === "'" || character === '"') skipTo(quoted(source, at));
    else if (character === '`') {
      const piece = template(source, at);
      shown += piece.shown;
      at = piece.end;
    } else if (character === '/' && BEFORE_REGEX.test(shown.slice(-40))) skipTo(regex(source, at));
    else {
      if (character === '{') depth += 1;
      if (character === '}' && untilBrace && depth === 0) break;
      if (character === '}') depth -= 1;
      shown += character;
      at += 1;
    }
  }
  return { end: at, shown };
}

/** The source with comments, strings and regular expressions blanked: what is left are identifiers and signs, line by line. */
export const codeOnly = (source: string): string => code(source, 0, false).shown;

/** The source without its comments; strings stay. Only for looking for import statements, which begin a line. */
export const withoutComments = (source: string): string => source.replace(/\/\*[^]*?\*\//g, blanks).replace(/(^|\s)\/\/[^\n]*/g, blanks);
