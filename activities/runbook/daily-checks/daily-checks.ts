import type { CalendarFacts, ChatFacts, CheckFacts, CopyFacts, DiskFacts, ScheduleFacts } from '../../../core/checks/facts.js';
import {
  backupLines,
  calendarLines,
  pastAlertLines,
  checkCalendar,
  checkChat,
  checkDisk,
  checkKeys,
  checkSchedules,
  CHECKS,
  type CheckName,
  type Findings,
} from '../../../core/checks/judge.js';
import { leftLines } from '../../../core/checks/left.js';
import { checkStatement, statementLines, type Balances, type StatementFacts } from '../../../core/checks/statement.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import type { RunbookName } from '../../../core/runbook/spec.js';
import { bound, type BoundRunbook, type Look, type StepCode } from '../step-code.js';

/** What the checks ask. */
export interface CheckReads {
  facts(account: string): Promise<CheckFacts>;
  disk(): Promise<DiskFacts>;
  /** What the venue tells of the key in use. */
  keys(account: string): Promise<{ readonly venue: string; readonly canWithdraw: boolean | undefined }>;
  /** Null: none is configured. */
  calendar(): Promise<CalendarFacts | null>;
  /** Left out where nobody may halt from a chat. */
  readonly chat?: () => Promise<ChatFacts>;
  /** Of the database, the newest first. */
  copies(): Promise<readonly CopyFacts[]>;
  /** What the venue has, free and locked together, by asset. */
  balances(account: string): Promise<Balances>;
  /** What is done by the clock for the account. */
  schedules(account: string): Promise<readonly ScheduleFacts[]>;
  /** Of the day so far, with what of it contradicts itself. */
  statement(account: string): Promise<StatementFacts>;
  /** Waits so many ms. @throws when the process stops. */
  pause(ms: number): Promise<unknown>;
}
type Nothing = Readonly<Record<string, never>>;
type Item = CheckName | 'disk' | 'keys' | 'calendar' | 'schedules' | 'statement';

const TITLES: Readonly<Record<Item, string>> = {
  mode: 'The account may trade: mode, halts, blocked instruments, disabled strategies',
  alerts: 'Nobody is still to be told of an alert',
  incidents: 'No incident is open',
  venue: 'The venue answers, and its clock is ours',
  streams: 'The account watch is awake, the equity is known, nothing is breached',
  reconciliation: 'Venue, ledger and workflows agree',
  stops: 'Every open position has its stop',
  limits: 'Every limit that entries need is set',
  disk: 'There is room on the disk',
  keys: 'The key in use may not withdraw',
  calendar: 'The economic calendar is known, and what it has for today',
  schedules: 'What is due by the clock is started by it: no schedule is paused',
  signals: 'Every signal of the day that was traded has its order',
  orders: 'The fate of every order is known',
  fills: 'The fills of the day are what the venue executed',
  statement: 'The statement of the day closes at what the venue has, and every entry of it is explained',
};
const ITEMS = {
  morningChecks: [
    'alerts',
    'mode',
    'streams',
    'venue',
    'keys',
    'reconciliation',
    'stops',
    'limits',
    'disk',
    'calendar',
    'schedules',
    'incidents',
  ],
  eveningChecks: ['signals', 'orders', 'fills', 'statement', 'reconciliation', 'stops', 'incidents', 'alerts', 'disk'],
} as const satisfies Readonly<Partial<Record<RunbookName, readonly Item[]>>>;
const SIGNED_WITHIN_MS = 4 * 3_600_000;

const common = { isCritical: false, timeoutMs: 20_000, hasUndo: false };
const lookOf = (found: Findings): Look => (found.length === 0 ? { isFine: true } : { isFine: false, found: found.join('; ') });

/** Those that leave something to be read where nothing is found. */
const TELLING = {
  alerts: async (account, reads) => {
    const facts = await reads.facts(account);
    const standing = CHECKS.alerts(facts);
    return standing.length > 0 ? lookOf(standing) : { isFine: true, output: { told: pastAlertLines(facts) } };
  },
  calendar: async (_account, reads) => {
    const calendar = await reads.calendar();
    const missing = checkCalendar(calendar);
    return missing.length > 0 ? lookOf(missing) : { isFine: true, output: { told: calendarLines(calendar) } };
  },
  statement: async (account, reads) => {
    for (let look = 1; ; look += 1) {
      // The venue first: what it shows had the time to be booked. A fill between the two is there at the next look.
      const venue = await reads.balances(account);
      const statement = await reads.statement(account);
      const differing = checkStatement(statement, venue);
      if (differing.length === 0) return { isFine: true, output: { told: statementLines(statement, venue) } };
      if (look === STATEMENT_LOOKS) return lookOf(differing);
      await reads.pause(LOOK_AGAIN_MS);
    }
  },
} as const satisfies Partial<Record<Item, (account: string, reads: CheckReads) => Promise<Look>>>;
const isTelling = (name: Item): name is keyof typeof TELLING => name in TELLING;
const STATEMENT_LOOKS = 5;
const LOOK_AGAIN_MS = 1_000;

function item(name: Item): StepCode<CheckReads, Nothing> {
  return {
    spec: { ...common, name, title: TITLES[name], signedWithinMs: null, ...(name === 'statement' ? { timeoutMs: 120_000 } : {}) },
    verification: async ({ account }, reads) =>
      isTelling(name) ? TELLING[name](account, reads) : lookOf(await found(name, account, reads)),
  };
}

async function found(name: Exclude<Item, keyof typeof TELLING>, account: string, reads: CheckReads): Promise<Findings> {
  if (name === 'disk') return checkDisk(await reads.disk());
  if (name === 'schedules') return checkSchedules(await reads.schedules(account));
  if (name !== 'keys') return CHECKS[name](await reads.facts(account));
  const { venue, canWithdraw } = await reads.keys(account);
  return checkKeys(account, venue, canWithdraw);
}

/** Nothing here makes a backup, so nothing here knows how old it is: whoever makes one signs for it. */
const BACKUP: StepCode<CheckReads, Nothing> = {
  spec: {
    ...common,
    name: 'backup',
    title: 'There is no backup by Keelson yet: a person knows of another one, and its age',
    signedWithinMs: SIGNED_WITHIN_MS,
  },
  verification: async (_run, reads) => ({ isFine: true, output: { told: backupLines(await reads.copies()) } }),
};

/** Only where people may halt from one. Behind the backup, for the numbers of the others. */
const chat = (facts: () => Promise<ChatFacts>): StepCode<CheckReads, Nothing> => ({
  spec: { ...common, name: 'chat', title: 'The chat in which people may halt is read', signedWithinMs: null },
  verification: async () => lookOf(checkChat(await facts())),
});

/** Somebody has read what the items found, and what people have left as it is: no item fails over that. */
const SIGNATURE: StepCode<CheckReads, Nothing> = {
  spec: { ...common, name: 'signature', title: 'A person has looked at all of this', signedWithinMs: SIGNED_WITHIN_MS },
  verification: async ({ account }, reads) => {
    const { left } = await reads.facts(account);
    return left.length === 0 ? { isFine: true } : { isFine: true, output: { told: leftLines(left).join('\n') } };
  },
};

/**
 * The checks before and after the trading day. They change nothing: each item is a look, what it finds is noted and told, and at the
 * end a person signs.
 */
export function dailyChecks(name: keyof typeof ITEMS, reads: CheckReads): BoundRunbook {
  const ofChat = name === 'morningChecks' && reads.chat !== undefined ? [chat(reads.chat)] : [];
  return bound({
    spec: RUNBOOK_SPECS[name],
    // What came later is behind: every step keeps the number by which people sign for it.
    steps: [...ITEMS[name].map(item), SIGNATURE, BACKUP, ...ofChat],
    reads,
    writes: {},
  });
}
