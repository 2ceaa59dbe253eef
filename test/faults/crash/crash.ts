import type { Point } from '../programs/point.js';
import type { RoleName } from './program.js';

/** One crash: where, in which role, while what is done. */
export interface Crash {
  readonly role: RoleName;
  /** `start`: while the program starts. `open`, `close`: from the moment that such a signal is given. */
  readonly phase: 'start' | 'open' | 'close';
  readonly when: Point['when'];
  readonly call: string;
  readonly fault?: Fault;
}

/**
 * What goes wrong besides, so that the call is come to. The venue does it to the role's first order; `unauthorised`: the
 * ledger does not take the signal's order.
 */
export type Fault = 'stallHeaders' | 'dropReply' | 'refuse' | 'unauthorised';

export const nameOf = ({ role, phase, when, call, fault }: Crash): string =>
  `${role}, ${phase}: ${when} ${call}${fault === undefined ? '' : `, ${fault}`}`;
