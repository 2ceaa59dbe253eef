import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';
import { createVenueShareStore } from './venue-share-store.js';

/** What a clock that was three hours ahead has left. */
const AHEAD = `clock_timestamp() + interval '3 hours'`;

describe('a clock of the database’s that was ahead, and is set back', () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let bar = 0;

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
  });
  beforeEach(() =>
    query(`delete from kill_leases; delete from kills; update latches set released_at = clock_timestamp() where released_at is null`),
  );
  afterAll(async () => {
    await halts?.close();
    await stack?.close();
  });

  const query = (text: string, ...values: unknown[]) => stack.database.pool.query(text, values.length === 0 ? undefined : values);
  const one = async (text: string): Promise<unknown> => Object.values((await stack.database.pool.query<object>(text)).rows[0] ?? {})[0];
  const begins = () =>
    query('select begin_reconciliation_look($1::jsonb)', {
      ...{ runId: randomUUID(), account: ACCOUNT, scope: 'minute', owner: 'one', forMs: 60_000, epoch: 1 },
    });

  describe('limits', () => {
    const codes = async (): Promise<string[]> => {
      const verdict = await createOrderActivities(stack.dependencies).authorise(stack.signal('open', (bar += 1_000)));
      await query(
        `update orders set status = 'expired', final_at = now(), reserved_notional = 0, reserved_quantity = 0 where final_at is null`,
      );
      return verdict.kind === 'denied' ? verdict.failures.map(({ code }) => code) : [verdict.kind];
    };
    const place = { scope: 'account', scopeValue: ACCOUNT, account: ACCOUNT };

    it('an override of a time to come lets no order pass, not before that time and not once it has come', async () => {
      await query('select tighten_limit($1)', {
        ...place,
        key: 'maxOrderNotional',
        value: '1',
        version: 1,
        subject: 'rik',
        reason: 'a test',
      });
      // Who has asked for it does not matter here.
      await query('alter table limit_overrides drop constraint limit_overrides_override_id_fkey');
      await query(
        `insert into limit_overrides (override_id, account, instrument, limit_key, value, for_one_order, subject, reason, expires_at)
         values (gen_random_uuid(), $1, $2, 'maxOrderNotional', '100000', false, 'rik', 'a test', clock_timestamp() + interval '4 hours')`,
        ACCOUNT,
        INSTRUMENT,
      );
      expect(await codes()).toEqual(['authorised']);
      // Decided on while it stood, by what a process has held in its memory since: the statement asks, too.
      const { risk } = stack.dependencies;
      const held: typeof risk = {
        read: async (key, options) => {
          const seen = await risk.read(key, options);
          await query(`update limit_overrides set created_at = ${AHEAD}`);
          return seen;
        },
      };
      const late = createOrderActivities({ ...stack.dependencies, risk: held });
      expect(await late.authorise(stack.signal('open', (bar += 1_000)))).toMatchObject({
        kind: 'denied',
        failures: [{ code: 'RISK_NOTIONAL_LIMIT' }],
      });
      expect(await codes()).toEqual(['RISK_NOTIONAL_LIMIT']);
      await begins();
      await query(`update limit_overrides set created_at = clock_timestamp() - interval '1 minute'`);
      expect(await codes()).toEqual(['RISK_NOTIONAL_LIMIT']);
      expect(await one(`select count(*)::integer from audit_events where kind = 'override.ended'`)).toBe(1);
    });

    it('entries are counted also where they were to be counted anew from a time to come', async () => {
      const counted = () => one(`select entries_in_a_row('${ACCOUNT}', 'momentum', '${INSTRUMENT}')`);
      await query(`insert into strategy_switches (account, strategy, counted_from) values ($1, 'momentum', clock_timestamp())`, ACCOUNT);
      expect(await counted()).toBe(0);
      await query(`update strategy_switches set counted_from = ${AHEAD}`);
      expect(await counted()).toBe(1);
      await begins();
      expect(await one(`select counted_from <= clock_timestamp() from strategy_switches`)).toBe(true);
    });

    it('the loss of a day that is to come stands', async () => {
      await query(
        `update account_watch set runs = '{"dailyLossLimit": {"samples": 3}}', daily_loss_ratio = 0.05,
           day = epoch_ms(date_trunc('day', clock_timestamp(), 'UTC') + interval '1 day') where account = $1`,
        ACCOUNT,
      );
      expect(await one(`select loss_stands('${ACCOUNT}')`)).toBe('5 %');
    });

    it('the share of a process that ended then is given back like any other', async () => {
      const store = createVenueShareStore(stack.pool);
      const ask = (question: number, holder: string) =>
        store.take({ address: 'here', holder, question, total: 100, used: 100, held: 0, keptForMs: 70_000, isLast: false });
      const [dead, alive] = [randomUUID(), randomUUID()];
      await ask(1, dead);
      await query(`update venue_shares set seen_at = ${AHEAD}`);
      await ask(1, alive);
      await query(`update venue_shares set seen_at = seen_at - interval '71 seconds' where holder = $1`, dead);
      await ask(2, alive);
      expect((await query('select holder from venue_shares')).rows).toEqual([{ holder: alive }]);
    });
  });

  describe('a sample of the account watch', () => {
    const sampled = () => one(`select read_watch('${ACCOUNT}')`);
    const look = {
      'who may enter': () => query(`select keep_contact('{"worker": "w", "lostAfterMs": 5000}')`),
      'who watches': () => query('select tell_watching($1, $2)', [ACCOUNT], randomUUID()),
    };

    it.each(['who may enter', 'who watches'] as const)(
      'of a time to come does not tell that somebody watches once that has come: %s',
      async (who) => {
        await query(`update account_watch set sampled_at = ${AHEAD}, equity_at = ${AHEAD}`);
        await look[who]();
        await query(`update account_watch set sampled_at = sampled_at - interval '3 hours', equity_at = equity_at - interval '3 hours'`);
        const { sampledTime, equityTime } = (await sampled()) as { sampledTime: number; equityTime?: number };
        expect([sampledTime, equityTime]).toEqual([-3 * 3_600_000, undefined]);
        // One of now stays as it is.
        await query('update account_watch set sampled_at = clock_timestamp(), equity_at = clock_timestamp()');
        const before = await sampled();
        await look[who]();
        expect(await sampled()).toEqual(before);
      },
    );
  });

  describe('a halt', () => {
    const clear = { unverified: [], dust: [], kept: [] };
    const latched = async () => {
      await halts.latch(
        { scope: 'account', scopeValue: ACCOUNT },
        { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' },
      );
      await query(
        `update latches set engaged_at = clock_timestamp() - interval '1 hour', called_at = clock_timestamp() - interval '1 hour'`,
      );
    };
    const missing = () => one(`select missing_kill('${ACCOUNT}', 5000) is not null`);

    it('nobody waits for the lease of a kill that died then, and a lease that goes on is kept', async () => {
      const kills = createKillStore(stack.pool);
      await kills.takeLease(ACCOUNT, 'dead', 10_000);
      await query(`update kill_leases set until = ${AHEAD}`);
      expect(await kills.takeLease(ACCOUNT, 'other', 10_000)).toMatchObject({ isMine: true });
      await query(`update kill_leases set until = clock_timestamp() + interval '59 seconds'`);
      expect(await kills.takeLease(ACCOUNT, 'third', 10_000)).toMatchObject({ isMine: false, owner: 'other' });
    });

    it.each([
      ['all that it has told', `update kills set updated_at = ${AHEAD}, due_at = ${AHEAD}, workflow_at = ${AHEAD}`],
      ['when it is due', `update kills set due_at = ${AHEAD}, updated_at = clock_timestamp() - interval '3 minutes'`],
      [
        'all of it, and of the halt',
        `update kills set updated_at = ${AHEAD}, due_at = ${AHEAD}; update latches set engaged_at = ${AHEAD}, called_at = ${AHEAD}`,
      ],
    ])('that died then is missed: of a time to come is %s', async (_, change) => {
      const kills = createKillStore(stack.pool);
      await latched();
      await kills.writeKill(ACCOUNT, 'running', clear, null);
      expect(await missing()).toBe(false);
      await query(change);
      expect(await missing()).toBe(true);
      await kills.writeKill(ACCOUNT, 'running', clear, null);
      expect(await missing()).toBe(false);
    });

    it('is due again soon after its next step', async () => {
      const kills = createKillStore(stack.pool);
      await kills.writeKill(ACCOUNT, 'running', clear, null);
      await query(`update kills set due_at = ${AHEAD}`);
      await kills.touchKill(ACCOUNT);
      expect(await one(`select due_at <= clock_timestamp() + kill_grace() from kills`)).toBe(true);
    });

    it.each([
      ['what its workflow has told', `update kills set workflow_at = ${AHEAD}`],
      [
        'that it was begun again',
        `insert into outbox (kind, data, created_at) values ('haltChanged', '{"account": "${ACCOUNT}"}', ${AHEAD})`,
      ],
      ['when it was called', `update latches set called_at = ${AHEAD}`],
    ])('whose workflow is lost is begun again: of a time to come is %s', async (_, change) => {
      await latched();
      await createKillStore(stack.pool).writeKill(ACCOUNT, 'running', clear, null);
      await query(`update kills set workflow_at = clock_timestamp() - interval '2 minutes'; delete from outbox`);
      await query(change);
      await query('insert into account_watch_samples (account, sampled_at) values ($1, clock_timestamp())', ACCOUNT);
      expect(await one(`select count(*)::integer from outbox where kind = 'haltChanged' and created_at <= clock_timestamp()`)).toBe(1);
    });
  });
});
