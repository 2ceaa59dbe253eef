import type { Point, Purpose } from '../programs/point.js';
import type { RoleName } from './program.js';

/** One crash: where, in which role, while what is done. */
export interface Crash {
  readonly role: RoleName;
  /**
   * `start`: while the program starts. `open`, `close`: from the moment that such a signal is given. `more`: from the moment that the rest
   * of an entry fills, of which a part is held, whose stop has to become larger. `held`: something happens to a stop that rests.
   */
  readonly phase: 'start' | 'open' | 'close' | 'more' | 'held';
  readonly when: Point['when'];
  readonly call: string;
  readonly of?: Purpose;
  readonly fault?: Fault;
}

/**
 * What goes wrong besides, so that the call is come to. The venue does it to the role's first order; `unauthorised`: the
 * ledger does not take the signal's order; `stopReached`: the venue refuses the first stop, since its price is reached, so that what is held
 * escapes; `stopCanceled`, `stopFilled`: another hand does that to the stop, at a start while no program of the role runs, so that the next
 * one finds it.
 */
export type Fault = 'stallHeaders' | 'dropReply' | 'refuse' | 'unauthorised' | 'stopReached' | ByHand;
export type ByHand = 'stopCanceled' | 'stopFilled';

export const nameOf = ({ role, phase, when, call, of, fault }: Crash): string =>
  `${role}, ${phase}: ${when} ${call}${of === undefined ? '' : ` of the ${of}`}${fault === undefined ? '' : `, ${fault}`}`;

/**
 * Whether the signal's workflow is started from outside, so that its step authorises and submits one after the other: a trading program that
 * trades it itself sends the two at once (`store.authoriseAndBegin`).
 */
export const isOneByOne = ({ role, call }: Pick<Crash, 'role' | 'call'>): boolean =>
  role === 'trading' && (call === 'store.authorise' || call === 'store.beginSubmit');
