import type { Latch } from './mode.js';

const MOST_NAMES = 30;

/** Says that no account has anything of what is named, and the names of which one has: it may be mistyped. */
export function nobodyHas({ scope, scopeValue, account }: Latch, known: readonly string[]): string {
  const what = [scope, scopeValue, account === undefined ? '' : `in ${account}`].filter((part) => part !== '').join(' ');
  const has = scope === 'strategy' || scope === 'instrument' ? 'trades or holds anything of' : 'is under';
  const more = known.length > MOST_NAMES ? ', …' : '';
  return `no account ${has} ${what}. Known: ${known.slice(0, MOST_NAMES).join(', ') || 'none'}${more}.`;
}

/** What a halt says that halts nothing: it must not be taken for one of what was meant. */
export function nothingHalted(latch: Latch, latchId: string, known: readonly string[]): string {
  return `NOTHING IS HALTED: ${nobodyHas(latch, known)} The latch stands (${latchId}), over what comes under it later.`;
}
