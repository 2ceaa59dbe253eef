import type { Plain } from './spec.js';

/** Whether two values are the same, in whatever order a row of the database gives their names back. */
export function isSame(one: Plain, other: Plain): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  if (isList(one) || isList(other)) {
    return isList(one) && isList(other) && one.length === other.length && one.every((value, index) => isSame(value, other[index] ?? null));
  }
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => {
      const [value, theirs] = [one[name], other[name]];
      return value !== undefined && theirs !== undefined && isSame(value, theirs);
    })
  );
}

const isList = (value: Plain): value is readonly Plain[] => Array.isArray(value);
