/** Of many things of which only some can be asked for at a time: each gets its turn. */
export interface Turns {
  /** Those first that were asked for least. */
  inTurn<Item>(items: readonly Item[], nameOf: (item: Item) => string): readonly Item[];
  took(name: string): void;
  readonly after: ReadonlyMap<string, number>;
}

/** @param before how often each was asked for, by its name: what `after` said the time before. */
export function takeTurns(before: ReadonlyMap<string, number> = new Map()): Turns {
  const after = new Map<string, number>();
  const countOf = (name: string): number => before.get(name) ?? 0;
  return {
    inTurn: (items, nameOf) => {
      for (const item of items) after.set(nameOf(item), countOf(nameOf(item)));
      return items.toSorted((one, other) => countOf(nameOf(one)) - countOf(nameOf(other)));
    },
    took: (name) => void after.set(name, countOf(name) + 1),
    after,
  };
}
