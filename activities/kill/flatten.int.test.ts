import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createControlStore } from '../../adapters/store/control-store.js';
import { openHaltStore } from '../../adapters/store/halt-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { failure, KeelsonError } from '../../core/errors.js';
import { decimalTextOf } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { eventually } from '../../test/support/eventually.js';
import { INSTRUMENT, LIMITS, openLedger, testSignal, type Ledger } from '../../test/support/ledger.js';
import { openPaperAccount, type PaperAccount } from '../../test/support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { disagreements } from '../../test/support/witness.js';
import { createOrderActivities } from '../order/index.js';
import type { Venue } from '../ports/venue.js';
import type { KillDependencies } from './dependencies.js';
import { createKillFlatten } from './flatten.js';
import { createKillVerify } from './verify.js';

const ACCOUNT = 'main';
const OTHER = 'BNB/USDT';
const PRICES = { [INSTRUMENT]: decimalTextOf('50000'), [OTHER]: decimalTextOf('500') };
const LIMIT_MS = 60_000;

describe('flattening, on a real ledger and paper venue', () => {
  let database: TestDatabase;
  let ledger: Ledger;
  let paper: PaperAccount;
  /** Whose orders get no answer, and are told nothing of. */
  let silent: string | undefined;
  /** Whose sales are refused; a stop is taken. */
  let refused: string | undefined;
  /** Whose sales nobody buys. */
  let unwanted: string | undefined;
  let refusals = 0;
  /** Whether the venue tells no balances any more as soon as a stop was taken away. */
  let blinding: 'no' | 'waiting' | 'blind' = 'no';

  beforeAll(async () => {
    database = await testDatabase();
    ledger = await openLedger(database);
    paper = await openPaperAccount({
      account: ACCOUNT,
      venueName: 'paper',
      venueOf: (venue: Venue) => ({
        ...venue,
        sender: {
          submit: async (request, deadlineMs) => {
            const isStop = request.stopPrice !== undefined;
            if (request.instrument === refused && !isStop) {
              refusals += 1;
              return { kind: 'rejected', failure: failure('VENUE_REJECTED', { venue: 'paper', detail: 'not now' }) };
            }
            if (request.instrument === unwanted && !isStop) {
              return venue.sender.submit({ ...request, price: decimalTextOf(String(Number(request.price) * 2)) }, deadlineMs);
            }
            if (request.instrument !== silent) return venue.sender.submit(request, deadlineMs);
            return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
          },
        },
        reader: {
          ...venue.reader,
          balances: async () => {
            if (blinding !== 'blind') return venue.reader.balances();
            throw new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'balances', detail: 'gone' });
          },
          cancel: async (instrument, id) => {
            const canceled = await venue.reader.cancel(instrument, id);
            if (blinding === 'waiting') blinding = 'blind';
            return canceled;
          },
          lookUp: async (instrument, id) => {
            if (instrument !== silent) return venue.reader.lookUp(instrument, id);
            throw new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'order', detail: 'gone' });
          },
        },
      }),
    });
    await ledger.enrol(paper);
    const strategies = Object.keys(PRICES).map((instrument) => ({ strategy: 'momentum', instrument, version: '1', modelHash: 'none' }));
    await createControlStore(ledger.pool).applyConfiguration({
      ...{ account: ACCOUNT, venue: 'paper', limits: LIMITS, strategies, subject: 'test' },
    });
  });
  afterAll(async () => {
    await paper?.close();
    await ledger?.close();
    await database?.drop();
  });

  const held = async (instrument: string): Promise<string> =>
    (await ledger.dependencies.store.position({ account: ACCOUNT, strategy: 'momentum', instrument })).quantity.toFixed();

  /** Both are held, and a halt says that they have to go. */
  const halted = async (): Promise<{
    readonly latchId: string;
    readonly flatten: ReturnType<typeof createKillFlatten>;
    readonly verify: ReturnType<typeof createKillVerify>;
  }> => {
    const steps = createOrderActivities(ledger.dependencies);
    for (const [index, [bought, referencePrice]] of Object.entries(PRICES).entries()) {
      ledger.market.seePrice(ACCOUNT, bought, referencePrice, { seenTime: Date.now() });
      ledger.market.seeClock(ACCOUNT, { skewMs: 0, roundTripMs: 1 });
      const signal = { ...testSignal(ACCOUNT, 'open', Date.now() + index), instrument: bought, referencePrice };
      expect(await steps.enter(signal)).toMatchObject({ kind: 'recorded' });
      await eventually(async () => expect((await steps.resolve(intentIdOf(signal))).order).toMatchObject({ status: 'filled' }), LIMIT_MS);
    }
    const halts = openHaltStore(database.url);
    const cause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' } as const;
    const { latchId } = await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, cause);
    await halts.close();
    const parts = { kills: createKillStore(ledger.pool), protection: ledger.protection, newId: randomUUID, clock: Date.now };
    const files = { write: () => Promise.reject(new Error('nothing is concluded here')), readDirect: () => Promise.resolve([]) };
    const dependencies: KillDependencies = { ...ledger.dependencies, ...parts, files, pause: (ms) => wait(ms) };
    return { latchId, flatten: createKillFlatten(dependencies), verify: createKillVerify(dependencies) };
  };

  /** The stops of a position that rest. */
  const stops = async (instrument: string) => {
    const { rows } = await ledger.pool.query<{ status: string; quantity: string }>(
      `select status, trim_scale(quantity)::text as quantity from orders where instrument = $1 and purpose = 'stop' and final_at is null`,
      [instrument],
    );
    return rows;
  };
  /** One stop rests, for all that could be sold. */
  const isProtected = async (instrument: string): Promise<void> => {
    const [stop, ...others] = await stops(instrument);
    expect([stop?.status, others]).toEqual(['accepted', []]);
    const left = Number(await held(instrument)) - Number(stop?.quantity);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left).toBeLessThan(0.001);
  };
  /** Ten seconds later it is offered again. */
  const sellsAll = async (flatten: ReturnType<typeof createKillFlatten>, instrument: string): Promise<void> => {
    await ledger.pool.query(`update orders set created_at = created_at - interval '11 seconds' where purpose = 'stop'`);
    await eventually(async () => {
      expect(await flatten(ACCOUNT)).toMatchObject({ isDone: true });
      expect(Number(await held(instrument))).toBeLessThan(0.001);
    }, LIMIT_MS);
    expect(await stops(instrument)).toEqual([]);
  };

  it('P22: what nobody buys at the widest collar has its stop back, exactly, and is offered again when that has rested', async () => {
    const { latchId, flatten } = await halted();
    unwanted = OTHER;
    const first = await flatten(ACCOUNT);
    expect(first).toMatchObject({ isDone: false });
    // One within each collar, 50, 100, 200 and 400 bps, beside the one that sells the other position.
    expect(first.slices).toBe(5);
    expect(Number(await held(INSTRUMENT))).toBeLessThan(0.001);
    await isProtected(OTHER);
    expect(await flatten(ACCOUNT)).toMatchObject({ slices: 0 });
    await isProtected(OTHER);
    // Still nobody buys: it goes for one try only, and comes back.
    await ledger.pool.query(`update orders set created_at = created_at - interval '11 seconds' where purpose = 'stop'`);
    expect(await flatten(ACCOUNT)).toMatchObject({ slices: 1 });
    await isProtected(OTHER);

    unwanted = undefined;
    await sellsAll(flatten, OTHER);
    await eventually(async () => expect(await disagreements(database.pool, ACCOUNT, paper.witness())).toEqual([]), LIMIT_MS);
    await ledger.pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [latchId]);
  });

  it('P19: what takes no entries and only sales with a limit is sold, and has its stop back with one (P22)', async () => {
    const { latchId, flatten, verify } = await halted();
    const { rows: before } = await ledger.pool.query<{ instrument: string; rules: object }>('select instrument, rules from instruments');
    await ledger.pool.query(
      `update instruments set rules = rules || '{"trading": false, "status": "limit_only", "sales": "limit", "marketStop": true}'`,
    );
    unwanted = OTHER;
    expect(await flatten(ACCOUNT)).toMatchObject({ isDone: false });
    expect(Number(await held(INSTRUMENT))).toBeLessThan(0.001);
    await isProtected(OTHER);
    const { rows } = await ledger.pool.query(
      `select order_json(o)->>'type' as type from orders o where purpose = 'stop' and final_at is null`,
    );
    expect(rows).toEqual([{ type: 'stopLimit' }]);

    unwanted = undefined;
    await sellsAll(flatten, OTHER);
    expect((await verify(ACCOUNT)).unverified).toEqual([]);
    for (const { instrument, rules } of before)
      await ledger.pool.query('update instruments set rules = $2 where instrument = $1', [instrument, rules]);
    await ledger.pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [latchId]);
  });

  it('P22: what has lost its stop has it back when the round breaks off before it is sold', async () => {
    const { latchId, flatten } = await halted();
    unwanted = OTHER;
    expect(await flatten(ACCOUNT)).toMatchObject({ isDone: false });
    await isProtected(OTHER);
    await ledger.pool.query(`update orders set created_at = created_at - interval '11 seconds' where purpose = 'stop'`);
    blinding = 'waiting';
    await expect(flatten(ACCOUNT)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    expect(blinding).toBe('blind');
    await isProtected(OTHER);

    blinding = 'no';
    unwanted = undefined;
    await sellsAll(flatten, OTHER);
    await eventually(async () => expect(await disagreements(database.pool, ACCOUNT, paper.witness())).toEqual([]), LIMIT_MS);
    await ledger.pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [latchId]);
  });

  it.each(Object.keys(PRICES))('a position in %s of which the venue tells nothing keeps no other from being sold', async (instrument) => {
    const { latchId, flatten } = await halted();
    silent = instrument;
    await expect(flatten(ACCOUNT)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    const other = Object.keys(PRICES).find((one) => one !== instrument) ?? '';
    expect(Number(await held(other))).toBeLessThan(0.001);
    expect(Number(await held(instrument))).toBeGreaterThan(0.001);

    silent = undefined;
    await eventually(async () => expect(await flatten(ACCOUNT)).toMatchObject({ isDone: true }), LIMIT_MS);
    expect(Number(await held(instrument))).toBeLessThan(0.001);
    await eventually(async () => expect(await disagreements(database.pool, ACCOUNT, paper.witness())).toEqual([]), LIMIT_MS);
    await ledger.pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [latchId]);
  });

  it.each(Object.keys(PRICES))(
    'a position in %s that the venue refuses to sell is offered once a round, and keeps no other',
    async (instrument) => {
      const { latchId, flatten } = await halted();
      [refused, refusals] = [instrument, 0];
      expect(await flatten(ACCOUNT)).toMatchObject({ isDone: false, failures: [{ code: 'VENUE_REJECTED' }] });
      expect(refusals).toBe(1);
      const other = Object.keys(PRICES).find((one) => one !== instrument) ?? '';
      expect(Number(await held(other))).toBeLessThan(0.001);
      expect(Number(await held(instrument))).toBeGreaterThan(0.001);

      refused = undefined;
      await isProtected(instrument);
      await sellsAll(flatten, instrument);
      await eventually(async () => expect(await disagreements(database.pool, ACCOUNT, paper.witness())).toEqual([]), LIMIT_MS);
      await ledger.pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [latchId]);
    },
  );

  it('P28: a position whose row says nothing while its fills say something is not verified and keeps its stop, until it is mended', async () => {
    const { latchId, flatten, verify } = await halted();
    unwanted = INSTRUMENT;
    expect(await flatten(ACCOUNT)).toMatchObject({ isDone: false });
    await isProtected(INSTRUMENT);
    unwanted = undefined;
    const quantity = await held(INSTRUMENT);
    const keep = (kept: string) =>
      ledger.pool.query('update positions set quantity = $1 where account = $2 and instrument = $3', [kept, ACCOUNT, INSTRUMENT]);
    await keep('0');
    await ledger.pool.query(`update orders set created_at = created_at - interval '11 seconds' where purpose = 'stop'`);
    expect(await flatten(ACCOUNT)).toMatchObject({ slices: 0 });
    expect(await stops(INSTRUMENT)).toHaveLength(1);
    const contradicted = { kind: 'contradicted', strategy: 'momentum', instrument: INSTRUMENT, held: '0', filled: quantity };
    expect((await verify(ACCOUNT)).unverified).toContainEqual(contradicted);
    // Without a stop, too: it is all that speaks of the position.
    const [stop] = (
      await ledger.pool.query<{ id: string }>(`select client_order_id as id from orders where purpose = 'stop' and final_at is null`)
    ).rows;
    await paper.venue.reader.cancel(INSTRUMENT, stop?.id ?? '');
    await ledger.pool.query(
      `update orders set status = 'canceled', final_at = clock_timestamp(), reserved_quantity = 0, reserved_notional = 0
         where purpose = 'stop' and final_at is null`,
    );
    expect((await verify(ACCOUNT)).unverified).toEqual([contradicted]);

    await keep(quantity);
    await sellsAll(flatten, INSTRUMENT);
    expect((await verify(ACCOUNT)).unverified).toEqual([]);
    await ledger.pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [latchId]);
  });
});
