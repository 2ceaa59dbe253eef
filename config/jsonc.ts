/** A syntax error in a JSON document with comments; `line` and `column` count from 1. */
export class JsoncSyntaxError extends Error {
  readonly line: number;
  readonly column: number;
  constructor(problem: string, text: string, offset: number) {
    const before = text.slice(0, offset).split('\n');
    super(problem);
    this.name = 'JsoncSyntaxError';
    this.line = before.length;
    this.column = (before.at(-1)?.length ?? 0) + 1;
  }
}

const TOKEN = /"(?:[^"\\\u0000-\u001f]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /(?:[ \t\r\n\ufeff]|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;
const DEEPEST = 64;

/**
 * Reads JSON that may hold line comments, block comments and one trailing comma in an object or list. A key that occurs twice is
 * refused: in a file of limits the one that silently loses could be the one that was meant.
 * @throws JsoncSyntaxError with line and column.
 */
export function parseJsonc(text: string): unknown {
  let at = 0;

  const fail = (problem: string, offset = at): never => {
    throw new JsoncSyntaxError(problem, text, offset);
  };
  const skip = (): string => {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)?.[0].length ?? 0;
    if (text.startsWith('/*', at)) fail('a comment that never ends');
    return text[at] ?? '';
  };
  const expect = (character: string): void => {
    const found = skip();
    if (found !== character) fail(`expected ${character}, found ${shown(found)}`);
    at += 1;
  };
  const scalar = (): unknown => {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return fail(`expected a value, found ${shown(text[at] ?? '')}`);
    const start = at;
    at += token.length;
    try {
      return JSON.parse(token) as unknown;
    } catch {
      return fail('a string with an unknown escape', start);
    }
  };
  /** The items between brackets, each read by `item`, with one trailing comma allowed. */
  const sequence = (open: string, close: string, item: () => void): void => {
    expect(open);
    while (skip() !== close) {
      item();
      if (skip() === ',') at += 1;
      else if (text[at] !== close) fail(`expected , or ${close}, found ${shown(text[at] ?? '')}`);
    }
    at += 1;
  };
  const value = (depth: number): unknown => {
    if (depth > DEEPEST) fail(`nested deeper than ${DEEPEST}`);
    const next = skip();
    if (next === '[') {
      const list: unknown[] = [];
      sequence('[', ']', () => void list.push(value(depth + 1)));
      return list;
    }
    if (next !== '{') return scalar();
    const entries = new Map<string, unknown>();
    sequence('{', '}', () => {
      const start = at;
      if (skip() !== '"') fail(`expected a key in double quotes, found ${shown(text[at] ?? '')}`);
      const key = scalar() as string;
      if (entries.has(key)) fail(`the key ${JSON.stringify(key)} occurs twice`, start);
      expect(':');
      entries.set(key, value(depth + 1));
    });
    return Object.fromEntries(entries);
  };

  const result = value(0);
  if (skip() !== '') fail(`expected the end, found ${shown(text[at] ?? '')}`);
  return result;
}

function shown(character: string): string {
  return character === '' ? 'the end of the file' : JSON.stringify(character);
}
