import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS } from '../../core/people/actions.js';
import { approvalState } from '../../core/people/approvals.js';
import { seedCommand, seedKey, seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openPool } from './pool.js';

const HOUR = 3_600_000;

describe('what two people decide, in the statements', () => {
  let database: TestDatabase;
  let pool: Pool;
  let store: ReturnType<typeof createControlStore>;
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    store = createControlStore(pool);
    for (const [subject, role] of [
      ['rik', 'risk'],
      ['rita', 'risk'],
      ['otto', 'operator'],
      ['ada', 'admin'],
    ] as const) {
      keys[subject] = await seedPerson(pool, subject, [role]);
    }
    await store.applyConfiguration({ account: 'main', venue: 'paper', limits: {}, strategies: [], subject: 'test' });
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  const one = async <T>(text: string, values: readonly unknown[]): Promise<T> => {
    const { rows } = await pool.query<{ answer: T }>(text, [...values]);
    return (rows[0] as { answer: T }).answer;
  };
  const command = (subject: string, kind: 'pause' | 'resume', holds = false): Promise<string> =>
    seedCommand(pool, { account: 'main', kind, subject, holds });
  const apply = (commandId: string, kind: 'pause' | 'resume') =>
    store.applyModeCommand({ account: 'main', commandId, kind, mode: kind === 'pause' ? 'paused' : 'normal' });
  const held = async (): Promise<void> => {
    expect(await apply(await command('rik', 'pause', true), 'pause')).toMatchObject({ kind: 'applied', mode: 'paused' });
  };
  const ask = (commandId: string, validForMs = HOUR) =>
    one<{ result: string }>('select request_resume($1) as answer', [{ commandId, validForMs }]);
  const hashOf = (requestId: string) =>
    one<string>(`select encode(payload_sha256, 'hex') as answer from approval_requests where request_id = $1`, [requestId]);
  const decide = async (requestId: string, subject: string, decision = 'approved', change: object = {}) =>
    one<string>('select decide_approval($1) as answer', [
      { requestId, subject, keyId: keys[subject], decision, reason: 'seen', payloadHash: await hashOf(requestId), ...change },
    ]);
  const mode = () => one<string>(`select mode as answer from control where account = 'main'`, []);

  it('ends a risk officer’s pause with two people, once, and says who they were', async () => {
    await held();
    const resume = await command('otto', 'resume');
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'missing' });
    expect(await ask(resume)).toMatchObject({ result: 'pending' });
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'pending' });
    expect(await decide(resume, 'rita')).toBe('written');
    expect(await decide(resume, 'rita')).toBe('stored');
    expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'normal', subject: 'otto' });
    const audit = await one(`select data as answer from audit_events where kind = 'mode.changed' order by event_id desc limit 1`, []);
    expect(audit).toMatchObject({ commandId: resume, approvedBy: ['rita'], keyId: keys['otto'], was: 'paused', mode: 'normal' });
    expect(audit).toMatchObject({
      version: await one<number>(`select version::integer as answer from control where account = 'main'`, []),
    });
    // Used: the same again changes nothing, and no other command lives on it.
    await held();
    expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'paused' });
    expect(await apply(await command('otto', 'resume'), 'resume')).toEqual({ kind: 'notApproved', state: 'missing' });
  });

  it('of two that were decided on the same state one is carried out, and a pause that names none is never held up', async () => {
    const version = () => one<string>(`select version::text as answer from control where account = 'main'`, []);
    await pool.query('update control set held_by = null');
    await apply(await command('otto', 'pause'), 'pause');
    const expectedVersion = await version();
    const decided = (subject: string, kind: 'pause' | 'resume') => seedCommand(pool, { account: 'main', kind, subject, expectedVersion });
    const both = await Promise.all(['otto', 'ada'].map((subject) => decided(subject, 'resume')));
    const answers = await Promise.all(both.map((id) => apply(id, 'resume')));
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['applied', 'moved']);
    expect(answers.find(({ kind }) => kind === 'moved')).toEqual({ kind: 'moved', mode: 'normal', version: await version() });
    // Told again, what was carried out stays so, and what was not is not.
    const repeated = await Promise.all(both.map((id) => apply(id, 'resume')));
    expect(repeated.map(({ kind }) => kind)).toEqual(answers.map(({ kind }) => kind));
    expect(await apply(await decided('otto', 'pause'), 'pause')).toMatchObject({ kind: 'moved' });
    expect(await mode()).toBe('normal');
    expect(await apply(await command('otto', 'pause'), 'pause')).toMatchObject({ kind: 'applied', mode: 'paused' });
    await apply(await command('ada', 'resume'), 'resume');
  });

  describe('a resume whose comparison has ended the pause by itself', () => {
    const version = () => one<string>(`select version::text as answer from control where account = 'main'`, []);
    /** Paused by a comparison, and decided on that. */
    const wished = async (was = 'normal'): Promise<string> => {
      const hold = { was, classes: ['balanceMovement'], since: new Date().toISOString() };
      await pool.query(
        `update control set mode = 'paused', held_by = null, runbook_hold = null, reconciliation_hold = $1, version = version + 1`,
        [hold],
      );
      return seedCommand(pool, { account: 'main', kind: 'resume', subject: 'otto', expectedVersion: await version() });
    };
    /** What end_reconciliation_look does where everything is named in liftAfter. */
    const lift = async (to = 'normal', subject = 'reconciliation'): Promise<void> => {
      await pool.query(`update control set mode = $1, reconciliation_hold = null, version = version + 1`, [to]);
      await pool.query(
        `insert into audit_events (kind, account, subject, data) values ('mode.changed', 'main', $1, jsonb_build_object('mode', $2::text))`,
        [subject, to],
      );
    };

    it('is done, and told as that each time; nothing more is changed by it', async () => {
      const resume = await wished();
      await lift();
      const before = await version();
      expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'normal', subject: 'otto' });
      expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'normal' });
      expect(await version()).toBe(before);
      const told = await one(`select jsonb_agg(data->>'commandId') as answer from audit_events where kind = 'mode.asWished'`, []);
      expect(told).toEqual([resume]);
      // It has no life of its own: a pause that came later stays.
      await apply(await command('otto', 'pause'), 'pause');
      expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'paused' });
      expect(await mode()).toBe('paused');
    });

    const written = (sql: string) => pool.query(sql).then(() => undefined);
    const others: readonly (readonly [string, () => Promise<void>])[] = [
      ['anything else has changed beside it', () => lift().then(() => written('update control set version = version + 1'))],
      ['it went back to a mode that was not wished', () => lift('observation')],
      ['somebody else has done it', () => lift('normal', 'ada')],
      ['a runbook holds the account', () => lift().then(() => written(`update control set runbook_hold = '{"was": "normal"}'`))],
      [
        'it was before it was wished',
        () =>
          lift().then(() => written(`update commands set created_at = clock_timestamp() + interval '1 second' where applied_at is null`)),
      ],
      [
        'nobody has lifted anything',
        () => written(`update control set mode = 'normal', reconciliation_hold = null, version = version + 1`),
      ],
    ];
    it.each(others)('is moved where %s', async (_, happens) => {
      await pool.query(
        `insert into audit_events (kind, account, subject, data) values ('mode.changed', 'main', 'otto', '{"mode": "paused"}')`,
      );
      const resume = await wished();
      await happens();
      expect(await apply(resume, 'resume')).toMatchObject({ kind: 'moved' });
      await pool.query(`update control set mode = 'normal', runbook_hold = null, reconciliation_hold = null`);
    });
  });

  it('a pause that does not hold is ended by one, and does not loosen one that does', async () => {
    await held();
    await apply(await command('otto', 'pause'), 'pause');
    const resume = await command('otto', 'resume');
    expect((await ask(resume)).result).toBe('pending');
    await decide(resume, 'ada');
    await apply(resume, 'resume');
    await apply(await command('otto', 'pause'), 'pause');
    const alone = await command('otto', 'resume');
    expect((await ask(alone)).result).toBe('free');
    expect(await apply(alone, 'resume')).toMatchObject({ kind: 'applied', mode: 'normal' });
  });

  it('what is refused, expired, or for an earlier pause does nothing', async () => {
    await held();
    const refused = await command('otto', 'resume');
    await ask(refused);
    expect(await decide(refused, 'rita')).toBe('written');
    expect(await decide(refused, 'ada', 'refused')).toBe('written');
    expect(await decide(refused, 'rik')).toBe('refused');
    expect(await apply(refused, 'resume')).toEqual({ kind: 'notApproved', state: 'refused' });

    const late = await command('otto', 'resume');
    await ask(late, 200);
    expect(await decide(late, 'rita')).toBe('written');
    await expect.poll(() => ask(late)).toMatchObject({ result: 'expired' });
    expect(await apply(late, 'resume')).toEqual({ kind: 'notApproved', state: 'expired' });

    const earlier = await command('otto', 'resume');
    await ask(earlier);
    await decide(earlier, 'rita');
    await held();
    expect(await apply(earlier, 'resume')).toEqual({ kind: 'notApproved', state: 'expired' });
    expect(await ask(earlier)).toMatchObject({ result: 'otherPayload' });
    expect(await mode()).toBe('paused');
  });

  it('a resume that was not carried out within an hour is none any more; a pause is', async () => {
    const pause = await command('otto', 'pause');
    const resume = await command('otto', 'resume');
    await pool.query(`update commands set created_at = created_at - interval '61 minutes' where command_id = any ($1)`, [[pause, resume]]);
    expect(await apply(pause, 'pause')).toMatchObject({ kind: 'applied', mode: 'paused' });
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'expired' });
  });

  it('one person with two keys is one person, to the statement and to the table', async () => {
    await held();
    const second = await seedKey(pool, 'rik');
    const resume = await command('rik', 'resume');
    await ask(resume);
    expect(await decide(resume, 'rik', 'approved', { keyId: second })).toBe('own');
    const insert = (subject: string, requestedBy: string, keyId: string | undefined) =>
      pool.query(
        `insert into approvals (request_id, requested_by, payload_sha256, subject, key_id, decision, reason)
           select request_id, $2, payload_sha256, $3, $4, 'approved', 'forged' from approval_requests where request_id = $1`,
        [resume, requestedBy, subject, keyId],
      );
    await expect(insert('rik', 'rik', second)).rejects.toThrow('approvals_by_another_person');
    // Neither under another asker's name, nor in somebody's name under one's own key.
    await expect(insert('rik', 'otto', second)).rejects.toThrow('foreign key');
    await expect(insert('rita', 'rik', second)).rejects.toThrow('foreign key');
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'pending' });
  });

  it('a decision is about what was looked at, under a key that counts', async () => {
    await held();
    const resume = await command('otto', 'resume');
    await ask(resume);
    expect(await decide(resume, 'rita', 'approved', { payloadHash: '0'.repeat(64) })).toBe('otherPayload');
    expect(await decide(resume, 'rita', 'approved', { keyId: keys['ada'] })).toBe('noKey');
    const revoked = await seedKey(pool, 'rita');
    await pool.query('update api_keys set revoked_at = clock_timestamp() where key_id = $1', [revoked]);
    expect(await decide(resume, 'rita', 'approved', { keyId: revoked })).toBe('noKey');
    expect(await one('select decide_approval($1) as answer', [{ requestId: randomUUID(), subject: 'rita' }])).toBe('unknown');
    expect(await mode()).toBe('paused');
  });

  it('approvals by somebody who has left since count no more, and neither does that person’s own resume', async () => {
    await held();
    keys['gone'] = await seedPerson(pool, 'gone', ['risk', 'operator']);
    const resume = await command('otto', 'resume');
    await ask(resume);
    expect(await decide(resume, 'gone')).toBe('written');
    const own = await command('gone', 'resume');
    await ask(own);
    await decide(own, 'rita');
    expect(await one('select deactivate_person($1) as answer', [{ person: 'gone', subject: 'ada', reason: 'left' }])).toBe('done');
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'pending' });
    expect(await apply(own, 'resume')).toEqual({ kind: 'noCommand' });
  });

  it('a resume that was asked of a second person, or that a later pause overtook, does not slip through when the hold has ended', async () => {
    await held();
    const refused = await command('otto', 'resume');
    await ask(refused);
    await decide(refused, 'rita', 'refused');
    const waiting = await command('otto', 'resume');
    await ask(waiting);
    const good = await command('otto', 'resume');
    await ask(good);
    await decide(good, 'rita');
    expect(await apply(good, 'resume')).toMatchObject({ kind: 'applied' });
    const early = await command('otto', 'resume');
    await apply(await command('otto', 'pause'), 'pause');
    for (const old of [refused, waiting, early]) expect(await apply(old, 'resume')).toMatchObject({ kind: 'notApproved' });
    expect(await mode()).toBe('paused');
  });

  it('a key that was taken resumes nothing, and its approvals count no more', async () => {
    await held();
    keys['lost'] = await seedPerson(pool, 'lost', ['risk', 'operator']);
    const resume = await command('otto', 'resume');
    await ask(resume);
    await decide(resume, 'lost');
    const own = await command('lost', 'resume');
    await ask(own);
    await decide(own, 'rita');
    expect(await one('select revoke_key($1) as answer', [{ keyId: keys['lost'], subject: 'ada' }])).toBe('done');
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'pending' });
    expect(await apply(own, 'resume')).toEqual({ kind: 'noCommand' });
  });

  it('a request is fixed, used once, and never deleted; a decision is for ever', async () => {
    await held();
    const resume = await command('otto', 'resume');
    await ask(resume);
    await decide(resume, 'rita');
    const told = (text: string): Promise<unknown> => pool.query(text, [resume]).catch((error: unknown) => String(error));
    const change = async (text: string): Promise<void> => expect(await told(text)).toContain('append-only');
    await change(`update approval_requests set expires_at = expires_at + interval '1 day' where request_id = $1`);
    await change(`update approval_requests set payload = '{}' where request_id = $1`);
    await change('delete from approval_requests where request_id = $1');
    await change(`update approvals set decision = 'refused' where request_id = $1`);
    await change('delete from approvals where request_id = $1');
    await apply(resume, 'resume');
    await change('update approval_requests set used_at = null where request_id = $1');
  });

  it('a hundred uses at once let one thing happen', async () => {
    await held();
    const resume = await command('otto', 'resume');
    await ask(resume);
    await decide(resume, 'rita');
    const payload = await one('select payload as answer from approval_requests where request_id = $1', [resume]);
    const uses = await Promise.all(
      Array.from({ length: 100 }, () => one<string>(`select use_approval($1, 'resume', $2) as answer`, [resume, payload])),
    );
    expect(uses.filter((use) => use === 'granted')).toHaveLength(1);
    expect(new Set(uses)).toEqual(new Set(['granted', 'used']));
  });

  it('who loses the role after approving, or after asking, has neither approved nor asked', async () => {
    keys['rolf'] = await seedPerson(pool, 'rolf', ['risk']);
    keys['owen'] = await seedPerson(pool, 'owen', ['operator']);
    const become = (subject: string, role: string) => pool.query('update people set roles = array[$2] where subject = $1', [subject, role]);
    await held();
    const resume = await command('owen', 'resume');
    expect((await ask(resume)).result).toBe('pending');
    expect(await decide(resume, 'rolf')).toBe('written');
    await become('rolf', 'viewer');
    expect(await apply(resume, 'resume')).toEqual({ kind: 'notApproved', state: 'pending' });
    await become('rolf', 'admin');
    await become('owen', 'auditor');
    expect(await apply(resume, 'resume')).toEqual({ kind: 'noCommand' });
    expect(await mode()).toBe('paused');
    await become('owen', 'operator');
    expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'normal' });
    // Who may not resume may still have paused.
    const pause = await command('owen', 'pause');
    await become('owen', 'viewer');
    expect(await apply(pause, 'pause')).toMatchObject({ kind: 'applied', mode: 'paused' });
    await apply(await command('ada', 'resume'), 'resume');
  });

  it('the database has the same roles for what requests need as core has', async () => {
    const needed = [
      'decideApproval',
      'rearm',
      'resume',
      'changeLimits',
      'askOverride',
      'askRunbook',
      'tellRunbook',
      'skipStep',
      'signStep',
    ] as const;
    for (const action of needed) expect(await one('select roles_for($1) as answer', [action])).toEqual(ACTIONS[action]);
    expect(await one(`select may_still($1, 'changePeople') as answer`, [keys['ada']])).toBe(false);
  });

  it('Postgres and core are of one mind about every request', async () => {
    const people = ['rik', 'rita', 'left', 'demoted'];
    keys['left'] = await seedPerson(pool, 'left', ['risk']);
    await pool.query(`update people set deactivated_at = clock_timestamp() where subject = 'left'`);
    keys['demoted'] = await seedPerson(pool, 'demoted', ['risk']);
    await pool.query(`update people set roles = '{viewer}' where subject = 'demoted'`);
    const decision = fc.record({ subject: fc.constantFrom(...people), decision: fc.constantFrom('approved' as const, 'refused' as const) });
    const request = fc.record({
      isOver: fc.boolean(),
      isUsed: fc.boolean(),
      decisions: fc.uniqueArray(decision, { selector: ({ subject }) => subject, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ isOver, isUsed, decisions }) => {
        const requestId = randomUUID();
        await pool.query(
          `insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, created_at, expires_at, used_at)
             values ($1, 'resume', 'main', '{}', 'otto', $2, 'a test', now() - interval '2 hours',
               now() + $3::int * interval '1 hour', case when $4 then now() end)`,
          [requestId, keys['otto'], isOver ? -1 : 1, isUsed],
        );
        for (const { subject, decision: decided } of decisions) {
          await pool.query(
            `insert into approvals (request_id, requested_by, payload_sha256, subject, key_id, decision, reason)
               values ($1, 'otto', payload_hash('{}'), $2, $3, $4, 'a test')`,
            [requestId, subject, keys[subject], decided],
          );
        }
        const facts = {
          requestedBy: 'otto',
          expiresTime: isOver ? 0 : 2,
          usedTime: isUsed ? 0 : null,
          isOvertaken: false,
          decisions: decisions.map((made) => ({ ...made, isActive: !['left', 'demoted'].includes(made.subject) })),
        };
        expect(await one('select approval_state(r) as answer from approval_requests r where request_id = $1', [requestId])).toBe(
          approvalState(facts, 1),
        );
      }),
      { numRuns: 60 },
    );
  });
});
