import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { emailChannel } from '../../adapters/notify/email.js';
import { logChannel } from '../../adapters/notify/log.js';
import { smsChannel } from '../../adapters/notify/sms.js';
import { telegramChannel } from '../../adapters/notify/telegram.js';
import { webhookChannel } from '../../adapters/notify/webhook.js';
import { createAlertStore } from '../../adapters/store/alert-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { openPool } from '../../adapters/store/pool.js';
import type { AlertSeverity } from '../../core/alerts/severity.js';
import { UNWATCHED } from '../../core/watch/sample.js';
import { httpReceiver, mailReceiver, type HttpReceiver, type MailReceiver } from '../../test/support/alert-receivers.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { AlertLoop } from './alert-loop.js';

const TOKEN = '12345:secret-token';
const LIMIT = { timeout: 30_000, interval: 20 };

describe('alerts, told to real receivers', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof openPool>;
  let hook: HttpReceiver;
  let telegram: HttpReceiver;
  let sms: HttpReceiver;
  let mail: MailReceiver;
  let key = 0;
  const loops: AlertLoop[] = [];
  const logged: string[] = [];
  const warnings: object[] = [];

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    [hook, telegram, sms, mail] = await Promise.all([httpReceiver(), httpReceiver(), httpReceiver(), mailReceiver()]);
    await query(`insert into accounts (account, venue) values ('main', 'paper')`);
    await query(`insert into control (account) values ('main')`);
    await seedPerson(database.pool, 'risk', ['risk'], 'key-of-risk');
  });
  afterAll(async () => {
    await Promise.all([hook, telegram, sms, mail].map((receiver) => receiver?.close()));
    await pool?.end();
    await database?.drop();
  });
  beforeEach(() => {
    for (const receiver of [hook, telegram, sms]) [receiver.answer, receiver.received.length] = [200, 0];
    mail.mails.length = 0;
    logged.length = 0;
  });
  afterEach(async () => {
    await Promise.all(loops.splice(0).map((loop) => loop.close()));
    await query('update alerts set next_at = null');
    await query('update alert_deliveries set next_at = null');
  });

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await database.pool.query<Row>(text, values)).rows;
  const start = (): AlertLoop => {
    const tell = (_: object, message: string): void => void logged.push(message);
    const loop = new AlertLoop({
      store: createAlertStore(pool, database.url),
      channels: [
        logChannel({ info: tell, warn: tell, error: tell, fatal: tell }),
        webhookChannel(`${hook.url}/alerts`),
        telegramChannel({ token: TOKEN, chats: ['-1001', '-1002'], apiRoot: telegram.url }),
        emailChannel({
          host: '127.0.0.1',
          port: mail.port,
          secure: false,
          from: 'keelson@example.org',
          to: ['one@example.org', 'two@example.org'],
        }),
        smsChannel(`${sms.url}/send`, ['+491', '+492', '+493']),
      ],
      log: { warn: (data) => void warnings.push(data) },
    });
    loops.push(loop);
    return loop;
  };
  const raise = async (severity: AlertSeverity, alertKey = `k${(key += 1)}`): Promise<string> => {
    const alert = { key: alertKey, account: 'main', severity, kind: 'test', summary: `summary of ${alertKey}` };
    const rows = await query<{ id: string }>('select raise_alert($1::jsonb) as id', JSON.stringify(alert));
    return rows[0]?.id ?? '';
  };
  const until = (condition: () => unknown): Promise<unknown> => vi.waitFor(condition, LIMIT);
  const isOver = async (id: string): Promise<void> => {
    await until(async () => {
      // In one statement: between two of them a delivery could begin that the first has not seen, and the second takes for done.
      const [seen] = await query(
        `select count(*) > 0 as begun, count(*) filter (where delivered_at is null and next_at is not null)::int as open
           from alert_deliveries where alert_id = $1`,
        id,
      );
      expect(seen).toEqual({ begun: true, open: 0 });
    });
  };
  const told = (receiver: HttpReceiver): unknown[] =>
    receiver.received.map(({ body }) => body['chat_id'] ?? body['to'] ?? body['severity']);

  it('goes over more channels the worse it is, to the first of each', async () => {
    start();
    for (const severity of ['info', 'warning', 'error', 'critical'] as const) await isOver(await raise(severity));
    expect(logged).toHaveLength(4);
    expect(told(hook)).toEqual(['warning', 'error', 'critical']);
    expect(telegram.received.map(({ path }) => path)).toEqual(Array(3).fill(`/bot${TOKEN}/sendMessage`));
    expect(told(telegram)).toEqual(['-1001', '-1001', '-1001']);
    expect(mail.mails.map(({ to }) => to)).toEqual(['one@example.org', 'one@example.org']);
    expect(mail.mails[1]?.text).toContain(`summary of k${key}`);
    expect(told(sms)).toEqual(['+491']);
    expect(sms.received[0]?.body['text']).toContain('[critical] main: test');
  });

  it('the same cause is one alert; unacknowledged it is told again, a critical one to the next as well, until a person has seen it', async () => {
    start();
    const id = await raise('critical', 'same');
    await isOver(id);
    expect(await raise('critical', 'same')).toBe(id);
    expect(await query('select times, rounds from alerts where alert_id = $1', id)).toEqual([{ times: 2, rounds: 1 }]);
    const [next] = await query<{ minutes: number }>(
      'select round(extract(epoch from next_at - clock_timestamp()) / 60)::int as minutes from alerts where alert_id = $1',
      id,
    );
    expect(next?.minutes).toBe(15);
    await query('update alerts set next_at = clock_timestamp() where alert_id = $1', id);
    await until(() => expect(told(sms)).toEqual(['+491', '+491', '+492']));
    await isOver(id);
    const [person] = await query<{ key_id: string }>(`select key_id from api_keys where subject = 'risk'`);
    const seen = { alertId: id, subject: 'risk', underKey: person?.key_id, reason: 'looked at' };
    expect(await query('select acknowledge_alert($1::jsonb) as answer', JSON.stringify(seen))).toEqual([{ answer: 'done' }]);
    expect(await query('select next_at, acknowledged_by from alerts where alert_id = $1', id)).toEqual([
      { next_at: null, acknowledged_by: 'risk' },
    ]);
    await raise('critical', 'same');
    await isOver(await raise('critical', 'another'));
    expect(await query('select rounds from alerts where alert_id = $1', id)).toEqual([{ rounds: 2 }]);
    const audit = await query<{ kind: string }>(`select kind from audit_events where data->>'alertId' = $1 order by event_id`, id);
    expect(audit.map(({ kind }) => kind)).toEqual(['alert.raised', 'alert.acknowledged']);
  });

  it('a channel that refuses is tried again, and what failed says no secret', async () => {
    telegram.answer = 500;
    start();
    const id = await raise('warning');
    await until(async () => {
      const rows = await query(
        `select detail from alert_deliveries where alert_id = $1 and channel = 'telegram' and detail is not null`,
        id,
      );
      expect(rows).toHaveLength(1);
    });
    telegram.answer = 200;
    await isOver(id);
    expect(telegram.received.length).toBeGreaterThan(0);
    const rows = await query('select * from alert_deliveries');
    for (const secret of [TOKEN, 'secret', hook.url, telegram.url]) {
      expect(JSON.stringify([rows, await query('select * from alerts'), warnings])).not.toContain(secret);
    }
  });

  it('a process that dies with a delivery in hand loses none: another sends it when the claim has ended', async () => {
    telegram.answer = 'hang';
    const first = start();
    const id = await raise('warning');
    await until(async () =>
      expect(await query(`select 1 from alert_deliveries where alert_id = $1 and channel = 'telegram' and attempts > 0`, id)).toHaveLength(
        1,
      ),
    );
    await first.close();
    loops.length = 0;
    telegram.answer = 200;
    // As if the claim had ended by time.
    await query(`update alert_deliveries set next_at = clock_timestamp() where delivered_at is null`);
    start();
    await isOver(id);
    expect(told(telegram)).toContain('-1001');
  });

  it('two processes tell everything once', async () => {
    start();
    start();
    const ids = await Promise.all(Array.from({ length: 20 }, () => raise('warning')));
    for (const id of ids) await isOver(id);
    expect(hook.received).toHaveLength(20);
    expect(new Set(hook.received.map(({ body }) => body['alertId'])).size).toBe(20);
  });

  it('an incident tells people, and is quiet when somebody has looked into it', async () => {
    start();
    await query(`insert into incidents (incident_key, account, kind, data) values ('i', 'main', 'evidenceAfterFinal', '{}')`);
    const [alert] = await query<{ alert_id: string; severity: string }>(
      `select alert_id::text, severity from alerts where alert_key = 'incident:i'`,
    );
    expect(alert?.severity).toBe('critical');
    await isOver(alert?.alert_id ?? '');
    await query('update incidents set closed_at = now()');
    expect(await query('select next_at from alerts where alert_id = $1', alert?.alert_id)).toEqual([{ next_at: null }]);
  });

  /** As a halt that is not verified tells of it, each time anew. @returns its alert */
  const unverified = async (name: string): Promise<string> => {
    await query(`insert into incidents (incident_key, account, kind, data) values ($1, 'main', 'haltNotVerified', '{}')`, name);
    const [alert] = await query<{ id: string }>(`select alert_id::text as id from alerts where alert_key = $1`, `incident:${name}`);
    return alert?.id ?? '';
  };
  const closed = (name: string): Promise<object[]> =>
    query('update incidents set closed_at = clock_timestamp() where incident_key = $1', name);

  it('what is over is not told any more by a channel that failed, nor when a try that was under way fails', async () => {
    sms.answer = 500;
    start();
    const id = await unverified('retried');
    await until(async () => {
      const rows = await query(
        `select from alert_deliveries where alert_id = $1 and (channel = 'sms' and detail is not null or channel = 'telegram' and delivered_at is not null)`,
        id,
      );
      expect(rows).toHaveLength(2);
    });
    await Promise.all(loops.splice(0).map((loop) => loop.close()));
    const [late] = await query<{ id: string }>(
      `update alert_deliveries set next_at = clock_timestamp() + interval '1 minute' where alert_id = $1 and channel = 'sms' returning delivery_id::text as id`,
      id,
    );
    await closed('retried');
    const waiting = `select from alert_deliveries where alert_id = $1 and next_at is not null`;
    expect(await query(waiting, id)).toEqual([]);
    const failed = { deliveryId: late?.id, delivered: false, detail: 'refused', againInMs: 1 };
    await query('select finish_alert_delivery($1::jsonb)', JSON.stringify(failed));
    expect(await query(waiting, id)).toEqual([]);
    expect(await query('select next_at from alerts where alert_id = $1', id)).toEqual([{ next_at: null }]);
  });

  it('what was closed before anybody heard of it is told once, and says that it is closed', async () => {
    const id = await unverified('early');
    await closed('early');
    start();
    await isOver(id);
    expect(told(sms)).toEqual(['+491']);
    expect(sms.received[0]?.body['text']).toMatch(/CLOSED at \d{4}-.* UTC: Incident \d+ in main: a halt is NOT VERIFIED yet/u);
    expect(await query('select rounds, next_at from alerts where alert_id = $1', id)).toEqual([{ rounds: 1, next_at: null }]);
  });

  it('each time that a halt is told to be unverified goes up its own list, each 15 min, until it is answered or verified', async () => {
    start();
    const ids = [await unverified('one'), await unverified('two'), await unverified('three')];
    for (const id of ids) await isOver(id);
    expect(told(sms)).toEqual(['+491', '+491', '+491']);
    const again = async (id: string | undefined) => {
      sms.received.length = 0;
      const [due] = await query<{ minutes: number | null }>(
        'select round(extract(epoch from next_at - clock_timestamp()) / 60)::int as minutes from alerts where alert_id = $1',
        id,
      );
      await query('update alerts set next_at = clock_timestamp() where alert_id = $1 and next_at is not null', id);
      return due?.minutes;
    };
    // Whoever comes later takes nothing from the first: it goes on to the next of the list.
    expect(await again(ids[0])).toBe(15);
    await until(() => expect(told(sms)).toEqual(['+491', '+492']));
    expect(await again(ids[1])).toBe(15);
    await until(() => expect(told(sms)).toEqual(['+491', '+492']));
    expect(await again(ids[0])).toBe(15);
    await until(() => expect(told(sms)).toEqual(['+491', '+492', '+493']));
    for (const name of ['one', 'two', 'three']) await closed(name);
    for (const id of ids) expect(await again(id)).toBeNull();
  });

  it('from the sample that confirms a breach to the receiver’s 2xx, with another channel hung', async () => {
    telegram.answer = 'hang';
    start();
    const store = createWatchStore(pool);
    const took: number[] = [];
    for (let index = 0; index < 60; index += 1) {
      const version = (await query<{ version: string }>(`select version from account_watch`))[0]?.version ?? '0';
      const begun = performance.now();
      const alert = { key: `breach:${index}`, severity: 'error', condition: 'dailyLossLimit', summary: 'a breach' } as const;
      const nothing = {
        equity: undefined,
        figures: undefined,
        exposure: undefined,
        mode: undefined,
        outage: undefined,
        audit: [],
        details: {},
        ...{ decidedTime: Date.now(), booking: '0', ledger: {}, step: undefined },
      };
      await store.write({ ...nothing, account: 'main', version, quote: 'USDT', state: UNWATCHED, alerts: [alert] });
      const isHere = ({ body }: HttpReceiver['received'][number]): boolean => body['kind'] === 'watch.dailyLossLimit';
      await vi.waitFor(() => expect(hook.received.filter(isHere)).toHaveLength(index + 1), { timeout: 30_000, interval: 2 });
      took.push((hook.received.findLast(isHere)?.at ?? 0) - begun);
    }
    took.sort((one, other) => one - other);
    const at = (share: number): string => (took[Math.ceil(took.length * share) - 1] ?? 0).toFixed(0);
    process.stdout.write(`confirming sample → 2xx, one channel hung: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${took.length} alerts)\n`);
    expect(mail.mails.length).toBeGreaterThan(0);
  });
});
