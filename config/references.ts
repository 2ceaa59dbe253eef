import { isPaperHost } from '../core/venue/paper-host.js';
import { accountSuffix } from './environment.js';
import { pathText, type Problem } from './problem.js';
import { withoutCredentials } from './redacted.js';
import { NAME } from './values.js';

type Raw = Readonly<Record<string, unknown>>;

const record = (value: unknown): Raw => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {});
const known = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ') || 'none';

/** What the paper venue speaks that is started beside us. */
const PAPER_VENUE_PROFILE = 'binance';

/**
 * What one part of the file says about another. It looks at the file as written, so that these problems are told
 * together with wrong types elsewhere; what has a wrong type itself is left to the schema.
 */
export function referenceProblems(file: unknown): Problem[] {
  const root = record(file);
  const venues = record(root['venues']);
  const accounts = record(root['accounts']);
  const limits = record(root['limits']);
  const strategies = Array.isArray(root['strategies']) ? (root['strategies'] as readonly unknown[]).map(record) : [];
  const problems: Problem[] = [];
  const add = (path: readonly PropertyKey[], message: string): void => void problems.push({ path: pathText(path), message });
  const refer = (path: readonly PropertyKey[], value: unknown, target: Raw, what: string): void => {
    if (typeof value !== 'string' || !NAME.test(value) || Object.hasOwn(target, value)) return;
    add(path, `expected ${what} of this file (${known(Object.keys(target))}), found "${value}"`);
  };

  for (const [name, venue] of Object.entries(venues)) {
    const { paper, urls, profile } = record(venue) as { paper?: unknown; urls?: unknown; profile?: unknown };
    if (paper === false && urls === undefined) add(['venues', name, 'urls'], 'is missing: a live venue’s addresses must be given');
    if (paper !== true) continue;
    if (urls === undefined && typeof profile === 'string' && profile !== PAPER_VENUE_PROFILE) {
      add(['venues', name, 'urls'], `is missing: the paper venue of \`npm start\` speaks ${PAPER_VENUE_PROFILE}, not ${profile}`);
    }
    for (const [kind, address] of Object.entries(record(urls))) {
      if (typeof address === 'string' && !isPaperAddress(address)) {
        add(
          ['venues', name, 'urls', kind],
          `expected this machine, a private network or the venue’s test network since paper is true, found "${withoutCredentials(address)}"`,
        );
      }
    }
  }
  const suffixes = new Map<string, string>();
  for (const [name, account] of Object.entries(accounts)) {
    refer(['accounts', name, 'venue'], record(account)['venue'], venues, 'a venue');
    if (!Object.hasOwn(limits, name)) add(['limits', name], 'is missing: every account needs its limits');
    const twin = suffixes.get(accountSuffix(name));
    if (twin !== undefined) add(['accounts', name], `has the same environment names (…_${accountSuffix(name)}) as account "${twin}"`);
    suffixes.set(accountSuffix(name), name);
  }
  for (const name of Object.keys(limits)) refer(['limits', name], name, accounts, 'an account');
  const traded = new Map<string, number>();
  strategies.forEach((strategy, index) => {
    refer(['strategies', index, 'account'], strategy['account'], accounts, 'an account');
    const instruments = Array.isArray(strategy['instruments']) ? (strategy['instruments'] as readonly unknown[]) : [];
    instruments.forEach((instrument, position) => {
      const key = JSON.stringify([strategy['id'], strategy['account'], instrument]);
      const earlier = traded.get(key);
      if (earlier !== undefined) {
        add(['strategies', index, 'instruments', position], `strategy, account and instrument are already those of strategies[${earlier}]`);
      }
      traded.set(key, index);
    });
  });
  return problems;
}

/** Whether an address cannot be a live venue. */
export function isPaperAddress(address: string): boolean {
  return URL.canParse(address) && isPaperHost(new URL(address).hostname);
}
