import { afterAll, beforeAll, expect, test } from 'vitest';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';

let before: BeforeMigration;

beforeAll(async () => {
  before = await beforeMigration('20261129000000_episodes.sql');
});
afterAll(() => before?.close());

test('what a build before has told of, and nobody has closed, goes on: it is told once more only after it was over', async () => {
  const tell = (sight: object): Promise<unknown> =>
    before.client.query('select tell_episodes($1::jsonb)', [
      JSON.stringify({ account: 'main', kind: 'instrumentNotListed', quietMs: 0, seen: [], over: [], ...sight }),
    ]);
  const seen = ['OPEN/USDT', 'CLOSED/USDT'].map((instrument) => ({ subject: instrument, data: { instrument } }));
  const told = async (): Promise<readonly unknown[]> =>
    (await before.client.query(`select data->>'instrument' as of from incidents order by incident_id`)).rows.map(({ of }) => of);
  await before.client.query(
    `insert into incidents (incident_key, account, kind, data, closed_at) values
       ('instrumentNotListed:main:OPEN/USDT', 'main', 'instrumentNotListed', '{"instrument": "OPEN/USDT"}', null),
       ('instrumentNotListed:main:CLOSED/USDT', 'main', 'instrumentNotListed', '{"instrument": "CLOSED/USDT"}', now())`,
  );
  await before.migrate();
  await tell({ seen });
  expect(await told()).toEqual(['OPEN/USDT', 'CLOSED/USDT', 'CLOSED/USDT']);
  await tell({ over: ['OPEN/USDT'] });
  const { rows } = await before.client.query(`select closed_at is null as open from incidents where incident_key like '%main:OPEN/USDT'`);
  expect(rows).toEqual([{ open: false }]);
  await tell({ seen });
  expect(await told()).toEqual(['OPEN/USDT', 'CLOSED/USDT', 'CLOSED/USDT', 'OPEN/USDT']);
});
