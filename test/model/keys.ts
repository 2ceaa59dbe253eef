/**
 * Short keys of worlds. A world is a handful of parts, most of which a step leaves as they were: each distinct part gets a
 * number, and a key is the row of its numbers.
 */
export class PartNumbers {
  private readonly byText = new Map<string, number>();
  private readonly byPart = new WeakMap<object, number>();

  of(part: object): number {
    const known = this.byPart.get(part);
    if (known !== undefined) return known;
    const text = JSON.stringify(part);
    const number = this.byText.get(text) ?? this.byText.size;
    this.byText.set(text, number);
    this.byPart.set(part, number);
    return number;
  }
}

/** Sixteen bits a character; there are never more distinct parts than two of them can tell. */
export function keyOf(numbers: readonly number[]): string {
  let key = '';
  for (const number of numbers) key += String.fromCharCode(number & 0xffff, number >>> 16);
  return key;
}
