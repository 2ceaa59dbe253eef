import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAlertStore } from '../../adapters/store/alert-store.js';
import { openPool } from '../../adapters/store/pool.js';
import type { AlertMessage } from '../../core/alerts/message.js';
import type { AlertSeverity } from '../../core/alerts/severity.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { NotifyChannel } from '../ports/alerts.js';
import { AlertLoop } from './alert-loop.js';

/** More than are told at once. */
const ACCOUNTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

let database: TestDatabase;
let pool: ReturnType<typeof openPool>;
let loop: AlertLoop | undefined;
let told: string[];
/** Sends that were given up. */
let givenUp: number;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
  await database.pool.query(`insert into accounts (account, venue) select unnest($1::text[]), 'paper'`, [['main', ...ACCOUNTS]]);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});
beforeEach(() => {
  [told, givenUp] = [[], 0];
});
afterEach(async () => {
  await loop?.close();
  await database.pool.query('update alerts set next_at = null');
  await database.pool.query('update alert_deliveries set next_at = null');
});

const until = (condition: () => unknown): Promise<unknown> => vi.waitFor(condition, { timeout: 30_000, interval: 20 });
/** Raised at once, so that each waits for the others. */
const raise = (severity: AlertSeverity, many: number, account = 'main'): Promise<unknown> =>
  database.pool.query(
    `select raise_alert(jsonb_build_object('key', gen_random_uuid(), 'account', $3::text, 'severity', $1::text, 'kind', 'test', 'summary', $1::text || n))
       from generate_series(1, $2::int) n`,
    [severity, many, account],
  );
/** Takes some, and never answers the others. */
const channel = (
  name: NotifyChannel['name'],
  recipients: number,
  takes: (message: AlertMessage, recipient: number) => boolean,
): NotifyChannel => ({
  name,
  recipients,
  async send(message, recipient, signal) {
    if (takes(message, recipient)) {
      told.push(`${name} ${recipient} ${message.summary}`);
      return;
    }
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    givenUp += 1;
  },
});
const start = (one: NotifyChannel): void => {
  loop = new AlertLoop({ store: createAlertStore(pool, database.url), channels: [one], log: { warn: () => undefined } });
};

it('a critical alert waits behind no other, also where the receiver answers none of those', async () => {
  await raise('error', 100);
  start(channel('webhook', 1, ({ severity }) => severity === 'critical'));
  const waiting = `select count(*)::int as waiting from alert_deliveries where attempts = 0`;
  await until(async () => expect((await database.pool.query<{ waiting: number }>(waiting)).rows[0]?.waiting).toBe(95));
  await raise('critical', 3);
  await until(() => expect(told.toSorted()).toEqual(['webhook 0 critical1', 'webhook 0 critical2', 'webhook 0 critical3']));
  expect(givenUp).toBe(0);
});

it('a recipient that answers nothing keeps no other of its channel waiting', async () => {
  await raise('critical', 13);
  start(channel('sms', 2, (_, recipient) => recipient === 1));
  await until(async () => {
    const { rows } = await database.pool.query<{ begun: number }>(
      `select count(*)::int as begun from alert_deliveries where channel = 'sms'`,
    );
    expect(rows[0]?.begun).toBeGreaterThanOrEqual(13);
  });
  // Nobody has acknowledged them: the next one is told, too.
  await database.pool.query(`update alerts set next_at = clock_timestamp() where next_at is not null and rounds = 1`);
  await database.pool.query(`select pg_notify('keelson_alerts', '')`);
  await until(() => expect(told).toHaveLength(13));
  expect(givenUp).toBe(0);
});

describe('of several accounts', () => {
  /** Answers a try; each waits until it is told to. */
  let answers: (() => void)[];
  const slow: NotifyChannel = {
    name: 'sms',
    recipients: 1,
    async send({ account, summary }, _, signal) {
      told.push(`${account} ${summary}`);
      await new Promise<void>((resolve) => {
        answers.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  };
  /** Until the try is a row: what begins later is not of its turn. */
  const written = (channelName: string, account: string, severity: AlertSeverity, many: number): Promise<unknown> =>
    until(async () => {
      const { rows } = await database.pool.query(
        `select from alert_deliveries d join alerts a using (alert_id)
          where d.channel = $1 and a.account = $2 and a.severity = $3 and d.next_at is not null`,
        [channelName, account, severity],
      );
      expect(rows).toHaveLength(many);
    });
  /** The next ones that begin, one after another as the ones before are answered. */
  const next = async (many: number): Promise<readonly string[]> => {
    const before = told.length;
    for (let one = 1; one <= many; one += 1) {
      answers.shift()?.();
      await until(() => expect(told).toHaveLength(before + one));
    }
    return told.slice(before);
  };
  beforeEach(() => {
    answers = [];
  });

  it.each(['critical', 'error'] as const)(
    'one with a flood of what is %s keeps that of another waiting behind one try',
    async (severity) => {
      const channelOf: NotifyChannel = severity === 'critical' ? slow : { ...slow, name: 'webhook' };
      await raise(severity, 40);
      start(channelOf);
      await until(() => expect(told).toHaveLength(5));
      await raise(severity, 2, 'a');
      await written(channelOf.name, 'a', severity, 2);
      // In turn, and each account's in its order.
      expect(await next(4)).toEqual([`a ${severity}1`, `main ${severity}6`, `a ${severity}2`, `main ${severity}7`]);
    },
  );

  it('each is told in its turn, also where there are more than are told at once, and what is worse goes before them all', async () => {
    for (const account of ACCOUNTS) await raise('warning', 3, account);
    start({ ...slow, name: 'webhook' });
    await until(() => expect(told).toHaveLength(5));
    for (const account of ACCOUNTS) await written('webhook', account, 'warning', 3);
    await next(9);
    expect(told).toEqual([1, 2].flatMap((nth) => ACCOUNTS.map((account) => `${account} warning${nth}`)));
    await raise('error', 1, 'g');
    await written('webhook', 'g', 'error', 1);
    expect(await next(2)).toEqual(['g error1', 'a warning3']);
  });
});
