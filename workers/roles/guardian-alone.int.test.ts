import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WatchLimitKey } from '../../core/risk/limit-table.js';
import { settled } from '../../test/faults/crash/standing.js';
import { openServers, type CrashServers } from '../../test/faults/crash/servers.js';
import { until } from '../../test/faults/crash/until.js';
import { ACCOUNT, World } from '../../test/faults/crash/world.js';
import { httpReceiver, type HttpReceiver } from '../../test/support/alert-receivers.js';
import { freePort } from '../../test/support/free-port.js';
import { lateTemporal, type Absence } from '../../test/support/late-temporal.js';
import { seedPerson } from '../../test/support/people.js';
import { telegramStub } from '../../test/support/telegram-stub.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { killWorkflowId } from '../../workflows/names.js';

const temporal = await temporalIfAny();
const TOKEN = '12345:secret-token';

describe.skipIf(temporal === undefined)('a guardian that starts while Temporal is away', { timeout: 300_000 }, () => {
  let servers: CrashServers;
  let receiver: HttpReceiver;

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
    receiver = await httpReceiver();
  });
  afterAll(async () => {
    await receiver?.close();
    await servers?.close();
  });

  const limit = async (world: World, key: WatchLimitKey, value: string): Promise<void> => {
    const { rows } = await world.pool.query<{ answer: object }>(
      `select tighten_limit($1::jsonb || jsonb_build_object('version',
         (select coalesce(max(version), 0) from limits where scope = 'account' and account = $2 and limit_key = $3))) as answer`,
      [{ scope: 'account', scopeValue: ACCOUNT, account: ACCOUNT, key, value, subject: 'rik', reason: 'a test' }, ACCOUNT, key],
    );
    expect(rows).toEqual([{ answer: { result: 'done', ended: [] } }]);
  };
  const one = async <Row extends object>(world: World, sql: string): Promise<Row | undefined> => (await world.pool.query<Row>(sql)).rows[0];
  /** Holds what was bought, whose owner runs; then all processes are gone. */
  const holding = async (): Promise<World> => {
    const world = await World.open(servers);
    const programs = [await world.start('guardian'), await world.start('trading')];
    await until('an entry is filled', async () => {
      const { outcome } = await world.give(world.signal('open'));
      return (await outcome).status === 'filled';
    });
    expect(await settled(world, ['protected'])).toBe('protected');
    for (const program of programs) await program.kill();
    return world;
  };
  const kinds = (): unknown[] => receiver.received.map(({ body }) => body['kind']);

  it.each<[Absence, string]>([
    ['closed', 'nobody listens there'],
    ['silent', 'somebody listens there who never answers'],
  ])('%s: watches, halts, sells and tells by itself, and does the rest when it comes (%s)', async (absence) => {
    const world = await holding();
    const late = await lateTemporal(servers.temporalAddress, absence);
    try {
      // What was bought has cost a fee: less than what there was.
      await limit(world, 'killPolicy', 'atOnce');
      await limit(world, 'drawdownLimitRatio', '0.000001');
      receiver.received.length = 0;
      const port = await freePort();
      const ready = async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
        return [answer.status, await answer.text()];
      };
      const { began } = (await one<{ began: Date }>(world, 'select clock_timestamp() as began')) ?? { began: new Date(0) };
      const guardian = world.launch('guardian', {
        ...{ TEMPORAL_ADDRESS: late.address, KEELSON_METRICS_PORT: String(port), KEELSON_ALERT_WEBHOOK_URL: receiver.url },
      });
      const tail = (): string => guardian.logTail();
      const watched = async (): Promise<boolean> => {
        const { rowCount } = await world.pool.query('select from account_watch where sampled_at > $1', [began]);
        return rowCount === 1;
      };
      await until('the account is watched', watched, tail);
      const latch = async () => one<object>(world, 'select subject, policy, scope from latches where released_at is null');
      await until('the loss halts the account', latch, tail);
      expect(await latch()).toEqual({ subject: 'watch', policy: 'atOnce', scope: 'account' });
      const verified = async (): Promise<boolean> => (await one(world, `select from kills where phase = 'verified'`)) !== undefined;
      await until('the halt is verified', verified, tail);
      // Less than the venue's step is left, which nobody can sell.
      expect(await one(world, `select sum(quantity) < 0.00001 as flat from positions`)).toEqual({ flat: true });
      await until(
        'people are told of both',
        () => kinds().includes('watch.drawdownLimit') && kinds().includes('guardian.withoutTemporal'),
        tail,
      );
      expect(await ready()).toEqual([503, 'without Temporal\n']);
      expect(await one(world, 'select guardian from guardians_without_temporal')).toEqual({ guardian: '1' });

      await late.comes();
      await guardian.ready();
      expect(await ready()).toEqual([200, 'ok\n']);
      expect(await one(world, 'select guardian from guardians_without_temporal')).toBeUndefined();
      await until(
        'the account is compared with its venue',
        () =>
          one(
            world,
            `select from reconciliation_runs where scope = 'start' and ended_at is not null and ended_at > clock_timestamp() - interval '1 minute'`,
          ),
        tail,
      );
      const { status } = await world.client.workflow.getHandle(killWorkflowId(ACCOUNT)).describe();
      expect(status.name).toBe('RUNNING');
      expect(world.broken()).toEqual([]);
    } finally {
      await world.close();
      await late.close();
    }
  });

  it('hears /kill, carries it out, and tells of an account that nobody watches', async () => {
    const world = await holding();
    const late = await lateTemporal(servers.temporalAddress, 'closed');
    const telegram = await telegramStub(TOKEN);
    try {
      await seedPerson(world.pool, 'tess', ['risk']);
      const config = JSON.parse(await readFile(world.configFile, 'utf8')) as { alerts?: object };
      const chat = { apiRoot: telegram.url, chats: ['-1001'], people: { '11': 'tess' } };
      await writeFile(world.configFile, JSON.stringify({ ...config, alerts: { ...config.alerts, telegram: chat } }));
      const guardian = world.launch('guardian', { TEMPORAL_ADDRESS: late.address, KEELSON_TELEGRAM_TOKEN: TOKEN });
      const tail = (): string => guardian.logTail();
      const said = (text: string) => telegram.said.find((each) => each.text.includes(text))?.text;
      telegram.write('-1001', '11', '/kill everything sell');
      const asked = await until('it is asked whether it is meant', () => said('/confirm'), tail);
      telegram.write('-1001', '11', asked.slice(asked.indexOf('/confirm')));
      await until('it is said that it is halted', () => said('HALTED: everything'), tail);
      expect(await one(world, 'select subject, policy, scope from latches where released_at is null')).toEqual({
        ...{ subject: 'tess', policy: 'atOnce', scope: 'everything' },
      });
      await until('the halt is verified', () => one(world, `select from kills where phase = 'verified'`), tail);
      expect(await one(world, 'select sum(quantity) < 0.00001 as flat from positions')).toEqual({ flat: true });
      // Whoever has the row keeps each sample from being written.
      const client = await world.pool.connect();
      try {
        await client.query('begin; select from account_watch for update');
        const silent = () =>
          one(world, `select from alerts where kind = 'watch.silent' and severity = 'critical' and account = '${ACCOUNT}'`);
        await until('people are told that nobody watches the account', silent, tail);
      } finally {
        client.release(true);
      }
      // It goes on by itself.
      const watched = () => one(world, `select from account_watch where sampled_at > clock_timestamp() - interval '3 seconds'`);
      await until('the account is watched again', watched, tail);
      expect(await one(world, 'select guardian from guardians_without_temporal')).toEqual({ guardian: '1' });
      expect(world.broken()).toEqual([]);
    } finally {
      await world.close();
      await telegram.close();
      await late.close();
    }
  });

  it('ends when it is told to, and says of itself no more that it waits', async () => {
    const world = await World.open(servers);
    const late = await lateTemporal(servers.temporalAddress, 'silent');
    try {
      const guardian = world.launch('guardian', { TEMPORAL_ADDRESS: late.address });
      const waits = () => one(world, 'select from guardians_without_temporal');
      await until('it waits', waits, () => guardian.logTail());
      await until(
        'it asks',
        () => late.isAsked,
        () => guardian.logTail(),
      );
      guardian.stop();
      await guardian.ended;
      expect(guardian.exitCode).toBe(0);
      expect(await waits()).toBeUndefined();
    } finally {
      await world.close();
      await late.close();
    }
  });
});
