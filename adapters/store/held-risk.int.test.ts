import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OrderStore } from '../../activities/ports/store.js';
import { clientOrderIdOf } from '../../activities/order/client-order-id.js';
import type { ConfiguredLimits } from '../../core/risk/limits.js';
import type { RiskView } from '../../core/risk/view.js';
import { ZERO, ZERO_TEXT } from '../../core/money/index.js';
import { termsOf } from '../../core/risk/draft.js';
import { decideOrder } from '../../core/risk/gate.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { entryTerms, entryView } from '../../activities/order/dependencies.js';
import { applyEvent } from '../../activities/order/evidence.js';
import { createOrderActivities } from '../../activities/order/index.js';
import { ACCOUNT, INSTRUMENT, LIMITS, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { createControlStore } from './control-store.js';
import { HeldRisk, type HeldRiskOptions } from './held-risk.js';
import { createMarketStore } from './market-store.js';
import { openPool } from './pool.js';
import { eventually } from '../../test/support/eventually.js';

const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const LISTENER = 'held-risk';

describe('the risk state that a process holds', () => {
  let stack: TradingStack;
  let options: HeldRiskOptions;
  let source: HeldRisk;
  let pool: ReturnType<typeof openPool>;
  let reads = 0;
  let bar = 0;
  /** Called at the very moment at which the connection that listens is lost: it is made again half a second later. */
  let onLost = (): void => undefined;

  const query = (text: string, ...values: unknown[]) => stack.database.pool.query(text, values);
  /** The same but for the clock, which goes on, and the heartbeat, which has a test of its own. */
  const timeless = ({ databaseTime: _time, watch: _watch, ...view }: RiskView) => view;
  const timesOf = ({ recentOrders }: RiskView): number[] =>
    [...Object.values(recentOrders.times).flat(), ...recentOrders.entries.map((one) => one[2])].toSorted((one, other) => one - other);
  /** The same, lists in an order of their own and times but counted. */
  const inOrder = (view: RiskView) => {
    const { workingOrders, recentOrders, ...rest } = timeless(view);
    const ids = workingOrders.toSorted((one, other) => one.intentId.localeCompare(other.intentId));
    const entries = recentOrders.entries.map(([strategy, instrument]) => `${strategy} ${instrument}`).toSorted();
    const times = Object.entries(recentOrders.times)
      .map(([strategy, all]) => `${strategy} ${all.length}`)
      .toSorted();
    return { ...rest, workingOrders: ids, entries, times };
  };
  const counted = (store: OrderStore): Pick<OrderStore, 'readRisk'> => ({
    readRisk: (key) => {
      reads += 1;
      return store.readRisk(key);
    },
  });

  beforeAll(async () => {
    stack = await openTradingStack();
    pool = openPool(stack.database.url, { applicationName: 'test' });
    const { store } = stack.dependencies;
    const log = { warn: () => onLost() };
    options = { pool, url: stack.database.url, applicationName: LISTENER, store: counted(store), accounts: [ACCOUNT], log };
    source = await HeldRisk.open(options);
  });
  afterAll(async () => {
    await source?.close();
    await pool?.end();
    await stack?.close();
  });
  beforeEach(() => {
    reads = 0;
  });

  /** Asks until the answer comes from memory and is as the database has it. */
  const caughtUp = (): Promise<RiskView> =>
    eventually(async () => {
      reads = 0;
      const view = await source.read(KEY);
      expect(reads).toBe(0);
      expect(inOrder(view)).toEqual(inOrder(await stack.dependencies.store.readRisk(KEY)));
      return view;
    });

  it('P4: is what the database would tell, for every strategy and instrument', async () => {
    const strategies = [
      { strategy: 'momentum', instrument: INSTRUMENT, version: '1', modelHash: 'none' },
      { strategy: 'other', instrument: 'BNB/USDT', version: '7', modelHash: 'none' },
    ];
    const { store } = stack.dependencies;
    await createControlStore(pool).applyConfiguration({ account: ACCOUNT, venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
    const steps = createOrderActivities(stack.dependencies);
    const bought = stack.signal('open', (bar += 1_000));
    await steps.authorise(bought);
    const intentId = intentIdOf(bought);
    await steps.record(intentId, await steps.submit(intentId, ACCOUNT));
    await steps.authorise(stack.signal('close', (bar += 1_000)));
    await query(`insert into blocked_instruments (account, instrument, reason) values ($1, 'BNB/USDT', 'a test')`, ACCOUNT);
    const view = await caughtUp();
    expect(view).toMatchObject({ positions: [{ instrument: INSTRUMENT }], workingOrders: [{ leg: 'close' }], activeVersion: '1' });
    for (const strategy of ['momentum', 'other', 'unknown']) {
      for (const instrument of [INSTRUMENT, 'BNB/USDT']) {
        const key = { account: ACCOUNT, strategy, instrument };
        expect(timeless(await source.read(key))).toEqual(timeless(await store.readRisk(key)));
      }
    }
    expect(reads).toBe(0);
    await query('delete from blocked_instruments');
    await query(`update orders set status = 'expired', final_at = now(), reserved_quantity = 0 where final_at is null`);
    await query('delete from positions');
    await query('update risk_state set version = version + 1');
    await caughtUp();
  });

  it('P4: what only frees moves no version, and is held a moment later; everything else moves it', async () => {
    const { store, epoch } = stack.dependencies;
    const steps = createOrderActivities(stack.dependencies);
    const books = { store, epoch };
    const versionAfter = async (work: () => Promise<unknown>): Promise<bigint> => {
      const before = (await store.readRisk(KEY)).riskVersion;
      await work();
      return BigInt((await store.readRisk(KEY)).riskVersion) - BigInt(before);
    };
    const authorised = async (): Promise<string> => {
      const signal = stack.signal('open', (bar += 1_000));
      expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
      return intentIdOf(signal);
    };
    const unsent = await authorised();
    expect((await caughtUp()).workingOrders).toHaveLength(1);
    expect(await versionAfter(() => applyEvent(books, unsent, { kind: 'expireUnsent' }))).toBe(0n);
    expect((await caughtUp()).workingOrders).toHaveLength(0);

    const begun = async (): Promise<string> => {
      const intentId = await authorised();
      const submit = { intentId, epoch, signedTimestamp: Date.now(), receiveWindowMs: 500 };
      expect(await store.beginSubmit(submit)).toMatchObject({ kind: 'submitting' });
      return intentId;
    };
    const rests = await begun();
    expect(await versionAfter(() => applyEvent(books, rests, { kind: 'accept', venueOrderId: '1' }))).toBe(0n);
    const late = { kind: 'end', status: 'canceled', executedQuantity: ZERO, venueOrderId: '1' } as const;
    expect(await versionAfter(() => applyEvent(books, rests, late))).toBe(0n);
    // An instrument with an order of which nobody knows is blocked.
    const lost = await begun();
    expect(await versionAfter(() => applyEvent(books, lost, { kind: 'loseReply' }))).toBe(1n);
    expect(await versionAfter(() => applyEvent(books, lost, { ...late, venueOrderId: '2' }))).toBe(0n);
    await caughtUp();
  });

  it('P4: a verdict right after another is made on what that one has written, at once and without a second try', async () => {
    await caughtUp();
    const { dependencies } = stack;
    const steps = createOrderActivities({ ...dependencies, risk: source });
    const first = stack.signal('open', (bar += 1_000));
    const second = stack.signal('open', (bar += 1_000));
    reads = 0;
    const both = await Promise.all([steps.authorise(first), steps.authorise(second)]);
    expect(both).toMatchObject([{ kind: 'authorised' }, { kind: 'denied', failures: [{ code: 'RISK_POSITION_EXISTS' }] }]);
    // The one read is of the denial, which is never made on a held view.
    expect(reads).toBe(1);
    const { store, epoch } = dependencies;
    await applyEvent({ store, epoch }, intentIdOf(first), { kind: 'expireUnsent' });
    await caughtUp();
  });

  it('P4: entries follow one another without a read between them, and a conflict makes it read', async () => {
    const { dependencies } = stack;
    const { store, epoch } = dependencies;
    const strategies = ['momentum', 'other', 'third', 'fourth'].map((strategy) => ({
      strategy,
      instrument: INSTRUMENT,
      version: '1',
      modelHash: 'none',
    }));
    await createControlStore(pool).applyConfiguration({ account: ACCOUNT, venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
    await caughtUp();
    // One that has nothing left to read of what was before.
    const own = openPool(stack.database.url, { applicationName: 'test' });
    const held = await HeldRisk.open({ ...options, pool: own, applicationName: 'followed' });
    const queries = vi.spyOn(own, 'query');
    const asked = (name: string) => queries.mock.calls.filter(([one]) => (one as unknown as { name?: string }).name === name).length;
    const accountReads = () => asked('read_account_risk');
    const steps = createOrderActivities({ ...dependencies, risk: held });
    const entries: string[] = [];
    const enter = async (strategy: string): Promise<RiskView> => {
      const signal = { ...stack.signal('open', (bar += 1_000)), strategy };
      entries.push(intentIdOf(signal));
      expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
      return held.read({ ...KEY, strategy });
    };
    const asStored = async (strategy: string, view: RiskView): Promise<void> => {
      const stored = await store.readRisk({ ...KEY, strategy });
      expect(inOrder(view)).toEqual(inOrder(stored));
      // A row tells its time cut down to a millisecond: what is counted by it is never counted for too short a time.
      const ledger = timesOf(stored);
      expect(timesOf(view).every((time, index) => time >= (ledger[index] ?? 0) && time <= (ledger[index] ?? 0) + 1)).toBe(true);
    };

    reads = 0;
    for (const [index, strategy] of ['momentum', 'other', 'third'].entries()) {
      await asStored(strategy, await enter(strategy));
      // What the ledger told of it was looked at.
      await eventually(() => expect(asked('read_account_versions')).toBe(index + 1));
    }
    expect([reads, accountReads()]).toEqual([0, 0]);
    const { repeats, recentOrders, workingOrders } = await held.read({ ...KEY, strategy: 'third' });
    expect([repeats, Object.keys(recentOrders.times).length, workingOrders.length]).toEqual([1, 3, 3]);

    await query(`insert into blocked_instruments (account, instrument, reason) values ($1, 'BNB/USDT', 'a test')`, ACCOUNT);
    await enter('fourth');
    await eventually(async () => asStored('fourth', await held.read({ ...KEY, strategy: 'fourth' })));
    expect(accountReads()).toBeGreaterThan(0);
    for (const intentId of entries) await applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' });
    await query('delete from blocked_instruments');
    await configure('1', LIMITS);
    await caughtUp();
    await held.close();
    await own.end();
  });

  it('goes on with the database’s clock', async () => {
    const before = await caughtUp();
    await eventually(async () => expect((await source.read(KEY)).databaseTime).toBeGreaterThan(before.databaseTime));
    const { databaseTime } = await stack.dependencies.store.readRisk(KEY);
    expect((await source.read(KEY)).databaseTime).toBeGreaterThanOrEqual(databaseTime);
  });

  it('reads another account, and whatever is asked for fresh, from the database', async () => {
    await caughtUp();
    expect(timeless(await source.read(KEY, { fresh: true }))).toEqual(timeless(await source.read(KEY)));
    expect(reads).toBe(1);
    // What can only be had by asking is not held.
    expect(source.heldView({ ...KEY, account: 'nobody' })).toBeUndefined();
    expect(timeless(source.heldView(KEY) ?? (await source.read(KEY, { fresh: true })))).toEqual(timeless(await source.read(KEY)));
    expect(reads).toBe(1);
    await expect(source.read({ ...KEY, account: 'nobody' })).rejects.toMatchObject({ failure: { code: 'INPUT_UNKNOWN_ACCOUNT' } });
    expect(reads).toBe(2);
  });

  it('holds nothing while nobody tells of changes, and everything anew afterwards', async () => {
    await caughtUp();
    await query(`update control set mode = 'paused', version = version + 1`);
    const lost = new Promise<{ readonly version: unknown; readonly held: unknown; readonly view: Promise<RiskView> }>((resolve) => {
      onLost = () => resolve({ version: source.heldVersion(KEY), held: source.heldView(KEY), view: source.read(KEY) });
    });
    await query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()`,
      `${LISTENER}-risk`,
    );
    const { version, held, view } = await lost;
    onLost = () => undefined;
    expect([version, held]).toEqual([undefined, undefined]);
    expect(await view).toMatchObject({ mode: 'paused' });
    expect(reads).toBeGreaterThan(0);
    expect(await caughtUp()).toMatchObject({ mode: 'paused' });
    await query(`update control set mode = 'normal', version = version + 1`);
    expect(await caughtUp()).toMatchObject({ mode: 'normal' });
  });

  it.each([-3_600_000, 3_600_000])(
    'P26: a heartbeat of %i ms off, as of a clock that was set, is not taken, and all is read anew',
    async (offMs) => {
      await caughtUp();
      // Told by nobody.
      await stack.database.pool.query(
        `set session_replication_role = replica; update control set mode = 'observation'; set session_replication_role = origin`,
      );
      await query(
        `select pg_notify('keelson_risk', 'watch ' || jsonb_build_object('account', $1::text, 'sampledTime', epoch_ms(clock_timestamp()) + $2::bigint,
         'comparedTime', epoch_ms(clock_timestamp()))::text)`,
        ACCOUNT,
        offMs,
      );
      await eventually(() => expect(source.heldView(KEY)).toMatchObject({ mode: 'observation' }));
      const { watch, databaseTime = 0 } = source.heldView(KEY) ?? {};
      expect(Math.abs((watch?.sampledTime ?? databaseTime) - databaseTime)).toBeLessThan(60_000);
      await query(`update control set mode = 'normal', version = version + 1`);
      expect(await caughtUp()).toMatchObject({ mode: 'normal' });
    },
  );

  it('P2: tells the active version without waiting, and follows it without being asked', async () => {
    await caughtUp();
    expect(source.heldVersion(KEY)).toBe('1');
    expect(source.heldVersion({ ...KEY, strategy: 'nobody' })).toBeNull();
    expect(source.heldVersion({ ...KEY, account: 'nobody' })).toBeUndefined();
    await configure('2', LIMITS);
    await eventually(() => expect(source.heldVersion(KEY)).toBe('2'));
    await configure('1', LIMITS);
    await eventually(() => expect(source.heldVersion(KEY)).toBe('1'));
    expect(reads).toBe(0);
  });

  it.each([
    ['everything', '', null, true],
    ['account', ACCOUNT, null, true],
    ['venue', 'paper', null, true],
    ['strategy', 'momentum', ACCOUNT, true],
    ['instrument', INSTRUMENT, ACCOUNT, true],
    ['strategy', 'another', ACCOUNT, false],
    ['account', 'another', null, false],
  ])('tells a halt of %s %s without waiting, as far as it is in its scope', async (scope, value, account, isHalted) => {
    await caughtUp();
    expect(source.isHalted(KEY)).toBe(false);
    await query(
      'insert into latches (scope, scope_value, account, reason, subject) values ($1, $2, $3, $4, $4)',
      scope,
      value,
      account,
      'a test',
    );
    if (isHalted) await eventually(() => expect(source.isHalted(KEY)).toBe(true));
    else {
      await caughtUp();
      expect(source.isHalted(KEY)).toBe(false);
    }
    expect(source.isHalted({ ...KEY, account: 'nobody' })).toBe(false);
    await query('update latches set released_at = now()');
    await eventually(() => expect(source.isHalted(KEY)).toBe(false));
  });

  const configure = (version: string, limits: ConfiguredLimits) => {
    const strategies = [{ strategy: 'momentum', instrument: INSTRUMENT, version, modelHash: 'none' }];
    return createControlStore(pool).applyConfiguration({ account: ACCOUNT, venue: 'paper', limits, strategies, subject: 'test' });
  };
  /** Of the strategy alone, as a person would; null takes it away. */
  const bound = (value: string | null) =>
    query(
      `select tighten_limit(jsonb_build_object('scope', 'strategy', 'scopeValue', 'momentum', 'account', $1::text, 'key', 'maxOrderNotional',
         'value', $2::text, 'subject', 'test', 'reason', 'a test', 'version', (select coalesce(max(version), 0) from limits where scope = 'strategy')))`,
      ACCOUNT,
      value,
    );
  const latch = `insert into latches (scope, reason, subject) values ('everything', 'a test', 'test')`;
  it.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
    [
      'the mode',
      () => query(`update control set mode = 'paused', version = version + 1`),
      () => query(`update control set mode = 'normal'`),
    ],
    ['a limit', () => bound('1'), () => bound(null)],
    ['the active version', () => configure('2', LIMITS), () => configure('1', LIMITS)],
    [
      'the active version, by hand',
      () => query('update active_strategies set version = $1', '3'),
      () => query(`update active_strategies set version = '1'`),
    ],
    ['a latch', () => query(latch), () => query('update latches set released_at = now()')],
    [
      'a blocked instrument',
      () => stack.dependencies.store.openIncident({ blocks: [{ account: ACCOUNT, instrument: INSTRUMENT, reason: 'a test' }] }),
      () => query('delete from blocked_instruments'),
    ],
    [
      'the venue’s filters',
      async () =>
        createMarketStore(pool).saveInstruments(
          'paper',
          (await stack.venue.reader.instruments()).map((one) => ({ ...one, trading: false })),
        ),
      async () => createMarketStore(pool).saveInstruments('paper', await stack.venue.reader.instruments()),
    ],
    ['the inventory', () => query('update inventory set quantity = 0'), () => query('update inventory set quantity = 100000')],
    [
      'an order that works',
      () => createOrderActivities(stack.dependencies).authorise(stack.signal('open', (bar += 1_000))),
      () => query(`update orders set status = 'expired', final_at = now(), reserved_notional = 0 where final_at is null`),
    ],
  ])('P4, P5: lets no order through on a view from before %s changed', async (_what, change, undo) => {
    const before = await caughtUp();
    const signal = stack.signal('open', (bar += 1_000));
    const { sizing, execution } = entryTerms(stack.dependencies, signal);
    const terms = termsOf(sizing, { execution, attempt: 1, executed: ZERO_TEXT });
    const verdictOn = (view: RiskView) => decideOrder(signal, terms, view, entryView(stack.dependencies, ACCOUNT, INSTRUMENT));
    const verdict = verdictOn(before);
    expect(verdict).toMatchObject({ kind: 'approved' });

    await change();
    const { store, instanceId, epoch } = stack.dependencies;
    expect(verdictOn(await store.readRisk(KEY))).toMatchObject({ kind: 'denied' });
    const intentId = intentIdOf(signal);
    const intent = { ...KEY, intentId, strategyVersion: '1', leg: 'open', purpose: 'entry', sequence: 1 } as const;
    const clientOrderId = clientOrderIdOf(instanceId, intentId);
    const { controlVersion } = before;
    const written = await store.authorise({ intent, signal, clientOrderId, epoch, controlVersion, verdict, authorisedForMs: 5_000 }, {});
    if (written.kind !== 'conflict') {
      const begun = await store.beginSubmit({ intentId, epoch, signedTimestamp: Date.now(), receiveWindowMs: 500 });
      expect(begun).toMatchObject({ kind: 'refused' });
    }
    expect(verdictOn(await caughtUp())).toMatchObject({ kind: 'denied' });
    await undo();
    await query('update risk_state set version = version + 1');
    await caughtUp();
  });
});
