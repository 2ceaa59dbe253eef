import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import { bookedStory, bookkeeper, STORY_DAY, type BookedStory } from '../../test/support/booked-story.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { readCheckFacts, readDayStatement } from './checks-store.js';

const DAY = STORY_DAY.day;
const NEXT_MS = STORY_DAY.from + 86_400_000;
let database: TestDatabase;
let story: BookedStory;
let keyId: string;

beforeAll(async () => {
  database = await testDatabase();
  keyId = await bookkeeper(database.pool);
  story = await bookedStory(database.pool, 'day', keyId);
});
afterAll(() => database?.drop());

const buy = { side: 'buy', units: 4, price: 50, fee: 1, feeAsset: 'BNB', strategy: 'momentum' } as const;

test('a statement of the day, by asset, of fills, foreign fills and movements; nothing of it contradicts itself', async () => {
  await story.fill(buy);
  await story.fill({ ...buy, side: 'sell', units: 1, price: 60, strategy: null });
  await story.move({ amount: '25' as DecimalText });
  await story.move({ amount: '7' as DecimalText, eventTime: NEXT_MS });
  expect(await readDayStatement(database.pool, 'day', DAY)).toEqual({
    ...{ day: DAY, fills: 2, movements: 1, wrong: [], wrongCount: 0, left: [] },
    lines: [
      { asset: 'BNB', opening: '5', closing: '3', kept: '3' },
      { asset: 'BTC', opening: '0', closing: '3', kept: '3' },
      // What came after the day is there now: a day that goes on closes at what is there.
      { asset: 'USDT', opening: '1007', closing: '892', kept: '892' },
    ],
  });
  expect(await readDayStatement(database.pool, 'day', '2020-01-02')).toMatchObject({ fills: 0, movements: 1, wrong: [] });
});

test('names the transactions whose entries are others, or are missing, and what is kept beside them', async () => {
  const damaging = await database.pool.connect();
  await damaging.query('alter table ledger_entries disable trigger user');
  await damaging.query(
    `update ledger_entries set delta = delta + 1 where asset = 'BTC' and venue_trade_id = '1' and ledger_account = 'venue'`,
  );
  await damaging.query(
    'delete from ledger_entries where movement_id in (select movement_id from ledger_movements where event_time < $1 and amount = 25)',
    [NEXT_MS],
  );
  await damaging.query('alter table ledger_entries enable trigger user');
  damaging.release();
  const found = await readDayStatement(database.pool, 'day', DAY);
  expect(found).toMatchObject({ wrongCount: 2, wrong: [expect.stringMatching(/^deposit /), 'trade 1 of order v1'] });
  expect(found.lines.find(({ asset }) => asset === 'BTC')).toMatchObject({ closing: '4', kept: '3' });
  expect(found.lines.find(({ asset }) => asset === 'USDT')).toMatchObject({ closing: '867', kept: '892' });
});

test('the transactions of the days since the last statement that was checked are in it, and those of yesterday in any case', async () => {
  const wrongOn = async (day: string): Promise<number> => (await readDayStatement(database.pool, 'day', day)).wrongCount;
  // What happened after the evening's check is in the next evening's.
  expect(await readDayStatement(database.pool, 'day', '2020-01-02')).toMatchObject({ fills: 0, movements: 1, wrongCount: 2 });
  expect(await wrongOn('2020-01-03')).toBe(0);
  const run = `insert into runbook_runs (run_id, runbook, account, resource, inputs, reason, epoch)
    values (gen_random_uuid(), 'eveningChecks', 'day', 'checks:day', '{}', 'a test', 1) returning run_id`;
  const { rows } = await database.pool.query<{ run_id: string }>(run);
  const checked = (day: string, outcome: string): Promise<unknown> =>
    database.pool.query(
      `insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor, started_at, ended_at, outcome)
        values ($1, (select count(*) from runbook_parts), 1, 'verification', 'statement', '', 'test', $2::timestamptz, $2::timestamptz, $3)`,
      [rows[0]?.run_id, `${day}T18:30:00Z`, outcome],
    );
  await checked('2020-01-01', 'done');
  await checked('2020-01-04', 'failed');
  expect(await wrongOn('2020-01-09')).toBe(2);
  await checked('2020-01-05', 'done');
  expect(await wrongOn('2020-01-09')).toBe(0);
});

test('what a person has left as it is and stands is told with who left it and why, for the statement and for whoever signs', async () => {
  const run = `insert into reconciliation_runs (run_id, account, scope) values (gen_random_uuid(), 'day', 'minute') returning run_id`;
  const { rows } = await database.pool.query<{ run_id: string }>(run);
  const decided = (subject: string, decision: string, more: object = {}): Promise<unknown> =>
    database.pool.query(
      `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run,
           decision, decided_at, decided_by, key_id, reason, ended_at)
         select 'day', 'balanceMovement', 'balanceMovement', $1, '', 'secondLook', coalesce($4::jsonb->>'status', 'decided'), '{"USDT": "5"}',
             coalesce($4::jsonb->'evidence', '{}'), $3, $3, $2, '2020-01-02T10:00:00Z', subject, key_id, 'a bonus of the venue',
             case when $4::jsonb ? 'status' then clock_timestamp() end
           from api_keys where key_id = $5`,
      [subject, decision, rows[0]?.run_id, more, keyId],
    );
  await decided('balance:USDT', 'reject');
  await decided('beside', 'reject', { evidence: { ledger: { bookedBeside: 'x' } } });
  await decided('over', 'reject', { status: 'closed' });
  await decided('booked', 'book');
  const about = {
    class: 'balanceMovement',
    leftBy: expect.any(String),
    reason: 'a bonus of the venue',
    leftTime: Date.UTC(2020, 0, 2, 10),
  };
  const left = [
    { differenceId: expect.any(String), ...about, subject: 'balance:USDT', deltas: { USDT: '5' } },
    // Balances are right by what was booked beside it.
    { differenceId: expect.any(String), ...about, subject: 'beside', deltas: {} },
  ];
  expect((await readDayStatement(database.pool, 'day', DAY)).left).toEqual(left);
  expect((await readCheckFacts(database.pool, 'day')).left).toEqual(left);
});
