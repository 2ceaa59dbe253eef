import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import { bookedStory, bookkeeper } from '../../test/support/booked-story.js';
import { repeatFirst } from '../../test/support/many-fills.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { Database } from '../read/database.js';
import { afterCorrection, type Correction } from './correct.js';
import { decideDifference } from './decide.js';

const FILLS = 5_000;
/** Held at a time. */
const PAGE = 2_000;
const CALLER = { subject: 'risk', name: 'risk', roles: ['risk' as const], keyId: 'k' };
const WISH = { differenceId: '1', decision: 'book', reason: 'looked into' } as const;

let store: TestDatabase;
let correction: Correction;

beforeAll(async () => {
  store = await testDatabase();
  const main = await bookedStory(store.pool, 'main', await bookkeeper(store.pool));
  await main.fill({ side: 'buy', units: 1, price: 100, fee: 1, feeAsset: 'USDT', strategy: 'momentum' });
  await repeatFirst(store.pool, FILLS);
  const { rows } = await store.pool.query<{ row: string; order: string; instrument: string; price: DecimalText; quantity: DecimalText }>(
    `select row_id as row, venue_order_id as order, instrument, trim_scale(price)::text as price, trim_scale(quantity)::text as quantity
     from standing_fills order by booking desc limit 1`,
  );
  const [last] = rows;
  if (last === undefined) throw new Error('nothing is booked');
  const fee = { fee: '0' as DecimalText, feeAsset: 'USDT', amount: null };
  const { row, order: venueOrderId, price, quantity, instrument } = last;
  correction = {
    ...{ account: 'main', strategy: 'momentum', instrument, base: 'BTC', quote: 'USDT', lastBooking: 1 },
    rows: [
      { reverses: row, venueOrderId, side: 'buy', price, quantity, ...fee },
      { reverses: null, venueOrderId, side: 'buy', price: '7' as DecimalText, quantity, ...fee },
    ],
  };
});
afterAll(() => store?.drop());

describe('what a decision on one fill of a long position comes to', () => {
  test('is reckoned by pages, so that nothing else waits for it: one row is taken back, and one stands in its place', async () => {
    const pages: number[] = [];
    const paged: Database = {
      query: async <Row>(sql: string, values: readonly unknown[] = []) => {
        const answer = await store.pool.query(sql, [...values]);
        pages.push(answer.rows.length);
        return answer as never as { rows: Row[] } as never;
      },
    };
    const { rows } = await store.pool.query<{ quantity: string; cost: string }>(
      `select trim_scale(sum(quantity))::text as quantity, trim_scale(sum(case when n < $1 then quantity * price else quantity * 7 end))::text as cost
       from (select quantity, price, row_number() over (order by booking) as n from fills) f`,
      [FILLS],
    );
    expect(await afterCorrection(paged, correction)).toMatchObject(rows[0] ?? {});
    expect(pages).toEqual([PAGE, PAGE, FILLS - 2 * PAGE]);
  });

  test('is read over the connection for what takes long, and decided with it', async () => {
    const asked: object[] = [];
    const database = answering((values) => {
      asked.push(JSON.parse(String(values[0])) as object);
      return asked.length === 1 ? { result: 'reckon', correction } : { result: 'done' };
    });
    await decideDifference(database, CALLER, WISH, store.pool);
    const position = await afterCorrection(store.pool, correction);
    expect(asked).toMatchObject([WISH, { ...WISH, lastBooking: correction.lastBooking, position }]);
  });

  test.each(['57014', '55P03'])('is not decided where the database ends it with %s, which says what to do', async (code) => {
    const tooSlow = answering(() => {
      throw Object.assign(new Error('canceling statement'), { code });
    });
    const decided = decideDifference(tooSlow, CALLER, WISH, store.pool);
    await expect(decided).rejects.toThrow(KeelsonError);
    await expect(decided).rejects.toMatchObject({
      failure: {
        code: 'INPUT_DECISION_TOO_EARLY',
        values: { why: expect.stringContaining('try again when it has less to do') as string },
      },
    });
  });
});

const answering = (answer: (values: readonly unknown[]) => object): Database => ({
  query: async (_: string, values: readonly unknown[] = []) => ({ rows: [{ answer: answer(values) }] }) as never,
});
