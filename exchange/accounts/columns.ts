const FIRST_ROWS = 256;

/** Rows of numbers that only grow, eight bytes a cell: what stays in memory of orders and fills that are long done. */
export class Columns {
  readonly #width: number;
  #cells: Float64Array;
  #rows = 0;

  constructor(width: number) {
    this.#width = width;
    this.#cells = new Float64Array(FIRST_ROWS * width);
  }

  get rows(): number {
    return this.#rows;
  }

  add(...cells: readonly number[]): number {
    const at = this.#rows * this.#width;
    if (at === this.#cells.length) {
      const larger = new Float64Array(2 * at);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    for (let column = 0; column < this.#width; column += 1) this.#cells[at + column] = cells[column] ?? 0;
    this.#rows += 1;
    return this.#rows - 1;
  }

  at(row: number, column: number): number {
    return this.#cells[row * this.#width + column] as number;
  }

  set(row: number, column: number, value: number): void {
    this.#cells[row * this.#width + column] = value;
  }
}

export interface RowQuery {
  readonly limit: number;
  /** From the beginning of what matches, instead of from its end. */
  readonly isFromStart: boolean;
  readonly matches: (row: number) => boolean;
}

/** Row numbers that match, in their order: the first of them or the last. */
export function rowsOf(columns: Columns, { limit, isFromStart, matches }: RowQuery): number[] {
  const found: number[] = [];
  if (isFromStart) {
    for (let row = 0; row < columns.rows && found.length < limit; row += 1) if (matches(row)) found.push(row);
    return found;
  }
  for (let row = columns.rows - 1; row >= 0 && found.length < limit; row -= 1) if (matches(row)) found.push(row);
  return found.reverse();
}
