/** What an account may do (design, section 4). `killed` is never set: a standing latch makes it. */
export type Mode = 'normal' | 'observation' | 'reduceOnly' | 'paused';
export type EffectiveMode = Mode | 'killed';

export type LatchScope = 'strategy' | 'instrument' | 'venue' | 'account' | 'everything';

/** A standing halt. For strategy and instrument scope `account` says whose. */
export interface Latch {
  readonly scope: LatchScope;
  readonly scopeValue: string;
  readonly account?: string;
}

/** What becomes of what is held under a latch: it stays with its stops, or leaves at once. */
export type FlattenPolicy = 'none' | 'atOnce';

export interface LatchTarget {
  readonly account: string;
  readonly venue: string;
  readonly strategy: string;
  readonly instrument: string;
}

/** True when the latch stands over the target. */
export function isInScope(latch: Latch, target: LatchTarget): boolean {
  switch (latch.scope) {
    case 'everything':
      return true;
    case 'venue':
      return latch.scopeValue === target.venue;
    case 'account':
      return latch.scopeValue === target.account;
    case 'strategy':
      return latch.scopeValue === target.strategy && isSameAccount(latch, target);
    case 'instrument':
      return latch.scopeValue === target.instrument && isSameAccount(latch, target);
  }
}

/** The strictest of the account's mode and every latch in scope. */
export function effectiveMode(mode: Mode, latches: readonly Latch[], target: LatchTarget): EffectiveMode {
  return latches.some((latch) => isInScope(latch, target)) ? 'killed' : mode;
}

/** From the loosest to the strictest; the database has the same order (`mode_strictness`), a test compares them. */
export const MODES_BY_STRICTNESS = ['normal', 'observation', 'reduceOnly', 'paused'] as const satisfies readonly Mode[];

/** Whether an account may do more in one mode than in another. */
export function loosens(from: EffectiveMode, to: Mode): boolean {
  return from !== 'killed' && MODES_BY_STRICTNESS.indexOf(to) < MODES_BY_STRICTNESS.indexOf(from);
}

/** Entries leave only in `normal`; in `observation` they are recorded and not sent. */
export function allowsEntries(mode: EffectiveMode): boolean {
  return mode === 'normal';
}

/** Exits of strategies; in `paused` a person sends them, under a latch only the kill does. */
export function allowsStrategyExits(mode: EffectiveMode): boolean {
  return mode === 'normal' || mode === 'observation' || mode === 'reduceOnly';
}

function isSameAccount(latch: Latch, target: LatchTarget): boolean {
  return latch.account === undefined || latch.account === target.account;
}
