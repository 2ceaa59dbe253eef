import type { EntryShare } from './entry-share.js';

/**
 * What a venue has counted against our address in its window that runs now. `closed`: it has sent us away, and is not to be asked for
 * so many ms. `unknown`: it would tell, and has not yet. `untold`: it tells no such figure.
 */
export type VenueWeight =
  | { readonly kind: 'used'; readonly used: number; readonly limit: number }
  | { readonly kind: 'closed'; readonly forMs: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'untold' };

/** Of what the venue allows the address, in hundredths: the rest is for guardian and kill, which share it. */
export const TRADING_SHARE_PERCENT = 60;

/** Ends a claim. What was sent is counted by the venue; what was not leaves no trace in the share of this process either. */
export type Free = (wasSent: boolean) => void;

/** What an order takes of trading's share while its answer is not here yet; `over`: the share is used. */
export type WeightClaim =
  | { readonly kind: 'taken'; readonly free: Free }
  | { readonly kind: 'over'; readonly used: number; readonly limit: number }
  /** Of the share this process has begun as many entries as it may: others at the address have the rest. */
  | { readonly kind: 'notOurs'; readonly used: number; readonly share: number };

/** What an order costs of it. */
const ORDER_WEIGHT = 1;

/** How many orders a window has room for in the share of trading. */
export function tradingWeight(limit: number): number {
  return Math.floor((limit * TRADING_SHARE_PERCENT) / 100 / ORDER_WEIGHT);
}

/** Whether one order more stays within the share of trading. Everything that the address has used counts, whoever used it. */
export function isWithinShare({ used, limit }: { readonly used: number; readonly limit: number }): boolean {
  return (used + ORDER_WEIGHT) * 100 <= limit * TRADING_SHARE_PERCENT;
}

/** … and of what trading, guardian and reconciliation may use together: the last part is a kill's alone. */
export const RECONCILERS_SHARE_PERCENT = 80;

/** Whether reads that cost so much leave what a kill may need. */
export function isWithinReconcilersShare({ used, limit }: { readonly used: number; readonly limit: number }, cost: number): boolean {
  return (used + cost) * 100 <= limit * RECONCILERS_SHARE_PERCENT;
}

/** Whether a read that costs so much would take of that. Where the venue tells nothing, plans alone keep to its budget. */
export function isShort(weight: VenueWeight, cost: number): boolean {
  return weight.kind === 'used' && !isWithinReconcilersShare(weight, cost);
}

/** How long nothing may be sent to the venue yet, ms; 0: it may. */
export function closedMs(weight: VenueWeight): number {
  return weight.kind === 'closed' ? weight.forMs : 0;
}

/** However long a venue bans us for: after this it is asked once whether it still does, so that no halt, and no owner of a position, waits for days. */
export const LONGEST_BLOCK_MS = 300_000;

export interface WeightBudget {
  readonly limit: number;
  readonly windowMs: number;
}

/** Keeps what the venue tells of its fixed windows, and of its bans, for everyone who calls it from this address. */
export class WeightMeter {
  private readonly windowMs: number;
  private limit: number;
  private window = Number.NEGATIVE_INFINITY;
  private used = 0;
  private readonly closure = new Closure();
  /** Of orders on their way, which the venue has told nothing of yet. */
  private taken = 0;
  private readonly share: EntryShare | undefined;

  /** @param share what this process may enter; undefined where no other one enters from the address. */
  constructor(budget: WeightBudget, share?: EntryShare) {
    this.limit = budget.limit;
    this.windowMs = budget.windowMs;
    this.share = share;
  }

  get allowed(): number {
    return this.limit;
  }

  /** `venueTime`: epoch ms in the venue's clock, when it was told. Answers overtake each other: the highest figure is the newest. */
  see(used: number, venueTime: number): void {
    const window = Math.floor(venueTime / this.windowMs);
    // An answer that was overtaken is of the window before at most; one of long before tells that our clock was ahead: what was noted then is of no window.
    if (window === this.window - 1) return;
    if (window < this.window) this.window = Number.NEGATIVE_INFINITY;
    this.used = window === this.window ? Math.max(this.used, used) : used;
    this.window = window;
  }

  /** What the venue itself says that it allows. */
  allow(limit: number): void {
    this.limit = limit;
  }

  /** The venue wants not to be asked for so many ms: who goes on asking is banned, and for longer each time. */
  block(forMs: number, venueTime: number): void {
    this.closure.block(forMs, venueTime);
  }

  /** How long the venue is not to be asked yet, ms; 0: it may be. */
  blockedMs(venueTime: number): number {
    return this.closure.blockedMs(venueTime);
  }

  /** For an entry that is about to leave, by whichever account: what was decided on may have been used meanwhile. */
  claim(venueTime: number): WeightClaim {
    const weight = this.at(venueTime);
    if (weight.kind === 'used' && !isWithinShare(weight)) return { kind: 'over', used: weight.used, limit: weight.limit };
    const claimed = this.share?.claim();
    if (claimed?.isTaken === false) return { kind: 'notOurs', used: claimed.used, share: claimed.share };
    this.taken += ORDER_WEIGHT;
    const free: Free = (wasSent) => {
      this.taken -= ORDER_WEIGHT;
      if (!wasSent) claimed?.undo();
    };
    return { kind: 'taken', free };
  }

  /** A window that nothing was heard of has begun with nothing but what is on its way. */
  at(venueTime: number): VenueWeight {
    const forMs = this.blockedMs(venueTime);
    if (forMs > 0) return { kind: 'closed', forMs };
    if (this.window === Number.NEGATIVE_INFINITY) return { kind: 'unknown' };
    const window = Math.floor(venueTime / this.windowMs);
    // Noted while our clock was ahead: nothing is known of this one.
    if (window < this.window - 1) return { kind: 'unknown' };
    const isOver = window > this.window;
    return { kind: 'used', used: (isOver ? 0 : this.used) + this.taken, limit: this.limit };
  }
}

/** Until when a venue wants not to be asked: from an address, or by an account. */
export class Closure {
  private until = Number.NEGATIVE_INFINITY;

  block(forMs: number, venueTime: number): void {
    this.until = Math.max(this.until, venueTime + Math.min(forMs, LONGEST_BLOCK_MS));
  }

  blockedMs(venueTime: number): number {
    const leftMs = this.until - venueTime;
    // A clock that was set back meanwhile makes no ban longer.
    return leftMs > LONGEST_BLOCK_MS ? 0 : Math.max(0, leftMs);
  }
}
