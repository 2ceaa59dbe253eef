import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withClient } from '../launcher/parts/database.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { haltCopy, standingHalts, type StandingHalt } from './copies.js';

const HALT: StandingHalt = {
  latchId: 'a',
  scope: 'strategy',
  scopeValue: 'momentum',
  account: 'main',
  reason: 'a spread',
  subject: 'rik',
  policy: 'atOnce',
};

describe('P31: a copy that is about to be the database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
    await database.pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
    await database.pool.query(`insert into control (account, mode) values ('main', 'normal')`);
  });
  afterAll(() => database?.drop());
  beforeEach(() => database.pool.query('truncate latches cascade'));

  const halted = (standing: readonly StandingHalt[]): Promise<readonly StandingHalt[]> =>
    withClient(database.url, async (client) => {
      await haltCopy(client, standing);
      return standingHalts(client);
    });
  const versionOf = async (): Promise<number> =>
    Number((await database.pool.query<{ version: string }>('select version from control')).rows[0]?.version);
  const EVERYTHING = { scope: 'everything', subject: 'restore', policy: 'none', reason: expect.stringMatching(/^restore: /) as string };

  it('is halted as a whole, and has the halts that stood in what it replaces: again changes nothing', async () => {
    const before = await versionOf();
    const { latchId: _, ...rest } = HALT;
    expect(await halted([HALT])).toMatchObject([rest, EVERYTHING]);
    expect(await versionOf()).toBe(before + 2);
    expect(await halted([HALT])).toMatchObject([rest, EVERYTHING]);
    expect(await versionOf()).toBe(before + 2);
  });

  it('a halt that was made stricter since is as strict there, and one of an account that it has not yet is over that account', async () => {
    await halted([{ ...HALT, policy: 'none' }]);
    expect(await halted([HALT, { ...HALT, account: 'later' }])).toMatchObject([
      { scope: 'strategy', account: 'main', policy: 'atOnce' },
      EVERYTHING,
      { scope: 'account', scopeValue: 'later', account: null, policy: 'atOnce', subject: 'rik', reason: 'a spread' },
    ]);
  });

  it('of a build that knew no halts by people has its latches all the same', async () => {
    await withClient(database.url, async (client) => {
      await client.query('alter function engage_latch(jsonb) rename to engage_latch_of_later');
      try {
        const before = await versionOf();
        await haltCopy(client, [HALT]);
        expect(await standingHalts(client)).toMatchObject([{ scope: 'strategy', account: 'main', subject: 'rik' }, EVERYTHING]);
        expect(await versionOf()).toBe(before + 2);
      } finally {
        await client.query('alter function engage_latch_of_later(jsonb) rename to engage_latch');
      }
    });
  });
});
