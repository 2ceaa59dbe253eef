export interface Account {
  readonly name: string;
  readonly key: string;
  readonly secret: string;
  readonly permissions: readonly Permission[];
  /** Asset in which commissions are taken; `received`: from what the fill brings, as the venue does by default. */
  readonly feeAsset: string;
}

export const PERMISSIONS = ['read', 'trade', 'withdraw'] as const;
export type Permission = (typeof PERMISSIONS)[number];
/** Of a key that says nothing else. */
export const USUAL_PERMISSIONS: readonly Permission[] = ['read', 'trade'];

/** Who may call, by API key. */
export class Accounts {
  readonly #byName = new Map<string, Account>();
  readonly #byKey = new Map<string, Account>();

  set(account: Account): void {
    const before = this.#byName.get(account.name);
    if (before !== undefined) this.#byKey.delete(before.key);
    this.#byName.set(account.name, account);
    this.#byKey.set(account.key, account);
  }

  byKey(key: string): Account | undefined {
    return this.#byKey.get(key);
  }

  byName(name: string): Account | undefined {
    return this.#byName.get(name);
  }

  all(): Account[] {
    return [...this.#byName.values()];
  }
}
