import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createControlStore } from '../../adapters/store/control-store.js';
import { openHaltStore } from '../../adapters/store/halt-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import type { Finding } from '../../core/kill/verify.js';
import { KeelsonError } from '../../core/errors.js';
import { decimal, decimalTextOf } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { eventually } from '../../test/support/eventually.js';
import { INSTRUMENT, LIMITS, openLedger, testSignal, type Ledger } from '../../test/support/ledger.js';
import { openPaperAccount, type PaperAccount } from '../../test/support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createOrderActivities } from '../order/index.js';
import type { Balance, Venue } from '../ports/venue.js';
import { killDirectly } from './direct.js';
import type { KillDependencies } from './dependencies.js';

const ACCOUNT = 'main';
const LIMIT_MS = 60_000;

describe('P28: a venue that shows its balances late, on a real ledger', () => {
  let database: TestDatabase;
  let ledger: Ledger;
  let paper: PaperAccount;
  /** Balances of before, for as long as the venue shows them. */
  let late: readonly Balance[] | undefined;

  beforeAll(async () => {
    database = await testDatabase();
    ledger = await openLedger(database);
    paper = await openPaperAccount({
      account: ACCOUNT,
      venueName: 'paper',
      venueOf: (venue: Venue) => ({
        ...venue,
        // Longer than this test takes: what it says is not a matter of time.
        profile: { ...venue.profile, visibilityBoundMs: 600_000 },
        reader: { ...venue.reader, balances: async () => late ?? venue.reader.balances() },
      }),
    });
    await ledger.enrol(paper);
    const strategies = [{ strategy: 'momentum', instrument: INSTRUMENT, version: '1', modelHash: 'none' }];
    await createControlStore(ledger.pool).applyConfiguration({
      ...{ account: ACCOUNT, venue: 'paper', limits: LIMITS, strategies, subject: 'test' },
    });
  });
  afterAll(async () => {
    await paper?.close();
    await ledger?.close();
    await database?.drop();
  });

  const held = async (): Promise<string> =>
    (await ledger.dependencies.store.position({ account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT })).quantity.toFixed();

  it('is not verified by balances of before a purchase, nor of before its own sale, and says so', async () => {
    const before = await paper.venue.reader.balances();
    const referencePrice = decimalTextOf('50000');
    ledger.market.seePrice(ACCOUNT, INSTRUMENT, referencePrice, { seenTime: Date.now() });
    ledger.market.seeClock(ACCOUNT, { skewMs: 0, roundTripMs: 1 });
    const signal = { ...testSignal(ACCOUNT, 'open', Date.now()), instrument: INSTRUMENT, referencePrice };
    const steps = createOrderActivities(ledger.dependencies);
    expect(await steps.enter(signal)).toMatchObject({ kind: 'recorded' });
    await eventually(async () => expect((await steps.resolve(intentIdOf(signal))).order).toMatchObject({ status: 'filled' }), LIMIT_MS);
    const after = await paper.venue.reader.balances();
    const bought = await held();

    late = before;
    const halts = openHaltStore(database.url);
    const cause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' } as const;
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, cause);
    await halts.close();
    const settling: string[] = [];
    const looked = async ({ unverified }: Finding): Promise<void> => {
      const found = unverified.find((one) => one.kind === 'settling');
      if (found === undefined) return;
      const isHeld = (await held()) === bought;
      settling.push(`${isHeld ? 'held' : 'sold'} ${found.asset} ${found.quantity}`);
      // What it sells is seen late, too: all that was bought is then still shown.
      late = isHeld && late === before ? after : undefined;
    };
    const kills = createKillStore(ledger.pool);
    // The database is away just when what was verified is to be written.
    let isAway = true;
    const writeKill: typeof kills.writeKill = async (...written) => {
      if (!isAway) return kills.writeKill(...written);
      isAway = false;
      throw new KeelsonError('INFRA_DATABASE', { detail: 'away' });
    };
    const parts = { kills: { ...kills, writeKill }, protection: ledger.protection, newId: randomUUID, clock: Date.now };
    const files = { write: () => Promise.reject(new Error('nothing is concluded here')), readDirect: () => Promise.resolve([]) };
    const dependencies: KillDependencies = { ...ledger.dependencies, ...parts, files, pause: (ms) => wait(ms) };
    const ended = await killDirectly(dependencies, ACCOUNT, {
      ...{ scope: { scope: 'account' }, say: () => undefined, looked, stopping: new AbortController().signal },
    });
    expect(settling).toEqual([`held BTC ${bought}`, expect.stringMatching(/^sold BTC 0\.00994/u)]);
    expect(ended.unverified).toEqual([]);
    expect((await database.pool.query('select phase from kills')).rows).toEqual([{ phase: 'verified' }]);
    expect(decimal(await held()).lt('0.00002')).toBe(true);
    const shown = await paper.venue.reader.balances();
    const btc = (balances: readonly Balance[]) => decimal(balances.find(({ asset }) => asset === 'BTC')?.free ?? '0');
    expect(btc(shown).minus(btc(before)).lt('0.00002')).toBe(true);
    expect(btc(shown).gte(btc(before))).toBe(true);
  });
});
