import type { Latch, LatchScope } from '../../core/control/mode.js';
import { RequestError } from '../http/problem.js';

export interface HaltTarget {
  readonly scope: LatchScope;
  readonly target?: string | undefined;
  readonly account?: string | undefined;
}

/**
 * What is to be halted. No name is refused: it may be right, and not here yet. Where nobody has anything of it the answer says so.
 * @throws RequestError
 */
export function haltScope({ scope, target = '', account }: HaltTarget): Latch {
  const wrong = (path: string, message: string): RequestError => new RequestError([{ path: `body.${path}`, message }]);
  const isPart = scope === 'strategy' || scope === 'instrument';
  if (scope === 'everything' && target !== '') throw wrong('target', 'is left out for everything');
  if (scope !== 'everything' && target === '') throw wrong('target', `expected which ${scope}`);
  if (!isPart && account !== undefined) throw wrong('account', 'goes with a strategy or an instrument; an account is a target');
  return { scope, scopeValue: target, ...(isPart && account !== undefined ? { account } : {}) };
}
