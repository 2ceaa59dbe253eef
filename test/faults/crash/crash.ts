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
 * ledger does not take the signal's order; `stopCanceled`, `stopFilled`: while no program of the role runs, another hand does that to
 * the stop, and the next one finds it when it starts.
 */
export type Fault = 'stallHeaders' | 'dropReply' | 'refuse' | 'unauthorised' | Absence;
export type Absence = 'stopCanceled' | 'stopFilled';

export const nameOf = ({ role, phase, when, call, fault }: Crash): string =>
  `${role}, ${phase}: ${when} ${call}${fault === undefined ? '' : `, ${fault}`}`;
