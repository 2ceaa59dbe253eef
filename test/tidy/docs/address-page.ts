import { expectedWeight } from '../../../activities/reconcile/counted.js';
import { BINANCE } from '../../../adapters/venue/profiles/binance.js';
import { partsOf } from '../../../core/venue/parts.js';
import { needOf, pollPlan, weightAMinute } from '../../../core/venue/poll-plan.js';

const ACCOUNTS = [1, 2, 5, 10, 20, 40];
const INSTRUMENTS = 3;

interface Account {
  readonly orders: number;
  readonly isQuiet: boolean;
}

const QUIET: Account = { orders: 0, isQuiet: true };
const withOrders = (orders: number): Account => ({ orders, isQuiet: false });

/** Which accounts there are at an address, the one that the table tells of first. */
const SCENES: Readonly<Record<string, (accounts: number) => readonly Account[]>> = {
  'nothing is at stake at any': (accounts) => Array.from({ length: accounts }, () => QUIET),
  'one has 30 orders at rest, the others nothing at stake': (accounts) => [
    withOrders(30),
    ...Array.from({ length: accounts - 1 }, () => QUIET),
  ],
  'every other one has 3 orders at rest, the rest nothing at stake': (accounts) =>
    Array.from({ length: accounts }, (_, index) => (index % 2 === 0 ? withOrders(3) : QUIET)),
  'each has 5 orders at rest': (accounts) => Array.from({ length: accounts }, () => withOrders(5)),
};

const seconds = (ms: number): string => `${Math.ceil(ms / 100) / 10} s`;

function rowOf(scene: readonly Account[]): string {
  const parts = partsOf(scene.map(({ orders, isQuiet }) => needOf(BINANCE, orders, INSTRUMENTS, isQuiet)));
  const plans = scene.map(({ orders }, index) => pollPlan(BINANCE, orders, INSTRUMENTS, 1 / (parts[index] ?? 1)));
  const byHeads = pollPlan(BINANCE, scene[0]?.orders ?? 0, INSTRUMENTS, scene.length);
  const spent = scene.map(({ orders }, index) => weightAMinute(BINANCE, plans[index] ?? byHeads, orders, INSTRUMENTS));
  const first = (isQuiet: boolean): number => scene.findIndex((one) => one.isQuiet === isQuiet);
  const of = (index: number, pace: (plan: typeof byHeads) => number): string => {
    const plan = plans[index];
    return plan === undefined ? '–' : seconds(pace(plan));
  };
  const [busy, quiet] = [first(false), first(true)];
  const compared = scene.length * expectedWeight(BINANCE, INSTRUMENTS);
  const cells = [
    scene.length,
    of(busy, ({ lookUpMs }) => lookUpMs),
    busy < 0 ? '–' : seconds(byHeads.lookUpMs),
    of(busy, ({ snapshotMs }) => snapshotMs),
    of(quiet, ({ snapshotMs }) => snapshotMs),
    Math.round(spent.reduce((all, one) => all + one, 0)),
    compared,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** `docs/reference/accounts-at-an-address.md`, as the plans in `core/venue` say it must read. */
export function addressPage(): string {
  return [
    '# Several accounts at one address of Binance',
    '',
    'Binance counts what an address asks for, whichever account asks. What the guardians may use of it (half, 3,000 a minute) is divided among the accounts there by what they',
    'need (`core/venue/parts.ts`; how it is done: [venues](venues.md#several-accounts-at-one-address)). These figures are reckoned from the plans themselves, for accounts that',
    `trade ${INSTRUMENTS} instruments each; \`npm test -- test/tidy/docs --update\` writes this page anew. Two guardians ask in turn as often as one alone.`,
    '',
    'Equity is reckoned each second all the same: from what is booked, and prices that are streamed and cost nothing. A reading of balances shows what another hand has done.',
    '',
    ...Object.entries(SCENES).flatMap(([title, scene]) => [
      `## ${title[0]?.toUpperCase() ?? ''}${title.slice(1)}`,
      '',
      '| accounts | each order of such a one is looked up each | if heads were counted | its balances | balances of one with nothing at stake | weight a minute, watches | weight a minute, comparisons |',
      '|---|---|---|---|---|---|---|',
      ...ACCOUNTS.map((accounts) => rowOf(scene(accounts))),
      '',
    ]),
    '## What the sum means',
    '',
    'The last two columns are what the address uses while nobody trades and all is well: entries are denied in the rest of a minute of which 3,600 are used (`RISK_VENUE_WEIGHT`), and at 4,800 look-ups of what',
    'rests, lists of fills and comparisons wait for the next one ([`lookUpsWait`](../guides/incidents.md)). So from about five accounts on at an address, where one has many orders at rest, and from about ten on in any case, a part of each',
    'minute is closed to entries, whoever watches them. Who needs all of it lets accounts trade from several addresses.',
    '',
  ].join('\n');
}
