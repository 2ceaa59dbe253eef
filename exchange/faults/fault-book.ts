import { uniform } from '../random/seeded.js';
import { FAULTS, matches, type FaultRule, type Stage, type Target } from './rule.js';

interface Entry {
  readonly rule: FaultRule;
  matched: number;
  struck: number;
}

/** A rule as the admin port shows it. */
export interface FaultStatus extends FaultRule {
  readonly matched: number;
  readonly struck: number;
}

/** The rules in force. Which strike is decided by the rules, the order of the calls and the seeds: nothing else. */
export class FaultBook {
  readonly #entries = new Map<number, Entry>();
  #nextId = 1;

  add(rule: Omit<FaultRule, 'id'>): FaultRule {
    const added = { ...rule, id: this.#nextId };
    this.#nextId += 1;
    this.#entries.set(added.id, { rule: added, matched: 0, struck: 0 });
    return added;
  }

  remove(id: number): boolean {
    return this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  list(): FaultStatus[] {
    return [...this.#entries.values()].map(({ rule, matched, struck }) => ({ ...rule, matched, struck }));
  }

  /** The first rule of the stage that strikes this target now; it has then struck once more. */
  take(stage: Stage, target: Target, now: number): FaultRule | undefined {
    for (const entry of this.#entries.values()) {
      const { rule } = entry;
      if (FAULTS[rule.fault] !== stage || !matches(rule, target)) continue;
      if (rule.until !== undefined && now > rule.until) continue;
      if (rule.times > 0 && entry.struck >= rule.times) continue;
      entry.matched += 1;
      if (entry.matched <= rule.after || uniform(rule.seed, entry.matched) >= rule.probability) continue;
      entry.struck += 1;
      return rule;
    }
    return undefined;
  }

  /** A reply fault whose call was refused did not strike after all. */
  giveBack({ id }: FaultRule): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.struck -= 1;
  }
}
