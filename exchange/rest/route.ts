import type { Account, Permission } from '../accounts/accounts.js';
import type { Venue } from '../venue.js';
import type { Params } from './params.js';
import type { Admission } from './sign.js';

/** `none`: public. `key`: an API key without signature. A permission: signed, and allowed to the account. */
export type Security = 'none' | 'key' | Permission;

/** A call as a handler sees it: authenticated, inside its window. */
export interface Call {
  readonly venue: Venue;
  readonly params: Params;
  /** Set where the security is not `none`. */
  readonly account: Account;
  readonly admission: Admission;
  readonly now: number;
  /** `POST /api/v3/order` */
  readonly name: string;
}

export interface Route {
  readonly security: Security;
  readonly weight: number;
  /** Counts against the order limits. */
  readonly countsAsOrder?: boolean;
  /** Returns what is sent as JSON. @throws VenueError */
  readonly handle: (call: Call) => unknown;
}

export type Routes = Readonly<Record<string, Route>>;
