import type { Config } from './schema.js';

/** The accounts that trade no real money, each with its venue. */
export function paperAccounts(config: Config): Readonly<Record<string, string>> {
  const accounts = Object.entries(config.accounts).map(([account, { venue }]) => [account, venue] as const);
  return Object.fromEntries(accounts.filter(([, venue]) => config.venues[venue]?.paper === true));
}
