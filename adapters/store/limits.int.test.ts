import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyEvent } from '../../activities/order/evidence.js';
import { createOrderActivities } from '../../activities/order/index.js';
import { watchLimits } from '../../core/risk/limit-rows.js';
import type { ConfiguredLimits } from '../../core/risk/limits.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { ACCOUNT, INSTRUMENT, LIMITS, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { seedPerson } from '../../test/support/people.js';
import { createControlStore } from './control-store.js';
import { openPool } from './pool.js';
import { createWatchStore } from './watch-store.js';

const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const STRATEGIES = [
  { strategy: 'momentum', instrument: INSTRUMENT, version: '1', modelHash: 'none' },
  { strategy: 'other', instrument: INSTRUMENT, version: '1', modelHash: 'none' },
];

describe('limits as rows', () => {
  let stack: TradingStack;
  let pool: pg.Pool;
  let bar = 0;
  let author = '';

  const query = (text: string, ...values: unknown[]) => stack.database.pool.query(text, values);
  const configure = (limits: ConfiguredLimits = LIMITS) =>
    createControlStore(pool).applyConfiguration({ account: ACCOUNT, venue: 'paper', limits, strategies: STRATEGIES, subject: 'test' });
  const view = () => stack.dependencies.store.readRisk(KEY);
  const place = { scope: 'account', scopeValue: ACCOUNT, account: ACCOUNT };
  const versionOf = async (where: object): Promise<number> => {
    const { rows } = await query(
      `select coalesce(max(version), 0)::int as version from limits where scope = $1::jsonb->>'scope' and scope_value = $1::jsonb->>'scopeValue' and limit_key = $1::jsonb->>'key'`,
      where,
    );
    return (rows[0] as { version: number }).version;
  };
  /** As a person tightens, and as two loosen. */
  const tighten = async (key: string, value: string | null, where: object = place): Promise<void> => {
    const change = { ...where, key, value, subject: 'rik', reason: 'a test' };
    await query('select tighten_limit($1)', { ...change, version: await versionOf(change) });
  };
  const loosen = async (key: string, value: string | null, where: object = place): Promise<unknown> => {
    const change = { ...where, key, value };
    return agree('loosenLimit', { ...change, version: await versionOf(change) });
  };
  const agree = async (action: string, payload: object): Promise<string> => {
    const { rows } = await query('select gen_random_uuid() as id');
    const requestId = (rows[0] as { id: string }).id;
    const asked = { requestId, action, account: ACCOUNT, payload, subject: 'rik', underKey: author, reason: 'a test', validForMs: 60_000 };
    await query('select request_approval($1)', asked);
    await query(
      `select decide_approval(jsonb_build_object('requestId', r.request_id, 'payloadHash', encode(r.payload_sha256, 'hex'), 'decision', 'approved',
         'reason', 'agreed', 'subject', 'rob', 'keyId', k.key_id)) from approval_requests r, api_keys k where r.request_id = $1 and k.subject = 'rob'`,
      requestId,
    );
    await query('select apply_limit_request($1)', { requestId });
    return requestId;
  };
  const authorise = async (strategy = 'momentum') => {
    const signal = { ...stack.signal('open', (bar += 1_000)), strategy };
    return { signal, verdict: await createOrderActivities(stack.dependencies).authorise(signal) };
  };
  const codes = ({ verdict }: Awaited<ReturnType<typeof authorise>>): string[] =>
    verdict.kind === 'denied' ? verdict.failures.map(({ code }) => code) : [];
  const forget = () =>
    query(`update orders set status = 'expired', final_at = now(), reserved_notional = 0, reserved_quantity = 0 where final_at is null`);

  beforeAll(async () => {
    stack = await openTradingStack();
    pool = openPool(stack.database.url, { applicationName: 'test' });
    author = await seedPerson(stack.database.pool, 'rik', ['risk']);
    await seedPerson(stack.database.pool, 'rob', ['risk']);
    await configure();
  });
  afterAll(async () => {
    await pool?.end();
    await stack?.close();
  });

  it('a start neither loosens what people tightened nor tightens again what two people loosened', async () => {
    await tighten('maxOpenOrders', '7');
    expect(await configure()).toMatchObject({ kept: [{ key: 'maxOpenOrders', configured: '50', holds: '7' }] });
    expect(await view()).toMatchObject({ limits: { maxOpenOrders: 7 } });
    await loosen('maxOpenOrders', '60');
    expect(await configure()).toMatchObject({ hasChanged: false, kept: [] });
    expect(await view()).toMatchObject({ limits: { maxOpenOrders: 60 } });
    expect(await configure({ ...LIMITS, maxOpenOrders: 40 })).toMatchObject({ hasChanged: true, kept: [] });
    expect(await view()).toMatchObject({ limits: { maxOpenOrders: 40 } });
    expect(await configure()).toMatchObject({ kept: [{ configured: '50', holds: '40' }] });
    expect((await query(`select value, subject from limits where limit_key = 'maxOpenOrders' order by version`)).rows).toEqual([
      { value: '50', subject: 'configuration' },
      { value: '7', subject: 'rik' },
      { value: '60', subject: 'rik' },
      { value: '40', subject: 'configuration' },
    ]);
    // An older build reads what the account's own rows say.
    expect((await query(`select limits->'maxOpenOrders' as said from risk_state where account = $1`, ACCOUNT)).rows).toEqual([
      { said: 40 },
    ]);
  });

  it('what the watch acts at is no looser for an edit of the file and a restart, and stricter at once', async () => {
    const watched = (drawdownLimitRatio: number, killPolicy: string) =>
      configure({ ...LIMITS, maxOpenOrders: 40, drawdownLimitRatio, killPolicy });
    const holds = async () => {
      const inputs = await createWatchStore(pool).read(ACCOUNT, []);
      const { drawdownLimitRatio, killPolicy } = watchLimits(inputs?.limitRows ?? [], { account: ACCOUNT, venue: 'paper' });
      return [drawdownLimitRatio, killPolicy];
    };
    // The file is the first to say it: the database is from before there were rows of it.
    expect(await holds()).toEqual([0.15, 'none']);
    expect(await watched(0.2, 'atOnce')).toMatchObject({ hasChanged: true, kept: [] });
    expect(await holds()).toEqual([0.2, 'atOnce']);
    expect(await watched(0.2001, 'none')).toMatchObject({
      hasChanged: false,
      kept: [
        { key: 'drawdownLimitRatio', configured: '0.2001', holds: '0.2' },
        { key: 'killPolicy', configured: 'none', holds: 'atOnce' },
      ],
    });
    expect(await holds()).toEqual([0.2, 'atOnce']);
    expect(await watched(0.1999, 'atOnce')).toMatchObject({ hasChanged: true, kept: [] });
    expect(await holds()).toEqual([0.1999, 'atOnce']);
    // A venue's row binds each of its accounts, and two people let more pass for good.
    await tighten('drawdownLimitRatio', '0.12', { scope: 'venue', scopeValue: 'paper' });
    expect(await holds()).toEqual([0.12, 'atOnce']);
    await loosen('drawdownLimitRatio', '0.3');
    await loosen('killPolicy', 'none');
    expect(await holds()).toEqual([0.12, 'none']);
    await tighten('drawdownLimitRatio', null, { scope: 'venue', scopeValue: 'paper' });
    expect(await watched(0.1999, 'atOnce')).toMatchObject({ hasChanged: false, kept: [] });
    expect(await holds()).toEqual([0.3, 'none']);
    expect((await query(`select value, subject from limits where limit_key = 'killPolicy' order by version`)).rows).toEqual([
      { value: 'atOnce', subject: 'configuration' },
      { value: 'none', subject: 'rik' },
    ]);
  });

  it('workers that start at once write the rows once', async () => {
    const account = 'fresh';
    const start = () =>
      createControlStore(pool).applyConfiguration({ account, venue: 'paper', limits: LIMITS, strategies: [], subject: 'test' });
    await Promise.all([start(), start(), start(), start()]);
    expect((await query(`select max(version)::int as most, count(*)::int as rows from limits where account = $1`, account)).rows).toEqual([
      { most: 1, rows: Object.keys(LIMITS).length },
    ]);
  });

  it('P4, P5: what was authorised under the limits before is not sent', async () => {
    const { signal, verdict } = await authorise();
    expect(verdict.kind).toBe('authorised');
    await tighten('maxStrategyExposure', '100', { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT });
    expect(await createOrderActivities(stack.dependencies).submit(intentIdOf(signal), ACCOUNT)).toMatchObject({
      kind: 'refused',
      failures: [{ code: 'RISK_CONTROL_CHANGED' }],
    });
    expect(codes(await authorise())).toEqual(['RISK_EXPOSURE_LIMIT']);
    const other = await authorise('other');
    expect(other.verdict.kind).toBe('authorised');
    await forget();
    await loosen('maxStrategyExposure', null, { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT });
  });

  it('an override lets one order pass, once, and none after its time', async () => {
    await tighten('maxOrderNotional', '100');
    expect(codes(await authorise())).toEqual(['RISK_NOTIONAL_LIMIT']);
    const payload = {
      strategy: null,
      instrument: INSTRUMENT,
      key: 'maxOrderNotional',
      value: '600',
      isForOneOrder: true,
      validForMs: 600_000,
    };
    const first = await agree('overrideLimit', payload);
    // An order that never leaves does not use it up, whoever ends it: the limits have moved, or the venue has sent us away.
    const { store, epoch } = stack.dependencies;
    const refused = await authorise();
    expect(refused.verdict.kind).toBe('authorised');
    await tighten('maxStrategyExposure', '10000', { scope: 'strategy', scopeValue: 'other', account: ACCOUNT });
    expect(await createOrderActivities(stack.dependencies).submit(intentIdOf(refused.signal), ACCOUNT)).toMatchObject({ kind: 'refused' });
    const unsent = await authorise();
    expect(unsent.verdict.kind).toBe('authorised');
    await applyEvent({ store, epoch }, intentIdOf(unsent.signal), { kind: 'expireUnsent' });
    const passed = await authorise();
    expect(passed.verdict.kind).toBe('authorised');
    // Once it is begun to be sent, nothing gives it back.
    await store.beginSubmit({ intentId: intentIdOf(passed.signal), epoch, signedTimestamp: 1, clockErrorMs: 0, receiveWindowMs: 5_000 });
    await forget();
    expect((await query('select used_by from limit_overrides where override_id = $1', first)).rows).toEqual([
      { used_by: intentIdOf(passed.signal) },
    ]);
    expect(codes(await authorise())).toEqual(['RISK_NOTIONAL_LIMIT']);

    // Decided while it stood, written when it did not any more: the statement asks the database's clock.
    const second = await agree('overrideLimit', payload);
    const { risk } = stack.dependencies;
    const expiring: typeof risk = {
      read: async (key, options) => {
        const seen = await risk.read(key, options);
        await query('update limit_overrides set expires_at = clock_timestamp() where override_id = $1', second);
        return seen;
      },
    };
    const late = createOrderActivities({ ...stack.dependencies, risk: expiring });
    expect(await late.authorise(stack.signal('open', (bar += 1_000)))).toMatchObject({
      kind: 'denied',
      failures: [{ code: 'RISK_NOTIONAL_LIMIT' }],
    });

    // One for every order lasts until it ends, and no order that needs it leaves after that: it is authorised no longer.
    const lasting = await agree('overrideLimit', { ...payload, isForOneOrder: false });
    const patient = createOrderActivities({
      ...stack.dependencies,
      store: { ...store, authorise: (input, events) => store.authorise({ ...input, authorisedForMs: 3_600_000 }, events) },
    });
    const outlasting = stack.signal('open', (bar += 1_000));
    expect((await patient.authorise(outlasting)).kind).toBe('authorised');
    const ends = `select expires_at as ends from limit_overrides where override_id = $1`;
    expect((await query(`select authorised_until as ends from orders where intent_id = $1`, intentIdOf(outlasting))).rows).toEqual(
      (await query(ends, lasting)).rows,
    );
    await query(`update orders set authorised_until = clock_timestamp() where intent_id = $1`, intentIdOf(outlasting));
    expect(await createOrderActivities(stack.dependencies).submit(intentIdOf(outlasting), ACCOUNT)).toMatchObject({ kind: 'refused' });
    await forget();
    for (let order = 0; order < 2; order += 1) {
      expect((await authorise()).verdict.kind).toBe('authorised');
      await forget();
    }
    await query('update limit_overrides set expires_at = clock_timestamp()');
    await loosen('maxOrderNotional', '10000');
  });

  it('P5: an entry is authorised until its trading hours close, and decided again where they have', async () => {
    const { risk, store } = stack.dependencies;
    const MINUTE_MS = 60_000;
    /** Open in this minute alone. */
    const minuteOf = (time: number): string => {
      const [from, until] = [time, time + MINUTE_MS].map((one) => new Date(one).toISOString().slice(11, 16));
      return `mon-sun ${from}-${until === '00:00' ? '24:00' : until}`;
    };
    let closes = 0;
    let behindMs = 0;
    const closing: typeof risk = {
      read: async (key, options) => {
        const seen = await risk.read(key, options);
        // What is held may be behind; what is read is not.
        const databaseTime = seen.databaseTime - (options?.fresh === true ? 0 : behindMs);
        const hours = minuteOf(seen.databaseTime - behindMs);
        closes = (Math.floor(databaseTime / MINUTE_MS) + 1) * MINUTE_MS;
        return {
          ...seen,
          ...(seen.watch && { watch: { ...seen.watch, sampledTime: databaseTime, equityTime: databaseTime } }),
          databaseTime,
          limits: { ...seen.limits, tradingHours: [hours] },
        };
      },
    };
    const patient = createOrderActivities({
      ...stack.dependencies,
      risk: closing,
      store: { ...store, authorise: (input, events) => store.authorise({ ...input, authorisedForMs: 3_600_000 }, events) },
    });
    const first = stack.signal('open', (bar += 1_000));
    expect(await patient.authorise(first)).toMatchObject({ kind: 'authorised' });
    const until = 'select epoch_ms(authorised_until) as until from orders where intent_id = $1';
    expect((await query(until, intentIdOf(first))).rows).toEqual([{ until: String(closes - 1) }]);
    await forget();
    behindMs = MINUTE_MS;
    expect(await patient.authorise(stack.signal('open', (bar += 1_000)))).toMatchObject({
      kind: 'denied',
      failures: [{ code: 'RISK_TRADING_HOURS' }],
    });
  });

  it('a strategy that repeats itself is disabled until a person enables it, and is then counted anew', async () => {
    const where = { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT };
    await query(`select enable_strategy($1)`, { account: ACCOUNT, strategy: 'momentum', subject: 'rik' });
    await query(`insert into strategy_switches (account, strategy) values ($1, 'momentum') on conflict do nothing`, ACCOUNT);
    await query(`update strategy_switches set counted_from = clock_timestamp()`);
    await tighten('maxRepeats', '2', where);
    for (let entry = 0; entry < 2; entry += 1) {
      expect((await authorise()).verdict.kind).toBe('authorised');
      await forget();
    }
    expect(codes(await authorise())).toEqual(['RISK_REPEATED_EXECUTION']);
    expect(codes(await authorise())).toEqual(['RISK_REPEATED_EXECUTION', 'RISK_STRATEGY_DISABLED']);
    expect((await query(`select subject, data->>'strategy' as strategy from audit_events where kind = 'strategy.disabled'`)).rows).toEqual([
      { subject: null, strategy: 'momentum' },
    ]);
    expect((await authorise('other')).verdict.kind).toBe('authorised');
    await forget();
    await query(`select enable_strategy($1)`, { account: ACCOUNT, strategy: 'momentum', subject: 'rik', reason: 'looked at' });
    // What another process has decided before a person enabled it disables it no more.
    await query('select write_events($1)', { repeated: [{ ...KEY, count: 2, reason: 'it repeats itself' }] });
    expect((await authorise()).verdict.kind).toBe('authorised');
    await forget();
    await loosen('maxRepeats', null, where);
  });

  it('what the venue has counted against us denies an entry before anything is compared and set, and no exit', async () => {
    const { venueOf } = stack.dependencies;
    const counted = (used: number) =>
      createOrderActivities({
        ...stack.dependencies,
        venueOf: (account) => ({ ...venueOf(account), weight: () => ({ kind: 'used' as const, used, limit: 6_000 }) }),
      });
    expect((await createOrderActivities(stack.dependencies).authorise(stack.signal('open', (bar += 1_000)))).kind).toBe('authorised');
    await forget();
    const { riskVersion } = await view();
    const over = counted(3_600);
    expect(await over.authorise(stack.signal('open', (bar += 1_000)))).toMatchObject({ failures: [{ code: 'RISK_VENUE_WEIGHT' }] });
    expect((await view()).riskVersion).toBe(riskVersion);
    await query(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ($1, 'momentum', $2, 1, 50000, 0)`,
      ACCOUNT,
      INSTRUMENT,
    );
    await query(`insert into position_sums values ($1, 'momentum', $2, 1)`, ACCOUNT, INSTRUMENT);
    expect((await over.authorise(stack.signal('close', (bar += 1_000)))).kind).toBe('authorised');
    await query('delete from positions');
    await query('delete from position_sums');
    await forget();
    expect((await counted(3_599).authorise(stack.signal('open', (bar += 1_000)))).kind).toBe('authorised');
    await forget();
  });

  it('a strategy that a required limit is missing for does not start', async () => {
    await loosen('maxInstrumentExposure', null);
    const { maxInstrumentExposure: _, ...rest } = LIMITS;
    expect(await configure(rest)).toMatchObject({ withoutLimits: [{ strategy: 'momentum' }, { strategy: 'other' }] });
    expect(codes(await authorise())).toEqual(['RISK_STRATEGY_INACTIVE', 'RISK_LIMITS_MISSING', 'RISK_EXPOSURE_LIMIT']);
    await tighten('maxInstrumentExposure', '50000');
    expect(await configure(rest)).toMatchObject({ withoutLimits: [] });
    expect((await authorise()).verdict.kind).toBe('authorised');
    await forget();
  });
});
