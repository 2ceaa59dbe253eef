import type { Units } from '../amount/units.js';

export interface Balance {
  free: Units;
  locked: Units;
}

/** The other side of every trade with the simulated book, and of every deposit. Its balances go below zero. */
export const MARKET_MAKER = '$market';
/** Where commissions go. */
export const FEES = '$fees';

export interface BalanceChange {
  readonly account: string;
  readonly asset: string;
  readonly free: Units;
  readonly locked: Units;
}

/**
 * Balances of all accounts. Every movement has two ends, so the sum of an asset over all accounts, the market maker and
 * the fees never changes.
 */
export class Ledger {
  readonly #accounts = new Map<string, Map<string, Balance>>();
  readonly #touched = new Map<Balance, { account: string; asset: string }>();

  balance(account: string, asset: string): Balance {
    let assets = this.#accounts.get(account);
    if (assets === undefined) {
      assets = new Map();
      this.#accounts.set(account, assets);
    }
    let balance = assets.get(asset);
    if (balance === undefined) {
      balance = { free: 0n, locked: 0n };
      assets.set(asset, balance);
    }
    return balance;
  }

  balances(account: string): ReadonlyMap<string, Readonly<Balance>> {
    return this.#accounts.get(account) ?? new Map();
  }

  accounts(): Iterable<string> {
    return this.#accounts.keys();
  }

  /** Free amount of one account to free amount of another. */
  move(asset: string, amount: Units, from: string, to: string): void {
    if (amount === 0n) return;
    this.#changing(from, asset).free -= amount;
    this.#changing(to, asset).free += amount;
  }

  lock(account: string, asset: string, amount: Units): void {
    if (amount === 0n) return;
    const balance = this.#changing(account, asset);
    balance.free -= amount;
    balance.locked += amount;
  }

  unlock(account: string, asset: string, amount: Units): void {
    this.lock(account, asset, -amount);
  }

  /** Puts a balance to what a journal says. */
  restore({ account, asset, free, locked }: BalanceChange): void {
    Object.assign(this.balance(account, asset), { free, locked });
  }

  /** Balances changed since the last call. */
  takeChanges(): BalanceChange[] {
    const changes = [...this.#touched].map(([balance, { account, asset }]) => ({ account, asset, ...balance }));
    this.#touched.clear();
    return changes;
  }

  #changing(account: string, asset: string): Balance {
    const balance = this.balance(account, asset);
    if (!this.#touched.has(balance)) this.#touched.set(balance, { account, asset });
    return balance;
  }
}
