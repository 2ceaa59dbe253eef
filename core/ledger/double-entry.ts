import { ZERO, type Decimal } from '../money/index.js';

/**
 * Where the halves of an entry are: what the venue holds for us, and where it came from or went to. `trading`: exchanged for
 * another asset; `external`: from and to outside; `transfers`: from and to our other accounts; `roundings`: what the venue keeps in fewer places.
 */
export const LEDGER_ACCOUNTS = ['venue', 'trading', 'fees', 'external', 'transfers', 'corrections', 'roundings'] as const;
export type LedgerAccount = (typeof LEDGER_ACCOUNTS)[number];

export type EntryKind = 'trade' | 'fee' | 'deposit' | 'withdrawal' | 'transfer' | 'correction' | 'rounding';

/** The same table as counter_ledger_account in the database; a test compares them. */
export const COUNTER_ACCOUNTS: Readonly<Record<EntryKind, LedgerAccount>> = {
  trade: 'trading',
  fee: 'fees',
  deposit: 'external',
  withdrawal: 'external',
  transfer: 'transfers',
  correction: 'corrections',
  rounding: 'roundings',
};

/** What changes at the venue. */
export interface AssetChange {
  readonly asset: string;
  readonly delta: Decimal;
  readonly kind: EntryKind;
}

/** One half of an entry. */
export interface Posting {
  readonly ledgerAccount: LedgerAccount;
  readonly asset: string;
  readonly delta: Decimal;
  readonly kind: EntryKind;
}

/** Both halves of each change: they sum to zero for each asset. */
export function postingsOf(changes: readonly AssetChange[]): readonly Posting[] {
  return changes.flatMap(({ asset, delta, kind }) => [
    { ledgerAccount: 'venue' as const, asset, delta, kind },
    { ledgerAccount: COUNTER_ACCOUNTS[kind], asset, delta: delta.neg(), kind },
  ]);
}

/** Sums under keys, for as many keys as there are. */
export class Sums<Key extends string = string> {
  readonly #values = new Map<Key, Decimal>();

  add(key: Key, amount: Decimal): void {
    this.#values.set(key, this.of(key).plus(amount));
  }

  of(key: Key): Decimal {
    return this.#values.get(key) ?? ZERO;
  }

  /** Those that are not zero, in the order of their keys. */
  entries(): readonly (readonly [Key, Decimal])[] {
    return [...this.#values].filter(([, value]) => !value.isZero()).sort(([one], [other]) => (one < other ? -1 : 1));
  }
}
