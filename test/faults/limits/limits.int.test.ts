import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWithdraw } from '../../../activities/order/resolve.js';
import { createControlStore } from '../../../adapters/store/control-store.js';
import { rootFolder } from '../../../config/index.js';
import { decimalTextOf, type DecimalText } from '../../../core/money/index.js';
import type { ConfiguredLimits } from '../../../core/risk/limits.js';
import { eventually } from '../../support/eventually.js';
import { INSTRUMENT, LIMITS, openLedger, testSignal, type Ledger } from '../../support/ledger.js';
import { openPaperAccount, type PaperAccount } from '../../support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../support/postgres.js';
import { assertBuild } from '../crash/servers.js';
import type { AskedEntry, EntriesOptions, EntryAnswer } from '../programs/entries.js';
import { brokenLimits } from './journal-limits.js';
import { brokenPaces, entriesIn, type Pace, type SeenEntry } from './journal-pace.js';

const RUNS = 3;
const LIMIT_MS = 60_000;
const STRATEGIES = Array.from({ length: 12 }, (_, index) => `s${index}`);
const VALID_MS = 600_000;

const worth = (least: number, most: number) => fc.integer({ min: least, max: most }).map((value) => String(value) as DecimalText);
const limits = fc.record({
  maxOrderNotional: worth(300, 700),
  maxStrategyExposure: worth(300, 900),
  maxAccountExposure: worth(600, 2_000),
  maxInstrumentExposure: worth(2_500, 5_000),
  maxOpenOrders: fc.integer({ min: 1, max: 5 }),
});
const intent = fc.record({
  process: fc.integer({ min: 0, max: 1 }),
  strategy: fc.constantFrom(...STRATEGIES),
  notional: worth(100, 650),
  rests: fc.boolean(),
});
/** What is asked for at once, and whether what rests is then canceled. */
const batch = fc.record({ intents: fc.array(intent, { minLength: 6, maxLength: 12 }), cancels: fc.boolean() });

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const ofAccount = (): string => 'account';
const ofStrategy = (entry: SeenEntry): string => entry.strategy;
const ofPosition = (entry: SeenEntry): string => `${entry.strategy} in ${entry.instrument}`;
/** How often: what the account is configured with, what the venue may then see, and why the rest is denied. */
const PACES: readonly (readonly [string, Partial<ConfiguredLimits>, readonly Pace[], string])[] = [
  [
    'orders a minute',
    { maxAccountOrdersPerMinute: 7, maxStrategyOrdersPerMinute: 3 },
    [
      { limit: 7, windowMs: MINUTE_MS, of: ofAccount },
      { limit: 3, windowMs: MINUTE_MS, of: ofStrategy },
    ],
    'RISK_RATE_LIMIT',
  ],
  [
    'orders a second',
    { maxAccountOrdersPerSecond: 2, maxStrategyOrdersPerSecond: 1 },
    [
      { limit: 2, windowMs: SECOND_MS, of: ofAccount },
      { limit: 1, windowMs: SECOND_MS, of: ofStrategy },
    ],
    'RISK_RATE_LIMIT',
  ],
  [
    'entries without an exit',
    { maxRepeats: 2 },
    [{ limit: 2, windowMs: Number.POSITIVE_INFINITY, of: ofPosition }],
    'RISK_REPEATED_EXECUTION',
  ],
  [
    'entries into an instrument',
    { duplicateWindowMs: MINUTE_MS },
    [{ limit: 1, windowMs: MINUTE_MS, of: ofPosition }],
    'RISK_DUPLICATE_INTENT',
  ],
];
const PACED_STRATEGIES = STRATEGIES.slice(0, 3);
const PRICES = { [INSTRUMENT]: decimalTextOf('50000'), 'BNB/USDT': decimalTextOf('500') };
/** Enough to meet a limit again and again; and as many as it takes to meet it at all, where the machine is slow. */
const ROUNDS = { least: 3, most: 20 } as const;

describe('limits, by the journal of the venue', () => {
  let database: TestDatabase;
  let ledger: Ledger;
  let accounts: PaperAccount[];
  let processes: ChildProcess[];
  const outcomes = new Set<string>();
  let [asked, runs] = [0, 0];

  beforeAll(async () => {
    await assertBuild();
    database = await testDatabase();
    ledger = await openLedger(database);
    accounts = await Promise.all(
      Array.from({ length: RUNS + PACES.length }, (_, run) => openPaperAccount({ account: `limits-${run}`, venueName: `paper-${run}` })),
    );
    for (const account of accounts) await ledger.enrol(account);
    const venues = Object.fromEntries(accounts.map(({ account, addresses }) => [account, addresses]));
    const options = JSON.stringify({ url: database.url, venues } satisfies EntriesOptions);
    const program = join(rootFolder(), 'dist', 'test', 'faults', 'programs', 'entries.js');
    processes = [1, 2].map(() => fork(program, [options]));
    await Promise.all(processes.map((one) => new Promise((resolve) => one.once('message', resolve))));
  }, 4 * LIMIT_MS);
  afterAll(async () => {
    for (const one of processes ?? []) one.kill('SIGKILL');
    for (const account of accounts ?? []) await account.close();
    await ledger?.close();
    await database?.drop();
  });

  const enter = async (process: ChildProcess | undefined, entry: Omit<AskedEntry, 'id'>): Promise<void> => {
    const id = (asked += 1);
    const { codes } = await new Promise<EntryAnswer>((resolve) => {
      const hear = (answer: EntryAnswer): void => {
        if (answer.id !== id) return;
        process?.off('message', hear);
        resolve(answer);
      };
      process?.on('message', hear);
      process?.send({ id, ...entry });
    });
    for (const code of codes) outcomes.add(code);
  };
  /** Cancels what rests of an account, and waits until that is over. */
  const cancel = async (account: string): Promise<void> => {
    const withdraw = createWithdraw(ledger.dependencies);
    const { rows } = await database.pool.query<{ id: string }>(
      'select intent_id as id from orders where account = $1 and final_at is null',
      [account],
    );
    for (const { id } of rows) await eventually(async () => expect((await withdraw(id, 'test')).order.isFinal).toBe(true), LIMIT_MS);
  };

  it('two processes at once never show the venue more than a limit lets them', { timeout: 6 * LIMIT_MS }, async () => {
    const seen = fc.asyncProperty(limits, fc.array(batch, { minLength: 2, maxLength: 3 }), async (bounds, batches) => {
      const one = accounts[runs];
      runs += 1;
      if (one === undefined) throw new Error('each run has an account');
      const { account, venueName: venue } = one;
      const strategies = STRATEGIES.map((strategy) => ({ strategy, instrument: INSTRUMENT, version: '1', modelHash: 'none' }));
      const tightened = { ...LIMITS, ...bounds };
      await createControlStore(ledger.pool).applyConfiguration({ account, venue, limits: tightened, strategies, subject: 'test' });
      for (const { intents, cancels } of batches) {
        await Promise.all(
          intents.map(({ process, strategy, notional, rests }) => {
            const signal = { ...testSignal(account, 'open', (asked + 1) * 1_000, VALID_MS), strategy };
            return enter(processes[process], { signal, notional, rests });
          }),
        );
        if (cancels) await cancel(account);
      }
      const { rows } = await database.pool.query<{ id: string; strategy: string }>(
        'select client_order_id as id, strategy from orders where account = $1',
        [account],
      );
      const strategyOf = new Map(rows.map(({ id, strategy }) => [id, strategy]));
      expect(brokenLimits(one.journal(), bounds, (id) => strategyOf.get(id) ?? `nobody: ${id}`)).toEqual([]);
    });
    await fc.assert(seen, { numRuns: RUNS, endOnFailure: true });
    // It was tight enough to matter, and not so tight that nothing passed.
    expect(outcomes).toContain('sent');
    expect(outcomes.has('RISK_EXPOSURE_LIMIT') || outcomes.has('RISK_OPEN_ORDERS_LIMIT')).toBe(true);
  });

  it.each(PACES.map((pace, index) => [...pace, index] as const))(
    'two processes at once never show the venue more %s than their limit lets them',
    { timeout: 6 * LIMIT_MS },
    async (_, bounds, paces, code, index) => {
      const one = accounts[RUNS + index];
      if (one === undefined) throw new Error('each case has an account');
      const { account: name, venueName: venue } = one;
      const asks = PACED_STRATEGIES.flatMap((who) => Object.entries(PRICES).map(([instrument, price]) => ({ who, instrument, price })));
      const strategies = asks.map(({ who, instrument }) => ({ strategy: who, instrument, version: '1', modelHash: 'none' }));
      const configured = { account: name, venue, limits: { ...LIMITS, ...bounds }, strategies, subject: 'test' };
      await createControlStore(ledger.pool).applyConfiguration(configured);
      outcomes.clear();
      for (let round = 0; round < ROUNDS.least || (round < ROUNDS.most && !outcomes.has(code)); round += 1) {
        await Promise.all(
          processes.flatMap((process) =>
            asks.map(({ who, instrument, price }) => {
              const given = testSignal(name, 'open', (asked + 1) * 1_000, VALID_MS);
              const signal = { ...given, strategy: who, instrument, referencePrice: price };
              return enter(process, { signal, notional: '200' as DecimalText, rests: true });
            }),
          ),
        );
        // What rests is canceled, so that nothing but the pace denies the same once more.
        await cancel(name);
      }
      const { rows } = await database.pool.query<{ id: string; strategy: string; instrument: string; time: number }>(
        `select client_order_id as id, strategy, instrument, (extract(epoch from created_at) * 1000)::float8 as time from orders
           where account = $1 and status <> 'denied'`,
        [name],
      );
      const entries = entriesIn(one.journal()).map(({ clientOrderId, time: venueTime }) => {
        const row = rows.find(({ id }) => id === clientOrderId);
        if (row === undefined) throw new Error(`nobody authorised ${clientOrderId}`);
        return { strategy: row.strategy, instrument: row.instrument, venueTime, gateTime: row.time };
      });
      expect(brokenPaces(entries, paces)).toEqual([]);
      // It was tight enough to matter, and not so tight that nothing passed.
      expect([...outcomes]).toEqual(expect.arrayContaining(['sent', code]));
      // The judge sees what is over a limit.
      const tighter = paces.map((pace) => ({ ...pace, limit: 0, windowMs: Number.POSITIVE_INFINITY }));
      expect(brokenPaces(entries, tighter).length).toBeGreaterThanOrEqual(paces.length);
    },
  );

  it('the judge sees what is over a limit', () => {
    const journal = accounts.flatMap((one) => one.journal()).filter(({ events }) => events.some(({ type }) => type === 'order'));
    const tight = { maxOrderNotional: '1', maxStrategyExposure: '1', maxAccountExposure: '1', maxOpenOrders: 0 };
    const broken = brokenLimits(journal, tight, () => 'all').map((one) => one.split(':')[0]);
    expect(new Set(broken)).toEqual(new Set(['account', 'all', 'open orders', 'order']));
  });
});
