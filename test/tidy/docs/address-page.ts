import { expectedWeight } from '../../../activities/reconcile/counted.js';
import { BINANCE } from '../../../adapters/venue/profiles/binance.js';
import { comparedEachMinutes, SLOWEST_MINUTES } from '../../../core/reconcile/pace.js';
import { partsOf } from '../../../core/venue/parts.js';
import { fits, plannedAMinute } from '../../../core/venue/planned.js';
import { needOf, pollPlan, weightAMinute } from '../../../core/venue/poll-plan.js';

const ACCOUNTS = [1, 2, 5, 10, 20, 40];
const INSTRUMENTS = 3;
const PROCESSES = [1, 2, 3];
const COMPARED = expectedWeight(BINANCE, INSTRUMENTS);

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
  const weights = scene.map(() => COMPARED);
  const cells = [
    scene.length,
    of(busy, ({ lookUpMs }) => lookUpMs),
    busy < 0 ? '–' : seconds(byHeads.lookUpMs),
    of(busy, ({ snapshotMs }) => snapshotMs),
    of(quiet, ({ snapshotMs }) => snapshotMs),
    Math.round(spent.reduce((all, one) => all + one, 0)),
    Math.round((scene.length * COMPARED) / comparedEachMinutes(BINANCE.rateBudget.weight, weights)),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** What may be asked for at most, and whether that leaves a halt its part. */
function sumOf(accounts: number): string {
  const weights = Array.from({ length: accounts }, () => COMPARED);
  const each = comparedEachMinutes(BINANCE.rateBudget.weight, weights);
  const sums = PROCESSES.flatMap((processes) => {
    const planned = plannedAMinute(BINANCE, weights, processes);
    const { watches, tended, comparisons, clock, held, unheld } = planned;
    return [`${Math.round(watches + tended + comparisons + clock)}${fits(planned) ? '' : ' (*)'}`, Math.round(held + unheld)];
  });
  return `| ${[accounts, each === 1 ? 'minute' : `${each} minutes`, ...sums].join(' | ')} |`;
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
    '## How often an account is compared',
    '',
    `A comparison of such an account takes ${COMPARED}. Each is made each minute as long as all of them take no more than a tenth of what the address has (600 a minute); with more accounts they take turns, each at`,
    `least each ${SLOWEST_MINUTES} minutes, however many there are. One that the last comparison did not find clean is compared each minute, as one whose turn was left out; and at once, as ever, where somebody asks for it, after the`,
    'account stream was lost, at a start, and before a halt ends. The hourly and daily ones of several accounts are a minute apart.',
    '',
    '## What may be asked for at most',
    '',
    'Half for the watches, a tenth for the workflows of entries that rest (of one account), comparisons, and the readings of the clock, which a process makes once for all its accounts.',
    '',
    '| accounts | each is compared each | weight a minute, 1 process | most | 2 processes | most | 3 processes | most |',
    '|---|---|---|---|---|---|---|---|',
    ...ACCOUNTS.map(sumOf),
    '',
    '*Most* is what a minute may come to in which others, or entries at its beginning, have used 80 % (4,800): beyond that no order that rests is looked up, no list of fills read and nothing compared, but the clock is, and balances, each once a minute; and what somebody waits for.',
    '(*) It does not fit: where orders rest at all of them, look-ups of what rests, lists of fills and comparisons wait late in each minute for the next one ([`lookUpsWait`](../guides/incidents.md)); and from 6,000 on the venue may send the address away.',
    'A guardian says so when it starts, reckoned for three processes and what its accounts trade.',
    '',
    'Entries are denied in the rest of a minute of which 3,600 are used (`RISK_VENUE_WEIGHT`), whoever used them. So from about five accounts on at an address, where one has many orders at rest, and from about ten on in any case, a part of each',
    'minute is closed to entries. Who needs all of it lets accounts trade from several addresses.',
    '',
  ].join('\n');
}
