import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HaltCause } from '../../activities/ports/halt.js';
import type { KillStore, Released } from '../../activities/ports/kill.js';
import type { Latch, Mode } from '../../core/control/mode.js';
import type { Finding } from '../../core/kill/verify.js';
import { eventually } from '../../test/support/eventually.js';
import { foundClean } from '../../test/support/found-clean.js';
import { clearLook } from '../../test/support/look.js';
import { seedKey, seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';

const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' };
const MAIN: Latch = { scope: 'account', scopeValue: 'main' };

describe('P30: what ends a halt or a pause, by its statement, and whom it is over', () => {
  let database: TestDatabase;
  let pool: Pool;
  let halts: HaltStore;
  let kills: KillStore;
  let keys: { readonly rik: string; readonly olga: string };
  let orders = 0;

  beforeAll(async () => {
    database = await testDatabase();
    ({ pool } = database);
    halts = openHaltStore(database.url);
    kills = createKillStore(pool);
    keys = { rik: await seedPerson(pool, 'rik', ['risk']), olga: await seedPerson(pool, 'olga', ['risk']) };
    for (const account of ['main', 'other']) {
      await createControlStore(pool).applyConfiguration({ account, venue: 'paper', limits: {}, strategies: [], subject: 'test' });
    }
  });
  afterEach(async () => {
    await pool.query('update latches set released_at = clock_timestamp() where released_at is null');
    await pool.query(
      `update orders set status = 'expired', final_at = clock_timestamp(), reserved_quantity = 0, reserved_notional = 0 where final_at is null`,
    );
    await pool.query(`update control set mode = 'normal', reconciliation_hold = null`);
  });
  afterAll(async () => {
    await halts?.close();
    await database?.drop();
  });

  /** Rik asks for the end of it. @returns the request, and how Olga approves it. */
  const asked = async (latchId: string, incidents: readonly string[] = []) => {
    const requestId = randomUUID();
    await pool.query('select request_rearm($1)', [
      { requestId, latchId, reason: 'a test', incidents, subject: 'rik', underKey: keys.rik, validForMs: 600_000 },
    ]);
    const approve = async (keyId = keys.olga): Promise<string | undefined> => {
      const { rows } = await pool.query<{ hash: string }>(
        `select encode(payload_sha256, 'hex') as hash from approval_requests where request_id = $1`,
        [requestId],
      );
      const decision = { requestId, decision: 'approved', reason: 'seen', subject: 'olga', keyId, payloadHash: rows[0]?.hash };
      const { rows: answers } = await pool.query<{ answer: string }>('select decide_approval($1) as answer', [decision]);
      return answers[0]?.answer;
    };
    return { requestId, approve };
  };
  /** Every account under it is seen to be as it should, after all that came before. */
  const release = async (latchId: string, requestId: string): Promise<Released> => {
    for (const account of ['main', 'other']) {
      await kills.writeKill(account, 'verified', await clearLook(pool, account), null);
      await pool.query(
        `insert into reconciliations (account, last_clean_at) values ($1, clock_timestamp())
           on conflict (account) do update set last_clean_at = excluded.last_clean_at`,
        [account],
      );
    }
    return kills.release(latchId, requestId);
  };
  const unresolved = async (strategy: string): Promise<string> => {
    const intentId = `order-${(orders += 1)}`;
    await pool.query(
      `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until)
       values ($1, $1, 'main', $2, '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', 'unknown', 'IOC', 1, 100, 1, 100, 1, 1, clock_timestamp())`,
      [intentId, strategy],
    );
    return intentId;
  };

  it('an approval of two people ends it', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    expect(await release(latchId, requestId)).toEqual({ kind: 'notApproved', state: 'pending' });
    expect(await approve()).toBe('written');
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
  });

  it('who approved it anew under another key is named once', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    const taken = await seedKey(pool, 'olga');
    expect(await approve(taken)).toBe('written');
    await pool.query('update api_keys set revoked_at = clock_timestamp() where key_id = $1', [taken]);
    expect(await release(latchId, requestId)).toEqual({ kind: 'notApproved', state: 'pending' });
    expect(await approve()).toBe('written');
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
    const { rows } = await pool.query(
      `select data->'approvedBy' as by from audit_events where kind = 'halt.ended' and data->>'requestId' = $1`,
      [requestId],
    );
    expect(rows).toEqual([{ by: ['olga'] }]);
  });

  it('who asks twice at once under the same id has asked once', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const requestId = randomUUID();
    const request = { requestId, latchId, reason: 'a test', incidents: [], subject: 'rik', underKey: keys.rik, validForMs: 600_000 };
    const [first, second] = [await pool.connect(), await pool.connect()];
    try {
      await first.query('begin');
      await first.query('select request_rearm($1)', [request]);
      // It has not seen the first one, and waits for it.
      const late = second.query<{ answer: object }>('select request_rearm($1) as answer', [request]);
      await eventually(async () => {
        const { rowCount } = await pool.query(`select from pg_locks where not granted`);
        expect(rowCount).toBeGreaterThan(0);
      }, 10_000);
      await first.query('commit');
      expect((await late).rows).toMatchObject([{ answer: { result: 'pending', latchId } }]);
    } finally {
      first.release();
      second.release();
    }
    const { rowCount } = await pool.query(`select from audit_events where kind = 'approval.requested' and data->>'requestId' = $1`, [
      requestId,
    ]);
    expect(rowCount).toBe(1);
  });

  it('what was looked at before the last approval, before it was called, or not under it, is not verified anew', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    const before = await clearLook(pool, 'main');
    await approve();
    const seen = async (finding: Finding): Promise<Released> => {
      await kills.writeKill('main', 'verified', finding, null);
      return kills.release(latchId, requestId);
    };
    const notAnew = { kind: 'notClean', found: 'not verified anew: main' };
    expect(await seen(before)).toEqual(notAnew);
    const { look, ...found } = await clearLook(pool, 'main');
    // A build that tells no time of its look.
    expect(await seen(found)).toEqual(notAnew);
    const time = look?.time ?? 0;
    expect(await seen({ ...found, look: { time, under: [`${latchId}:atOnce`] } })).toEqual(notAnew);
    expect(await seen({ ...found, look: { time, under: [`${latchId}:none`] } })).not.toEqual(notAnew);
  });

  it('a comparison from before it was called, before the last approval, or before its last sale says nothing of what it has left', async () => {
    const clean = () => foundClean(pool, 'main');
    const notClean = { kind: 'notClean', unreconciled: ['main'] };
    await clean();
    const { latchId } = await halts.latch({ scope: 'account', scopeValue: 'main' }, { ...CAUSE, policy: 'atOnce' });
    const { requestId, approve } = await asked(latchId);
    const ended = async (): Promise<Released> => {
      await kills.writeKill('main', 'verified', await clearLook(pool, 'main'), null);
      return kills.release(latchId, requestId);
    };
    await clean();
    expect(await approve()).toBe('written');
    expect(await ended()).toMatchObject(notClean);
    // As if the approval had been before it, and the halt called after.
    await pool.query(`update reconciliations set last_clean_at = (select called_at from latches where latch_id = $1)`, [latchId]);
    expect(await ended()).toMatchObject(notClean);
    await clean();
    const slice = await unresolved('momentum');
    await pool.query(
      `update orders set purpose = 'flatten', leg = 'close', side = 'sell', status = 'filled', final_at = clock_timestamp(),
         reserved_quantity = 0, reserved_notional = 0 where intent_id = $1`,
      [slice],
    );
    expect(await ended()).toMatchObject(notClean);
    await clean();
    expect(await ended()).toEqual({ kind: 'released' });
  });

  it.each(['rik', 'olga'] as const)('ends nothing under who has lost the role since: %s', async (who) => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    expect(await approve()).toBe('written');
    await pool.query(`update people set roles = '{viewer}' where subject = $1`, [who]);
    try {
      const state = who === 'rik' ? 'expired' : 'pending';
      expect(await release(latchId, requestId)).toEqual({ kind: 'notApproved', state });
    } finally {
      await pool.query(`update people set roles = '{risk}' where subject = $1`, [who]);
    }
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
  });

  it.each(['watch', 'a person'])('an approval from before %s called it again ends nothing; a new one does', async (who) => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    expect(await approve()).toBe('written');
    const again = who === 'watch' ? CAUSE : { ...CAUSE, subject: 'rik', underKey: keys.rik };
    expect(await halts.latch(MAIN, again)).toMatchObject({ latchId, isNew: false });
    expect(await release(latchId, requestId)).toEqual({ kind: 'notApproved', state: 'overtaken' });
    const next = await asked(latchId);
    expect(await next.approve()).toBe('written');
    expect(await release(latchId, next.requestId)).toEqual({ kind: 'released' });
  });

  it('who asked before it was called again has seen another halt: none can approve it any more', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    await halts.latch(MAIN, { ...CAUSE, subject: 'rik', underKey: keys.rik, reason: 'it is real' });
    expect(await approve()).toBe('overtaken');
    expect(await release(latchId, requestId)).toEqual({ kind: 'notApproved', state: 'overtaken' });
    const next = await asked(latchId);
    expect(await next.approve()).toBe('written');
    expect(await release(latchId, next.requestId)).toEqual({ kind: 'released' });
  });

  it.each(['signature', 'skip'])('what a drawdown has halted ends only with its report: %s', async (part) => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    await pool.query(`insert into account_watch (account, quote) values ('main', 'USDT') on conflict do nothing`);
    await pool.query('select see_drawdown_halt($1, $2)', ['main', latchId]);
    await pool.query('select see_drawdown_halt($1, $2)', ['main', latchId]);
    const { rows } = await pool.query<{ run_id: string }>('select run_id from drawdown_runs where latch_id = $1', [latchId]);
    expect(rows).toHaveLength(1);
    const runId = rows[0]?.run_id ?? '';
    const { requestId, approve } = await asked(latchId);
    expect(await approve()).toBe('written');
    const missing = { kind: 'notClean', found: expect.stringContaining(`keelson runbooks show ${runId}`) };
    expect(await release(latchId, requestId)).toEqual(missing);
    // Another step of it that is left out says nothing of the report.
    const left = `insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor, ended_at, outcome)
      values ($1, $2, 1, $3, $4, '', 'rik', clock_timestamp(), 'done')`;
    await pool.query(left, [runId, 2, 'skip', 'evidence']);
    expect(await release(latchId, requestId)).toEqual(missing);
    // Nor does it that its run was given up.
    await pool.query('select end_runbook($1)', [{ runId, status: 'aborted', detail: 'a test' }]);
    expect(await release(latchId, requestId)).toEqual(missing);
    await pool.query(left, [runId, 4, part, 'signature']);
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
  });

  it('a request that was made of a laxer halt ends no stricter one, and none can approve it any more', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const { requestId, approve } = await asked(latchId);
    expect(await halts.latch(MAIN, { ...CAUSE, policy: 'atOnce' })).toMatchObject({ latchId, policy: 'atOnce' });
    expect(await approve()).toBe('overtaken');
    expect(await release(latchId, requestId)).toEqual({ kind: 'notApproved', state: 'overtaken' });
  });

  it('whoever was called for a halt reads what it is about, and is not called any more when two people have ended it', async () => {
    const cause: HaltCause = { subject: 'rik', underKey: keys.rik, reason: 'a spread', policy: 'atOnce' };
    const { latchId } = await halts.latch(MAIN, cause);
    const wide = await halts.latch({ scope: 'everything', scopeValue: '' }, CAUSE);
    const opened = async (key: string, kind: string, data: object): Promise<string> => {
      const { rows } = await pool.query<{ id: string }>(
        `insert into incidents (incident_key, account, kind, data) values ($1, 'main', $2, $3) returning incident_id::text as id`,
        [key, kind, data],
      );
      return rows[0]?.id ?? '';
    };
    const text = ['order 7 in BTC/USDT is unknown'];
    const incidents = [
      await opened('n', 'haltNotVerified', { latchIds: [latchId], count: 1, text }),
      await opened('h', 'halt', { latchIds: [latchId], evidence: { path: '/e/halt.json' } }),
      await opened('both', 'halt', { latchIds: [latchId, wide.latchId], evidence: { path: '/e/both.json' } }),
      await opened('other', 'oddFill', {}),
    ];
    const alerts = async () => {
      const { rows } = await pool.query<{ severity: string; summary: string; by: string | null; due: boolean }>(
        `select severity, summary, acknowledged_by as by, next_at is not null as due from alerts
           where data->>'incidentId' = any ($1) order by alert_id`,
        [incidents],
      );
      return rows;
    };
    const called = 'account main, called by rik at ';
    const [notVerified, verified, both] = await alerts();
    expect(notVerified).toMatchObject({
      severity: 'critical',
      due: true,
      summary: expect.stringContaining(`NOT VERIFIED yet: ${text[0]}. Halted: ${called}`) as string,
    });
    expect(notVerified?.summary).toMatch(/ UTC: a spread\. What is held is sold.*keelson halts/);
    expect(verified).toMatchObject({
      severity: 'error',
      due: true,
      summary: expect.stringMatching(/verified at the venue\. Halted: account main.*keelson rearm.*\/e\/halt\.json/) as string,
    });
    expect(both?.summary).toContain(called);
    expect(both?.summary).toContain('everything, called by watch');

    const { requestId, approve } = await asked(latchId, incidents);
    expect(await approve()).toBe('written');
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
    // What also tells of a halt that stands, and what is not of a halt, goes on calling.
    expect((await alerts()).map(({ by, due }) => [by, due])).toEqual([
      ['rik', false],
      ['rik', false],
      [null, true],
      [null, true],
    ]);
    const { rows: audited } = await pool.query(
      `select data->>'underKey' as key, data->>'reason' as reason from audit_events where kind = 'alert.acknowledged' order by event_id`,
    );
    expect(audited).toEqual([1, 2].map(() => ({ key: keys.rik, reason: 'two people have ended its halt: a test' })));
    // What came of it is a person's to close.
    const { rows: open } = await pool.query(`select count(*)::int as n from incidents where closed_at is null`);
    expect(open).toEqual([{ n: 3 }]);
    await pool.query('update incidents set closed_at = clock_timestamp()');
  });

  it('under a part of an account only what is unresolved in that part is in the way', async () => {
    const { latchId } = await halts.latch({ scope: 'strategy', scopeValue: 'momentum' }, CAUSE);
    const { requestId, approve } = await asked(latchId);
    expect(await approve()).toBe('written');
    await unresolved('another');
    const ours = await unresolved('momentum');
    expect(await release(latchId, requestId)).toEqual({ kind: 'notClean', found: `${ours} is unknown` });
    await pool.query(`update orders set status = 'filled', final_at = clock_timestamp() where intent_id = $1`, [ours]);
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
  });

  it('an account that has left the configuration is under no halt, and comes back under it', async () => {
    const control = createControlStore(pool);
    await pool.query(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('other', 's', 'BTC/USDT', 1, 1, 0)`,
    );
    const everything: Latch = { scope: 'everything', scopeValue: '' };
    // What is held has somebody to look after it. Nobody knows here what the venue would take.
    expect(await control.retireOthers(['main'])).toEqual([]);
    expect((await halts.latch(everything, CAUSE)).accounts).toEqual(['main', 'other']);
    await pool.query(`insert into instruments (venue, instrument, rules) values ('paper', 'BTC/USDT', $1)`, [
      { stepSize: '0.001', minQuantity: '0.002', minNotional: '5' },
    ]);
    const held = (quantity: string, cost: string) =>
      pool.query(`update positions set quantity = $1, cost = $2 where account = 'other'`, [quantity, cost]);
    for (const [quantity, cost] of [
      ['0.002', '5'],
      // It was bought for little, and is worth more now.
      ['0.05', '4.99'],
      ['-0.0001', '0'],
    ] as const) {
      if (cost === '4.99') {
        await pool.query(
          `insert into bars (venue, instrument, interval_ms, open_time, close_time, open, high, low, close, volume, source)
           values ('paper', 'BTC/USDT', 1000, 0, 999, 100, 100, 100, 100, 1, 'stream')`,
        );
      }
      await held(quantity, cost);
      expect(await control.retireOthers(['main'])).toEqual([]);
    }
    // Less than the venue takes goes nowhere, and is listed.
    await held('0.0019', '500');
    expect(await control.retireOthers(['main'])).toEqual(['other']);
    const { rows: listed } = await pool.query<{ data: object }>(`select data from audit_events where kind = 'account.retired'`);
    expect(listed).toEqual([
      { data: { dust: [{ strategy: 's', instrument: 'BTC/USDT', quantity: expect.stringMatching(/^0\.0019/) as unknown }] } },
    ]);
    expect(await control.retireOthers(['main'])).toEqual([]);
    expect((await halts.latch(everything, CAUSE)).accounts).toEqual(['main']);
    // Nobody opens anything there meanwhile.
    await expect(
      pool.query(
        `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
           time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until)
         values ('left', 'left', 'other', 's', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', 'authorised', 'IOC', 1, 100, 1, 100, 1, 1, clock_timestamp())`,
      ),
    ).rejects.toThrow('account other has left the configuration');
    expect(await control.retireOthers(['main', 'other'])).toEqual([]);
    expect((await halts.latch(everything, CAUSE)).accounts).toEqual(['main', 'other']);
    const { rows } = await pool.query(`select kind from audit_events where account = 'other' and kind like 'account.%' order by event_id`);
    expect(rows).toEqual([{ kind: 'account.retired' }, { kind: 'account.returned' }]);
  });

  it.each<[Mode, Mode, Mode]>([
    ['normal', 'reduceOnly', 'reduceOnly'],
    ['normal', 'paused', 'paused'],
    ['reduceOnly', 'observation', 'reduceOnly'],
  ])('a pause by a reconciliation, from %s, that the watch tightens to %s ends in %s', async (was, wanted, after) => {
    await pool.query(`update control set mode = 'paused', reconciliation_hold = $1 where account = 'main'`, [{ was, classes: [] }]);
    const watched = async (): Promise<unknown> =>
      (await pool.query(`select read_watch_inputs('{"account": "main", "instruments": []}')->'hold'->>'was' as mode`)).rows[0];
    // The watch sees what it would go back to, and asks for nothing that holds then already.
    expect(await watched()).toEqual({ mode: was });
    await pool.query(`select tighten_mode('main', $1, 'a test')`, [wanted]);
    expect(await watched()).toEqual({ mode: after });
    const { rows } = await pool.query(`select mode, reconciliation_hold->>'was' as was from control where account = 'main'`);
    expect(rows).toEqual([{ mode: 'paused', was: after }]);
  });

  it('what people were told of a halt that is verified meanwhile is over, and is no incident that its end would have to name', async () => {
    const { latchId } = await halts.latch(MAIN, CAUSE);
    const open = async (count: number, ...latchIds: string[]) =>
      pool.query('select write_events($1)', [
        {
          incidents: [
            { key: `haltNotVerified:${latchId}:${count}`, account: 'main', kind: 'haltNotVerified', data: { latchIds, text: [] } },
          ],
        },
      ]);
    for (let count = 1; count <= 120; count += 1) await open(count, latchId);
    const left = async () =>
      (
        await pool.query<{ key: string }>(
          `select incident_key as key from incidents where kind = 'haltNotVerified' and closed_at is null order by incident_id`,
        )
      ).rows.map(({ key }) => key);
    const { look: _, ...found } = await clearLook(pool, 'main');
    await kills.writeKill('main', 'verified', found, null);
    expect(await left()).toHaveLength(120);
    // Another stands, that nobody has looked at.
    const seen = await clearLook(pool, 'main');
    const wide = await halts.latch({ scope: 'everything', scopeValue: '' }, CAUSE);
    await open(121, latchId, wide.latchId);
    await kills.writeKill('main', 'verified', seen, null);
    expect(await left()).toEqual([`haltNotVerified:${latchId}:121`]);
    await pool.query('update latches set released_at = clock_timestamp() where latch_id = $1', [wide.latchId]);
    const { requestId, approve } = await asked(latchId);
    await approve();
    expect(await release(latchId, requestId)).toEqual({ kind: 'released' });
    const { rows } = await pool.query<{ count: number }>(
      `select count(*)::integer as count from audit_events e join incidents i on i.incident_id::text = e.data->>'incidentId'
         where e.kind = 'incident.closed' and e.subject = 'kill' and i.incident_key like 'haltNotVerified:' || $1 || ':%'`,
      [latchId],
    );
    expect(rows).toEqual([{ count: 121 }]);
  });
});
