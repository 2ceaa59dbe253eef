import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OutageStore, ResumeResult } from '../../activities/ports/outage.js';
import { eventually } from '../../test/support/eventually.js';
import { seedCommand, seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { createOutageStore } from './outage-store.js';

const SEEN = { causes: ['venueUnreachable'], ageMs: 120_001, reason: 'a test' };
const OVER = { causes: [], ageMs: 0, reason: '' };

describe('an outage in the ledger', () => {
  let database: TestDatabase;
  let pool: Pool;
  let outages: OutageStore;
  let account: string;

  beforeAll(async () => {
    database = await testDatabase();
    ({ pool } = database);
    outages = createOutageStore(pool);
    await seedPerson(pool, 'olga', ['operator']);
  });
  afterAll(async () => {
    await database?.drop();
  });
  beforeEach(async () => {
    account = `a-${randomUUID().slice(0, 8)}`;
    await createControlStore(pool).applyConfiguration({ account, venue: 'paper', limits: {}, strategies: [], subject: 'test' });
    // From ahead, so that it stays young for as long as a busy machine takes.
    await change(
      `insert into account_watch (account, quote, sampled_at, equity, runs) values ($1, 'USDT', clock_timestamp() + interval '1 hour', 1, '{}')`,
    );
    await change('insert into reconciliations (account) values ($1)');
  });

  const change = async (text: string): Promise<void> => void (await pool.query(text, [account]));
  const see = (seen: object): Promise<unknown> => pool.query('select see_outage($1, $2)', [account, seen]);
  const hold = (cause: string): Promise<void> => change(`select hold_for_watch($1, '${cause}', 'a test')`);
  const isClean = (): Promise<void> => change('update reconciliations set last_clean_at = clock_timestamp() where account = $1');
  const rows = async <Row extends object>(text: string): Promise<Row[]> => (await pool.query<Row>(text, [account])).rows;
  const begun = async (): Promise<string> => {
    const found = await rows<{ run_id: string }>('select run_id from outages where account = $1 order by found_at desc limit 1');
    return found[0]?.run_id ?? '';
  };
  /** As the run does when it begins. */
  const takeLock = (runId: string): Promise<unknown> =>
    pool.query(
      `insert into runbook_locks (resource, run_id) select resource, run_id from runbook_runs where run_id = $1
         on conflict (resource) do update set run_id = excluded.run_id`,
      [runId],
    );
  /** Lost, answered, and over; compared clean after all of that. */
  const lostAndBack = async (): Promise<string> => {
    await hold('venueUnreachable');
    await see(SEEN);
    const runId = await begun();
    await takeLock(runId);
    await outages.noteTry(runId, { hasAnswered: false, detail: 'down' });
    await outages.noteTry(runId, { hasAnswered: true, detail: null });
    await see(OVER);
    await isClean();
    return runId;
  };
  const resume = (runId: string, lifts: string[] = [], repeatedWithinMs = 600_000): Promise<ResumeResult> =>
    outages.resume(runId, { lifts, repeatedWithinMs });
  const modeNow = async (): Promise<string | undefined> =>
    (await rows<{ mode: string }>('select mode from control where account = $1'))[0]?.mode;

  it('is one with one run, however often it is seen, and one more when its run is over and it comes again', async () => {
    await see(SEEN);
    await see(SEEN);
    await see({ ...SEEN, causes: ['venueUnreachable', 'noMarketData'] });
    const runId = await begun();
    // Again before its run has ended: that run treats it.
    await see(OVER);
    await see(SEEN);
    const started = await rows(`select data->>'runId' as run from outbox where kind = 'runbookAsked' and data->>'account' = $1`);
    expect(started).toEqual([{ run: runId }, { run: runId }]);
    expect(await rows('select causes, returned, over_at from outages where account = $1')).toEqual([
      { causes: ['noMarketData', 'venueUnreachable'], returned: 1, over_at: null },
    ]);
    await pool.query('select end_runbook($1)', [{ runId, status: 'aborted', detail: null }]);
    // Its run was ended by a person: the same outage begins no other.
    await see(SEEN);
    expect(await rows('select 1 from outages where account = $1')).toHaveLength(1);
    await see(OVER);
    await see(SEEN);
    expect(await rows('select 1 from outages where account = $1')).toHaveLength(2);
    expect(await begun()).not.toBe(runId);
  });

  it('whose run could not do its work has another after a minute, and no third while that one goes on', async () => {
    await see(SEEN);
    const first = await begun();
    await pool.query('select end_runbook($1)', [{ runId: first, status: 'refused', detail: 'the ledger was away' }]);
    await see(SEEN);
    expect(await begun()).toBe(first);
    // What has ended is refused every change: a minute passes by leave of a superuser.
    await pool.query(`begin; set local session_replication_role = 'replica';
      update runbook_runs set ended_at = ended_at - interval '61 seconds' where run_id = '${first}'; commit`);
    await see(SEEN);
    const second = await begun();
    expect(second).not.toBe(first);
    await see(SEEN);
    expect(await begun()).toBe(second);
    expect(await rows('select 1 from outages where account = $1 and over_at is null')).toHaveLength(1);
  });

  it('that is over while its run has ended without it calls a person', async () => {
    await hold('venueUnreachable');
    await see(SEEN);
    await pool.query('select end_runbook($1)', [{ runId: await begun(), status: 'aborted', detail: null }]);
    await see(OVER);
    const told = await rows<{ summary: string }>(`select summary from alerts where account = $1 and kind = 'outage.over'`);
    expect(told).toEqual([{ summary: expect.stringContaining('keelson resume') as string }]);
  });

  it('a pause for which an older build names no cause is one all the same', async () => {
    await pool.query('select hold_for_watch($1, null, $2)', [account, 'a test']);
    expect(await rows("select mode, reconciliation_hold->'classes' as classes from control where account = $1")).toEqual([
      { mode: 'paused', classes: ['equityUnknown'] },
    ]);
  });

  it('that is over and compared ends its own pause, once, in the mode from before or the stricter one that the watch asked for', async () => {
    const runId = await lostAndBack();
    expect(await modeNow()).toBe('paused');
    await change(`select tighten_mode($1, 'reduceOnly', 'a loss')`);
    expect(await resume(runId)).toBe('resumed');
    expect(await modeNow()).toBe('reduceOnly');
    await change(`update control set mode = 'paused' where account = $1`);
    expect(await resume(runId)).toBe('resumed');
    expect(await modeNow()).toBe('paused');
  });

  it.each<[string, string, ResumeResult]>([
    ['it is lost again', 'update outages set over_at = null where account = $1', 'notSteady'],
    ['the equity is not known', 'update account_watch set equity = null where account = $1', 'notSteady'],
    ['the watch finds it still', `update account_watch set runs = '{"noMarketData": {}}' where account = $1`, 'notSteady'],
    ['the watch is silent', `update account_watch set sampled_at = clock_timestamp() - interval '6 s' where account = $1`, 'notSteady'],
    [
      'no comparison began after its return',
      `update reconciliations set last_clean_at = (select over_at from outages where outages.account = $1) where account = $1`,
      'notReconciled',
    ],
    ['it was paused for another cause since', `select hold_for_watch($1, 'equityUnknown', 'a test')`, 'notReconciled'],
    [
      'a difference has paused it as well',
      `update control set reconciliation_hold = jsonb_set(reconciliation_hold, '{classes}', '["missedFill", "venueUnreachable"]') where account = $1`,
      'differences',
    ],
    [
      'it was paused before it was lost',
      `update control set reconciliation_hold = jsonb_set(reconciliation_hold, '{first}', to_jsonb(clock_timestamp() - interval '1 hour')) where account = $1`,
      'before',
    ],
    ['its run is over', 'delete from runbook_locks where run_id = (select run_id from outages where account = $1)', 'givenUp'],
    [
      'a person has given it up',
      `insert into runbook_commands (command_id, run_id, kind, reason, subject, key_id, applied_at)
         select gen_random_uuid(), run_id, 'abort', 'a test', 'olga', (select key_id from api_keys where subject = 'olga'), clock_timestamp()
         from outages where account = $1`,
      'givenUp',
    ],
    ['a person has let it go on', `update control set mode = 'normal', reconciliation_hold = null where account = $1`, 'going'],
    [
      'a halt stands',
      `select engage_latch(jsonb_build_object('scope', 'account', 'scopeValue', $1::text, 'policy', 'none', 'reason', 'a test', 'subject', 'watch'))`,
      'halted',
    ],
  ])('ends no pause when %s', async (_, meanwhile, expected) => {
    const runId = await lostAndBack();
    const before = expected === 'going' ? 'normal' : 'paused';
    await change(meanwhile);
    expect(await resume(runId)).toBe(expected);
    expect(await modeNow()).toBe(before);
    expect(await rows('select resumed_at from outages where account = $1')).toEqual([{ resumed_at: null }]);
  });

  describe('of a time to come, as of a clock of the database’s that was set back,', () => {
    const AHEAD = `clock_timestamp() + interval '1 hour'`;
    const ahead = (first: string): Promise<void> =>
      change(
        `with outage as (update outages set began_at = ${AHEAD}, found_at = ${AHEAD}, answered_at = ${AHEAD}, over_at = ${AHEAD} where account = $1)
         update control set reconciliation_hold = reconciliation_hold || jsonb_build_object('since', ${AHEAD}, 'first', ${first}) where account = $1`,
      );
    const look = (): Promise<void> =>
      change(
        `select begin_reconciliation_look(jsonb_build_object('runId', gen_random_uuid(), 'account', $1::text, 'scope', 'minute', 'owner', 'a-test',
           'forMs', 60000, 'epoch', (select epoch from instance)))`,
      );

    it('ends its own pause after the next comparison, and after none of before', async () => {
      const runId = await lostAndBack();
      await ahead(`${AHEAD} + interval '1 second'`);
      await isClean();
      expect(await resume(runId)).toBe('notReconciled');
      await change(`update reconciliations set last_clean_at = clock_timestamp() + interval '1 second' where account = $1`);
      await look();
      expect(await resume(runId)).toBe('notReconciled');
      await eventually(async () => {
        await isClean();
        expect(await resume(runId)).toBe('resumed');
      });
    });

    it('ends none that was there before it', async () => {
      const runId = await lostAndBack();
      await ahead(`${AHEAD} - interval '1 minute'`);
      expect(await resume(runId)).toBe('before');
      await look();
      await isClean();
      expect(await resume(runId)).toBe('before');
    });

    it.each(['at once', 'after a look'])('ends no pause of a time to come that was there before it was found: %s', async (when) => {
      await hold('equityUnknown');
      await change(
        `update control set reconciliation_hold = reconciliation_hold || jsonb_build_object('since', ${AHEAD}, 'first', ${AHEAD}) where account = $1`,
      );
      if (when === 'after a look') await look();
      const runId = await lostAndBack();
      await look();
      await isClean();
      expect(await resume(runId)).toBe('before');
      expect(await modeNow()).toBe('paused');
    });

    it('is no excuse for another', async () => {
      const earlier = await lostAndBack();
      expect(await resume(earlier)).toBe('resumed');
      await pool.query('select end_runbook($1)', [{ runId: earlier, status: 'completed', detail: null }]);
      const runId = await lostAndBack();
      await ahead(`${AHEAD} + interval '1 second'`);
      await look();
      await eventually(async () => {
        await isClean();
        expect(await resume(runId)).toBe('repeated');
      });
    });
  });

  it('goes on after a difference where the configuration says so of its class', async () => {
    const runId = await lostAndBack();
    await change(
      `update control set reconciliation_hold = jsonb_set(reconciliation_hold, '{classes}', '["missedFill", "venueUnreachable"]') where account = $1`,
    );
    expect(await resume(runId, ['missedFill'])).toBe('resumed');
  });

  it.each(['before', 'after'])('a person’s pause from %s it stays, and its end waits for a clean comparison', async (when) => {
    const pause = async (): Promise<void> => {
      const commandId = await seedCommand(pool, { account, kind: 'pause', subject: 'olga' });
      await pool.query('select apply_mode_command($1)', [{ commandId, account, kind: 'pause', mode: 'paused' }]);
    };
    if (when === 'before') await pause();
    const runId = await lostAndBack();
    if (when === 'after') await pause();
    expect(await resume(runId)).toBe('personsPause');
    const end = async (): Promise<string | undefined> => {
      const commandId = await seedCommand(pool, { account, kind: 'resume', subject: 'olga' });
      const command = { commandId, account, kind: 'resume', mode: 'normal' };
      const { rows: answers } = await pool.query<{ answer: { result: string } }>('select apply_mode_command($1) as answer', [command]);
      return answers[0]?.answer.result;
    };
    await change('update reconciliations set last_clean_at = null where account = $1');
    expect(await end()).toBe('notReconciled');
    await isClean();
    expect(await end()).toBe('applied');
    expect(await modeNow()).toBe('normal');
  });

  it('that comes again soon after the account went on is a person’s', async () => {
    const first = await lostAndBack();
    expect(await resume(first)).toBe('resumed');
    await pool.query('select end_runbook($1)', [{ runId: first, status: 'completed', detail: null }]);
    const second = await lostAndBack();
    expect(second).not.toBe(first);
    expect(await resume(second)).toBe('repeated');
    expect(await modeNow()).toBe('paused');
    expect(await resume(second, [], 0)).toBe('resumed');
  });

  it('stops entries again where somebody has let them go on too early, and tells what it was', async () => {
    const runId = await lostAndBack();
    await change(`update control set mode = 'normal', reconciliation_hold = null where account = $1`);
    await outages.freeze(runId);
    expect(await modeNow()).toBe('paused');
    await outages.page(runId, 'a test', 'it is away');
    await outages.page(runId, 'a test', 'it is away');
    expect(await rows(`select severity, times from alerts where account = $1 and kind = 'outage.lasts'`)).toEqual([
      { severity: 'critical', times: 2 },
    ]);
    await outages.report(runId);
    await outages.noteTry(runId, { hasAnswered: true, detail: null });
    // Whoever reported may have died before anybody heard of it.
    await outages.report(runId);
    expect(await rows(`select 1 from audit_events where account = $1 and kind = 'outage.reported'`)).toHaveLength(1);
    expect(await rows(`select report->'tries' as tries, report->'found' as found from outages where account = $1`)).toEqual([
      { tries: 2, found: [] },
    ]);
    expect(await outages.read(runId)).toMatchObject({ account, tries: 3, mode: 'paused', halt: null, resumedTime: null });
  });
});
