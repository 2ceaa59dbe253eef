const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'; // not-a-secret
const VALUES = new Map(DIGITS.split('').map((digit, value) => [digit, value]));

/** The numbers of one segment: base 64, five bits a digit, least first, the sign in the last bit. */
function numbers(segment) {
  const found = [];
  let shift = 0;
  let value = 0;
  for (const digit of segment) {
    const bits = VALUES.get(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits < 32) {
      found.push(value & 1 ? -(value >>> 1) : value >>> 1);
      value = 0;
      shift = 0;
    }
  }
  return found;
}

/**
 * Every mapping of a source map, in the order of the generated code. Lines count from 0.
 * @returns {Generator<{ line: number, column: number, source: number, sourceLine: number }>}
 */
export function* mappings(map) {
  let [source, sourceLine] = [0, 0];
  let line = 0;
  for (const text of map.mappings.split(';')) {
    let column = 0;
    for (const segment of text === '' ? [] : text.split(',')) {
      const [columnStep, sourceStep, lineStep] = numbers(segment);
      column += columnStep;
      if (sourceStep === undefined) continue;
      source += sourceStep;
      sourceLine += lineStep;
      yield { line, column, source, sourceLine };
    }
    line += 1;
  }
}
