import { parseUnits, type Units } from '../amount/units.js';
import { VenueError } from '../matching/venue-error.js';

const LEGAL_AMOUNT = '^([0-9]{1,20})(\\.[0-9]{1,20})?$';

/** The parameters of a call: query and form body together, each value as text. */
export class Params {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Empty is as good as absent, and refused where it was meant to be something. */
  optional(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === '') throw new VenueError(-1105, `Parameter '${name}' was empty.`);
    return value;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw missing(name);
    return value;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  entries(): Iterable<[string, string]> {
    return this.#values.entries();
  }

  units(name: string): Units | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    const units = parseUnits(value);
    if (units === 'malformed') {
      throw new VenueError(-1100, `Illegal characters found in parameter '${name}'; legal range is '${LEGAL_AMOUNT}'.`);
    }
    if (units === 'tooPrecise') throw new VenueError(-1111, `Parameter '${name}' has too much precision.`);
    return units;
  }

  integer(name: string): number | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,15}$/.test(value)) {
      throw new VenueError(-1100, `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`);
    }
    return Number(value);
  }

  /** 1 to `most`; larger wishes are cut down to it. */
  limit(fallback: number, most: number): number {
    const limit = this.integer('limit') ?? fallback;
    if (limit === 0) throw new VenueError(-1130, "Data sent for parameter 'limit' is not valid.");
    return Math.min(limit, most);
  }

  /** @throws VenueError with the given code when it is there and none of the values. */
  oneOf<T extends string>(name: string, values: readonly T[], code: number, message: string): T | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    const found = values.find((one) => one === value);
    if (found === undefined) throw new VenueError(code, message);
    return found;
  }
}

export function missing(name: string): VenueError {
  return new VenueError(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
}

/** Reads `a=1&b=2` into the map; a repeated name is an error. */
export function readForm(text: string, into: Map<string, string>): void {
  if (text === '') return;
  for (const pair of text.split('&')) {
    const at = pair.indexOf('=');
    const name = decoded(at < 0 ? pair : pair.slice(0, at));
    if (name === '') continue;
    if (into.has(name)) throw new VenueError(-1101, `Duplicate values for parameter '${name}' detected.`);
    into.set(name, at < 0 ? '' : decoded(pair.slice(at + 1)));
  }
}

function decoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new VenueError(-1100, 'Illegal characters found in a parameter.');
  }
}
