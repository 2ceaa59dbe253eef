import { unitsOf, type Units } from '../amount/units.js';

/** What is wrong with an admin request; every problem at once. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
}

/** Reads the fields of a JSON object and remembers every problem; `done` throws them together. */
export class Body {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();
  readonly #problems: string[] = [];

  constructor(text: string) {
    let parsed: unknown;
    try {
      parsed = text === '' ? {} : JSON.parse(text);
    } catch {
      throw new BodyError('the body is not JSON');
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new BodyError('the body must be a JSON object');
    this.#fields = parsed as Record<string, unknown>;
  }

  text(name: string): string | undefined {
    return this.#field(name, 'text', (value): value is string => typeof value === 'string');
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') this.#problems.push(`${name}: is needed`);
    return value ?? '';
  }

  number(name: string, fallback: number, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const inRange = (value: unknown): value is number => typeof value === 'number' && value >= least && value <= most;
    return this.#field(name, `a number from ${least} to ${most}`, inRange) ?? fallback;
  }

  texts(name: string): string[] | undefined {
    const isList = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === 'string');
    return this.#field(name, 'a list of texts', isList);
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.text(name);
    const found = values.find((one) => one === value);
    if (found === undefined) this.#problems.push(`${name}: one of ${values.join(', ')}`);
    return found ?? (values[0] as T);
  }

  /** A decimal in text, perhaps negative. */
  amount(name: string): Units {
    const value = this.requiredText(name);
    return this.#units(name, value);
  }

  amounts(name: string): Map<string, Units> {
    const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
    const entries = Object.entries(this.#field(name, 'an object of amounts', isObject) ?? {});
    return new Map(entries.map(([asset, amount]) => [asset, this.#units(`${name}.${asset}`, String(amount))]));
  }

  /** All fields as text, for calls that take the wire's own parameters. */
  wireParams(...without: readonly string[]): Map<string, string> {
    const fields = Object.entries(this.#fields).filter(([name]) => !without.includes(name));
    for (const [name] of fields) this.#asked.add(name);
    return new Map(fields.map(([name, value]) => [name, String(value)]));
  }

  /** @throws BodyError when something was wrong or not known. */
  done(): void {
    for (const name of Object.keys(this.#fields)) if (!this.#asked.has(name)) this.#problems.push(`${name}: is not known here`);
    if (this.#problems.length > 0) throw new BodyError(this.#problems.join('; '));
  }

  #field<T>(name: string, what: string, is: (value: unknown) => value is T): T | undefined {
    this.#asked.add(name);
    const value = this.#fields[name];
    if (value === undefined || value === null) return undefined;
    if (is(value)) return value;
    this.#problems.push(`${name}: must be ${what}`);
    return undefined;
  }

  #units(name: string, text: string): Units {
    try {
      return unitsOf(text);
    } catch {
      this.#problems.push(`${name}: must be an amount in text with at most eight decimals`);
      return 0n;
    }
  }
}
