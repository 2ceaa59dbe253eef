import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import type { EvidenceFile, KillStore } from '../../activities/ports/kill.js';
import type { Authorised } from '../../activities/ports/store.js';
import { decimal } from '../../core/money/index.js';
import { flattenIntentId } from '../../core/protection/position-key.js';
import { decideFlatten } from '../../core/risk/kill.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';

const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };

/** Where JSON has a number that is an amount: a fraction (but of a model), or under a name of one. */
function amountsAsNumbers(value: unknown, path = ''): string[] {
  if (typeof value === 'number') {
    const isFraction = !Number.isInteger(value) && !/(score|threshold)$/.test(path);
    return isFraction || /(price|quantity|notional|fee|equity|cost|pnl|amount)$/i.test(path) ? [path] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => amountsAsNumbers(inner, `${path}.${name}`));
}

describe('P27: what a kill sends', () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let kills: KillStore;
  let sequence = 0;

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    kills = createKillStore(stack.pool);
    const steps = createOrderActivities(stack.dependencies);
    const signal = stack.signal('open', 1_000);
    await steps.authorise(signal);
    const bought = await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT));
    if (bought.status !== 'filled') throw new Error(`what the tests need was not bought: ${JSON.stringify(bought)}`);
  });
  beforeEach(() => stack.database.pool.query('delete from kill_leases; update latches set released_at = clock_timestamp()'));
  afterAll(async () => {
    await halts?.close();
    await stack?.close();
  });

  const latch = (policy: 'none' | 'atOnce') =>
    halts.latch({ scope: 'account', scopeValue: ACCOUNT }, { subject: 'watch', underKey: null, reason: 'a test', policy });
  /** P4 for a small sale, over what the ledger says now. */
  const authorise = async (owner: string): Promise<Authorised> => {
    const view = await kills.readKill(ACCOUNT);
    sequence += 1;
    const rules = view.instruments[INSTRUMENT];
    // As if a latch stood: whether one does is the statement's to say here.
    const ledger = { ...view.risk, latches: [{ scope: 'everything', scopeValue: '' } as const], ...(rules && { instrument: rules }) };
    const verdict = decideFlatten(KEY, { sequence, quantity: decimal('0.001'), collarBps: 50 }, ledger, decimal('50000'));
    const intentId = flattenIntentId(KEY, sequence);
    const intent = { ...KEY, intentId, strategyVersion: 'halt', leg: 'close', purpose: 'flatten', sequence } as const;
    const { controlVersion } = ledger;
    const input = { intent, signal: null, clientOrderId: intentId, epoch: 1, controlVersion, verdict, authorisedForMs: 5_000 };
    return kills.ordersAs(owner).authorise(input, {});
  };
  const submit = async (owner: string | undefined) => {
    const input = {
      intentId: flattenIntentId(KEY, sequence),
      epoch: 1,
      signedTimestamp: Date.now(),
      clockErrorMs: 40,
      receiveWindowMs: 500,
    };
    const { kind, order } = await (owner === undefined ? stack.dependencies.store : kills.ordersAs(owner)).beginSubmit(input);
    if (kind === 'submitting') expect(order.clockErrorMs).toBe(40);
    return [kind, order.status, ...order.failures.map(({ code }) => code)];
  };
  const overdue = () => stack.database.pool.query(`update kill_leases set until = clock_timestamp() - interval '1 second'`);

  it('is handed on with amounts as text, and with equity of which the moment is told', async () => {
    const { latchId } = await latch('none');
    await stack.database.pool.query(`update latches set engaged_at = engaged_at - interval '1 hour' where latch_id = $1`, [latchId]);
    const watched = (balancesMs: number) =>
      stack.database.pool.query(
        `update account_watch set equity = 100000.50, details = jsonb_build_object('balancesMs', $2::bigint) where account = $1`,
        [ACCOUNT, balancesMs],
      );
    await watched(0);
    const { equity, ...evidence } = await kills.evidence(ACCOUNT);
    expect(evidence['fills']).toMatchObject([
      { price: expect.stringMatching(/^[\d.]+$/) as string, quantity: expect.stringMatching(/^0\.0/) as string },
    ]);
    // What is exact is no number of JSON, which a reader takes for a float.
    expect(amountsAsNumbers({ equity, ...evidence })).toEqual([]);
    const newest = {
      equity: '100000.50',
      quote: 'USDT',
      sampledTime: expect.any(Number) as number,
      balancesTime: expect.any(Number) as number,
    };
    expect(equity).toMatchObject({ after: newest, newest, isWatched: true });
    // Its balances were read before the last fill was booked: it is not called equity after it.
    await watched(600_000);
    expect((await kills.evidence(ACCOUNT)).equity).toMatchObject({ after: null, newest, isWatched: true });
    await stack.database.pool.query(`update account_watch set equity = null, details = '{}' where account = $1`, [ACCOUNT]);
    expect((await kills.evidence(ACCOUNT)).equity).toMatchObject({ after: null, newest: null, isWatched: false });
  });

  it('knows what was written of latches before, unless they were called again since', async () => {
    const { latchId } = await latch('atOnce');
    const key = `halt:${ACCOUNT}:${latchId}`;
    expect(await kills.writtenBefore(key, [latchId])).toBeUndefined();
    const data = { latchIds: [latchId], evidence: { path: '/e/file.json', sha256: 'hash' } };
    await stack.dependencies.store.openIncident({ incidents: [{ key, account: ACCOUNT, kind: 'halt', data }] });
    expect(await kills.writtenBefore(key, [latchId])).toEqual({ file: data.evidence, time: expect.any(Number) as number });
    await latch('atOnce');
    expect(await kills.writtenBefore(key, [latchId])).toBeUndefined();
  });

  it('knows the file that was told of last, and of what, unless a halt was called again since', async () => {
    const { latchId } = await latch('none');
    const last = () => kills.writtenLast(ACCOUNT, [latchId]);
    const found = { unverified: [], dust: [], kept: [] };
    const tell = (file: EvidenceFile) => kills.writeKill(ACCOUNT, 'verified', found, file);
    // Of a build before it told this: what its incident is named after.
    const file = { path: '/e/last.json', sha256: 'hash', latchIds: [latchId] };
    const key = `halt:${ACCOUNT}:${latchId}:none+another:atOnce+sold 3`;
    const data = { latchIds: [latchId], evidence: { path: file.path, sha256: file.sha256 } };
    await tell(file);
    expect(await last()).toEqual({ file, of: [] });
    await stack.dependencies.store.openIncident({ incidents: [{ key, account: ACCOUNT, kind: 'halt', data }] });
    expect(await last()).toEqual({ file, of: [`${latchId}:none`, 'another:atOnce', 'sold 3'] });
    const now = { ...file, of: [`${latchId}:none`, 'direct'] };
    await tell(now);
    expect(await last()).toEqual({ file: now, of: now.of });
    await latch('none');
    expect(await last()).toBeUndefined();
  });

  it('P29: knows what the account’s fills have only paid with, and judges all else that is there', async () => {
    await stack.database.pool.query(
      `insert into ledger_balances (account, asset, quantity) values ($1, 'BNB', -0.001), ($1, 'USDC', 0) on conflict do nothing`,
      [ACCOUNT],
    );
    const { money, risk } = await kills.readKill(ACCOUNT);
    expect(money).toEqual(['BNB', 'USDC', 'USDT']);
    expect(Object.keys(risk.balances)).toContain('BTC');
  });

  it('keeps of looks that show the same the first two under each latch, and whatever differs', async () => {
    const kept = async (): Promise<number> => {
      const { rows } = await stack.database.pool.query<{ count: number }>('select count(*)::integer as count from kill_observations');
      return rows[0]?.count ?? Number.NaN;
    };
    const looked = async (venueTime: number, openOrders: readonly string[] = []): Promise<number> => {
      const before = await kept();
      await kills.observe(ACCOUNT, 'looked', { venueTime, prices: { [INSTRUMENT]: String(venueTime) }, openOrders });
      return (await kept()) - before;
    };
    await latch('none');
    expect([await looked(1), await looked(2), await looked(3), await looked(4)]).toEqual([1, 1, 0, 0]);
    expect([await looked(5, ['one']), await looked(6), await looked(7), await looked(8)]).toEqual([1, 1, 1, 0]);
    await halts.latch({ scope: 'everything', scopeValue: '' }, { subject: 'watch', underKey: null, reason: 'another', policy: 'none' });
    expect([await looked(9), await looked(10), await looked(11)]).toEqual([1, 1, 0]);
    await stack.database.pool.query(`update latches set engaged_at = engaged_at - interval '2 hours' where released_at is null`);
    expect(await looked(12)).toBe(0);
  });

  it('is by one at a time: a lease is held until it ends by itself', async () => {
    expect(await kills.takeLease(ACCOUNT, 'one', 10_000)).toMatchObject({ isMine: true });
    expect(await kills.takeLease(ACCOUNT, 'other', 10_000)).toMatchObject({ isMine: false, owner: 'one' });
    await kills.dropLease(ACCOUNT, 'other');
    expect(await kills.takeLease(ACCOUNT, 'one', 10_000)).toMatchObject({ isMine: true });
    await overdue();
    expect(await kills.takeLease(ACCOUNT, 'other', 10_000)).toMatchObject({ isMine: true });
  });

  it('needs the lease and a latch that sells, to be authorised', async () => {
    await kills.takeLease(ACCOUNT, 'one', 10_000);
    expect((await authorise('one')).kind).toBe('conflict');
    await latch('none');
    expect((await authorise('one')).kind).toBe('conflict');
    await latch('atOnce');
    expect((await authorise('other')).kind).toBe('conflict');
    expect((await authorise('one')).kind).toBe('written');
    const sold = async () => (await kills.readKill(ACCOUNT)).sold;
    const [under] = await sold();
    expect(under?.lastTime).toBeGreaterThan(0);
    await overdue();
    expect((await authorise('one')).kind).toBe('conflict');
    // What another halt has tried says nothing of a stop that was placed since.
    await stack.database.pool.query('update latches set released_at = clock_timestamp()');
    await latch('atOnce');
    expect(await sold()).toMatchObject([{ count: under?.count, tries: 0, lastTime: 0 }]);
  });

  it('P5: is not begun by an authorisation of a time to come, as of a database’s clock that was set back', async () => {
    await kills.takeLease(ACCOUNT, 'one', 10_000);
    await latch('atOnce');
    await authorise('one');
    const move = (by: string) =>
      stack.database.pool.query(
        `update orders set created_at = created_at + $2::interval, authorised_until = authorised_until + $2::interval where intent_id = $1`,
        [flattenIntentId(KEY, sequence), by],
      );
    await move('10 minutes');
    expect(await submit('one')).toEqual(['refused', 'expired', 'RISK_AUTHORISATION_EXPIRED']);
    await move('-10 minutes');
  });

  it('of its tries count those since the first halt that has this very position sold', async () => {
    const sold = async () => (await kills.readKill(ACCOUNT)).sold.map(({ tries, lastTime }) => [tries, lastTime > 0]);
    const since = (more: object, policy: 'none' | 'atOnce') =>
      halts.latch({ scope: 'account', scopeValue: ACCOUNT, ...more }, { subject: 'watch', underKey: null, reason: 'a test', policy });
    const anHourAgo = () =>
      stack.database.pool.query(`update latches set engaged_at = engaged_at - interval '1 hour' where released_at is null`);
    await since({}, 'atOnce');
    await kills.takeLease(ACCOUNT, 'one', 10_000);
    await authorise('one');
    await submit('one');
    await stack.database.pool.query(
      `update orders set status = 'expired', venue_order_id = 'sold-nothing', final_at = clock_timestamp(), reserved_quantity = 0
         where intent_id = $1`,
      [flattenIntentId(KEY, sequence)],
    );
    expect(await sold()).toEqual([[1, true]]);
    await stack.database.pool.query('update latches set released_at = clock_timestamp()');
    // Those that stood before and do not sell it say nothing of when its sale began.
    await since({ scope: 'instrument', scopeValue: 'ETH/USDT', account: ACCOUNT }, 'atOnce');
    await since({}, 'none');
    await anHourAgo();
    expect(await sold()).toEqual([[0, false]]);
    await since({ scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT }, 'atOnce');
    expect(await sold()).toEqual([[0, false]]);
    await anHourAgo();
    expect(await sold()).toEqual([[1, true]]);
  });

  it('its file begins with what no file tells of yet', async () => {
    const { pool } = stack.database;
    const times = async () => {
      const { timeline } = (await kills.evidence(ACCOUNT)) as unknown as { timeline: { kind: string; data: { n?: number } }[] };
      return timeline.flatMap(({ kind, data }) => (kind === 'test.event' ? [data.n] : []));
    };
    const happened = (n: number, daysAgo: number) =>
      pool.query(
        `insert into audit_events (kind, account, occurred_at, data)
           values ('test.event', $1, clock_timestamp() - make_interval(days => $2), jsonb_build_object('n', $3::integer))`,
        [ACCOUNT, daysAgo, n],
      );
    for (const [n, daysAgo] of [
      [1, 9],
      [2, 5],
      [3, 1],
    ] as const)
      await happened(n, daysAgo);
    const { latchId } = await latch('none');
    await pool.query(
      `update latches set engaged_at = engaged_at - interval '10 days', called_at = called_at - interval '10 days' where latch_id = $1`,
      [latchId],
    );
    expect(await times()).toEqual([1, 2, 3]);
    const found = { unverified: [], dust: [], kept: [] };
    await kills.writeKill(ACCOUNT, 'verified', found, { path: '/e/halt.json', sha256: 'a hash', latchIds: [latchId] });
    // A narrow one comes beside it: what was told of already is not told of once more.
    const narrow = await halts.latch(
      { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT },
      { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' },
    );
    expect(await times()).toEqual([]);
    await pool.query(`update latches set engaged_at = engaged_at - interval '3 days' where latch_id = $1`, [narrow.latchId]);
    expect(await times()).toEqual([3]);
    await pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [narrow.latchId]);
    // Made stricter, and called again since.
    await pool.query(`update kills set evidence_at = evidence_at - interval '6 days'`);
    await pool.query(
      `insert into audit_events (kind, account, occurred_at, data)
         values ('halt.tightened', $1, clock_timestamp() - interval '5 days 1 hour', jsonb_build_object('latchId', $2::text))`,
      [ACCOUNT, latchId],
    );
    await latch('none');
    expect(await times()).toEqual([2, 3]);
  });

  it('needs them again to be sent, and is proven unsent without', async () => {
    await latch('atOnce');
    for (const lose of [
      overdue,
      () => kills.dropLease(ACCOUNT, 'one'),
      () => stack.database.pool.query('update latches set released_at = clock_timestamp()'),
    ]) {
      await latch('atOnce');
      await kills.takeLease(ACCOUNT, 'one', 10_000);
      expect((await authorise('one')).kind).toBe('written');
      await lose();
      expect(await submit('one')).toEqual(['refused', 'expired', 'RISK_KILLED']);
    }
    await latch('atOnce');
    await kills.takeLease(ACCOUNT, 'one', 10_000);
    await authorise('one');
    // Nor by the way that all other orders take.
    expect(await submit(undefined)).toEqual(['refused', 'expired', 'RISK_KILLED']);
    await authorise('one');
    await latch('none');
    expect(await submit('one')).toEqual(['submitting', 'submitting']);
    // One send for each row, ever.
    expect(await submit('one')).toEqual(['stored', 'submitting']);
  });

  it('its end is not written over a halt that stands again, nor over one that is just being written', async () => {
    const { pool } = stack.database;
    const phase = async (): Promise<unknown> => (await pool.query<{ phase: string }>('select phase from kills')).rows[0]?.phase;
    const clear = { unverified: [], dust: [], kept: [] };
    const end = () => kills.writeKill(ACCOUNT, 'released', clear, null);
    await latch('none');
    await kills.writeKill(ACCOUNT, 'verified', clear, null);
    await end();
    expect(await phase()).toBe('verified');
    await pool.query('update latches set released_at = clock_timestamp()');
    await end();
    expect(await phase()).toBe('released');

    await latch('none');
    await kills.writeKill(ACCOUNT, 'verified', clear, null);
    await pool.query('update latches set released_at = clock_timestamp()');
    const client = await pool.connect();
    const cause = { subject: 'rik', underKey: null, reason: 'again', policy: 'none' };
    await client.query('begin');
    await client.query('select engage_latch($1::jsonb)', [{ scope: 'everything', scopeValue: '', account: null, ...cause }]);
    // The database itself sees that the end waits, or that it was written without.
    const called = client.query(`do $$ begin
        while not exists (select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid)))
            and not exists (select from kills where phase = 'released') loop
          perform pg_sleep(0.002);
        end loop;
      end $$; commit`);
    await Promise.all([end(), called]);
    client.release();
    expect(await phase()).toBe('verified');
  });

  it('P26: is missed soon after whoever carries it out was to show itself, and not while it does', async () => {
    const { pool } = stack.database;
    const one = async (sql: string): Promise<unknown> => Object.values((await pool.query<object>(sql)).rows[0] ?? {})[0];
    const missing = () => one(`select missing_kill('${ACCOUNT}', 5000) is not null`);
    const dueIn = () => one(`select round(extract(epoch from due_at - updated_at))::integer from kills`);
    const late = (seconds: number) => pool.query(`update kills set due_at = clock_timestamp() - make_interval(secs => $1)`, [seconds]);
    const clear = { unverified: [], dust: [], kept: [] };
    await latch('atOnce');
    await pool.query(
      `update latches set engaged_at = clock_timestamp() - interval '1 hour', called_at = clock_timestamp() - interval '1 hour'`,
    );
    await kills.writeKill(ACCOUNT, 'verified', clear, null);
    expect([await dueIn(), await missing()]).toEqual([32, false]);
    await kills.writeKill(ACCOUNT, 'running', { ...clear, unverified: [{ kind: 'unanswered', detail: 'it hangs' }] }, null);
    expect([await dueIn(), await missing()]).toEqual([15, false]);
    await late(1);
    expect(await missing()).toBe(true);
    // A step that takes long says that it goes on.
    await pool.query(`update kills set updated_at = clock_timestamp() - interval '50 seconds'`);
    await kills.touchKill(ACCOUNT);
    expect([await dueIn(), await missing()]).toEqual([62, false]);
    await late(1);
    expect(await missing()).toBe(true);
    // Of one that was called just now nobody can have told yet.
    await pool.query(`update latches set engaged_at = clock_timestamp(), called_at = clock_timestamp() where released_at is null`);
    expect(await missing()).toBe(false);
    await pool.query(
      `update latches set engaged_at = clock_timestamp() - interval '1 hour', called_at = clock_timestamp() - interval '1 hour'`,
    );
    // A build of before says nothing of when it comes again.
    await pool.query(`update kills set due_at = null, updated_at = clock_timestamp() - interval '119 seconds'`);
    expect(await missing()).toBe(false);
    await pool.query(`update kills set updated_at = clock_timestamp() - interval '121 seconds'`);
    expect(await missing()).toBe(true);
    await pool.query('update latches set released_at = clock_timestamp()');
    await kills.writeKill(ACCOUNT, 'released', clear, null);
    await late(1);
    await kills.touchKill(ACCOUNT);
    expect(await one(`select due_at < clock_timestamp() from kills`)).toBe(true);
  });

  it('P26: of a time to come, as of a clock of the database’s that was set back, is missed until somebody shows himself now', async () => {
    const { pool } = stack.database;
    const missing = async (): Promise<unknown> => (await pool.query(`select missing_kill('${ACCOUNT}', 5000) is not null as is`)).rows[0];
    const seen = async (): Promise<unknown> =>
      (await pool.query('select has_seen(k, l) as is from kills k, latches l where l.released_at is null')).rows[0];
    const ahead = `clock_timestamp() + interval '1 hour'`;
    const clear = { unverified: [], dust: [], kept: [] };
    await latch('atOnce');
    await pool.query(`update latches set engaged_at = ${ahead}, called_at = ${ahead} where released_at is null`);
    expect(await missing()).toEqual({ is: true });
    await kills.writeKill(ACCOUNT, 'running', clear, null);
    expect(await missing()).toEqual({ is: false });
    await pool.query(
      `update kills set updated_at = ${ahead}, due_at = ${ahead};
       update latches set engaged_at = ${ahead}, called_at = ${ahead} where released_at is null`,
    );
    expect(await missing()).toEqual({ is: true });
    // Called again, it is of now: what was looked at in a time to come is of before.
    await pool.query(
      `update latches set engaged_at = clock_timestamp() - interval '1 minute', called_at = clock_timestamp() - interval '1 minute' where released_at is null`,
    );
    expect(await missing()).toEqual({ is: true });
    await pool.query(
      `update kills set phase = 'verified', looked_at = ${ahead},
         looked_under = (select jsonb_agg(latch_id || ':' || policy) from latches where released_at is null)`,
    );
    expect(await seen()).toEqual({ is: false });
    await pool.query('update kills set looked_at = clock_timestamp()');
    expect(await seen()).toEqual({ is: true });
  });

  it('nobody else sells while a latch stands', async () => {
    await latch('atOnce');
    const exit = createOrderActivities(stack.dependencies);
    const signal = stack.signal('close', 9_000);
    expect(await exit.authorise(signal)).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_KILLED' }] });
  });
});
