import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { watchAccountWorkflowId, watchBarsWorkflowId } from '../../../workflows/names.js';
import { Places } from '../../support/places.js';
import { textOfHistory } from '../../support/run-page.js';
import { temporalIfAny } from '../../support/temporal.js';
import { Crew } from './cycle.js';
import type { Program } from './program.js';
import { report, type Time } from './report.js';
import { openServers, type CrashServers } from './servers.js';
import { settled } from './standing.js';
import { until } from './until.js';
import { ACCOUNT, INSTRUMENT, VENUE_ACCOUNT, World, type WorldOptions } from './world.js';

const LIMIT_MS = 1_800_000;
/** PENDING_ACTIVITY_STATE_STARTED of Temporal's protocol. */
const STARTED = 2;
const SYMBOL = INSTRUMENT.replace('/', '');
/**
 * Signals with more than one order at the venue. One that never reached it counts for none: a worker killed before the socket, or
 * one that came to it too late, leaves an order that is proven unsent or not placed, and the signal rightly has another (P14).
 */
const DOUBLED = `(select signal_id from orders where signal_id is not null and venue_order_id is not null
  group by signal_id having count(*) > 1) doubled`;

/** Each in a world of its own, so many at once: they wait for starts and time-outs. */
const places = Places.empty(2);

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('two of everything', { timeout: LIMIT_MS, concurrent: true }, () => {
  let servers: CrashServers;
  const times: Time[] = [];

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
  });
  afterAll(async () => {
    console.info(report('from the kill of both workers until a stop rested again', times));
    await servers?.close();
  });

  const inWorld = (options: WorldOptions, work: (world: World) => Promise<void>): Promise<void> =>
    places.run(async () => {
      const world = await World.open(servers, options);
      try {
        await work(world);
      } finally {
        await world.close();
      }
    });
  const count = async ({ pool }: World, sql: string, ...values: unknown[]): Promise<number> => {
    const { rows } = await pool.query<{ n: string }>(`select count(*) as n from ${sql}`, values);
    return Number(rows[0]?.n);
  };
  const resting = ({ paper }: World) => paper.orders.open(VENUE_ACCOUNT, SYMBOL);

  describe('one of each, killed together', () => {
    it('P22, P23: the stop that could not be placed is placed by those that come after', () =>
      inWorld({}, async (world) => {
        const crew = await Crew.start(world);
        await crew.open();
        await crew.close();
        const guardian = crew.of('guardian');
        await guardian.arm({ when: 'before', call: 'sender.submit', occurrence: 1, signal: 'SIGKILL' });
        // What was started a moment ago may deny an entry for want of a price or a heartbeat.
        await until('an entry is filled', async () => (await crew.give('open')).status === 'filled');
        const struckTime = await until('the guardian is killed', () => guardian.struckTime);
        await crew.of('trading').kill();
        expect(resting(world)).toEqual([]);
        await Promise.all([crew.restart('guardian'), crew.restart('trading')]);
        const restartMs = Date.now() - struckTime;
        expect(await settled(world)).toBe('protected');
        times.push({ name: 'killed while the stop was to be sent', ms: Date.now() - struckTime, restartMs });
        await crew.close();
        expect([...(await world.disagreements()), ...world.broken()]).toEqual([]);
      }));

    it('P24: a stop that went away while nobody was there is placed anew', () =>
      inWorld({}, async (world) => {
        const crew = await Crew.start(world);
        await crew.open();
        const killedTime = Date.now();
        await Promise.all([crew.of('guardian').kill(), crew.of('trading').kill()]);
        const [stop] = resting(world);
        if (stop === undefined) throw new Error('a stop outlives those who placed it');
        world.paper.engine.cancel(stop, undefined, world.paper.now());
        await Promise.all([crew.restart('guardian'), crew.restart('trading')]);
        const restartMs = Date.now() - killedTime;
        await until('another stop rests', () => resting(world).length === 1);
        expect(await settled(world)).toBe('protected');
        times.push({ name: 'killed while it rested, and canceled by another hand', ms: Date.now() - killedTime, restartMs });
        await crew.close();
        expect([...(await world.disagreements()), ...world.broken()]).toEqual([]);
      }));
  });

  describe('two of each, at work', () => {
    const pulse = { strategies: ['pulse'] };

    /** Which of the programs reads the stream of this workflow now. */
    const readerOf = (world: World, workflowId: string, programs: readonly Program[]): Promise<Program> =>
      until(`somebody reads ${workflowId}`, async () => {
        const { raw } = await world.client.workflow.getHandle(workflowId).describe();
        const [stream] = raw.pendingActivities ?? [];
        // One that was offered where there is a stream already waits, and is read by nobody.
        if (stream?.state !== STARTED) return undefined;
        return programs.find((one) => !one.hasEnded && stream.lastWorkerIdentity?.endsWith(`@${one.pid}`));
      });

    it('trade each bar once, and go on with both streams when those that read them are killed', () =>
      inWorld(pulse, async (world) => {
        const [first, second, guardianOne, guardianTwo] = await Promise.all([
          world.start('trading'),
          world.start('trading'),
          world.start('guardian'),
          world.start('guardian', { KEELSON_INSTANCE: '2' }),
        ]);
        const barReader = (): Promise<Program> => readerOf(world, watchBarsWorkflowId(ACCOUNT, '1s'), [first, second]);
        const guardians = [guardianOne, guardianTwo];
        const ofGuardian = (instance: string): Promise<Program> => readerOf(world, watchAccountWorkflowId(ACCOUNT, instance), guardians);
        const entries = (): Promise<number> => count(world, `orders where purpose = 'entry' and status = 'filled'`);
        await until('two entries are filled', async () => (await entries()) >= 2);
        // P16. For a moment one may be offered to the guardian that has one.
        await until('each guardian has a stream of its own', async () => (await ofGuardian('1')) !== (await ofGuardian('2')));
        const trading = await barReader();
        await Promise.all([trading.kill(), guardianOne.kill()]);
        const before = await entries();
        expect(await barReader()).not.toBe(trading);
        await until('entries are filled by the others', async () => (await entries()) >= before + 2);
        // What closed while nobody read is there as well, each bar once.
        const whole = '(select from bars having max(open_time) - min(open_time) = (count(*) - 1) * 1000) whole';
        await until('no bar is missing', async () => (await count(world, whole)) === 1);
        await quiet(world);
        expect(await count(world, DOUBLED)).toBe(0);
        expect([...(await world.disagreements()), ...world.broken()]).toEqual([]);
        await tellsAllAndNoSecret(world, [first, second, guardianOne, guardianTwo]);
      }));

    /** Every run has its line in the list; in what was written anywhere are the orders, and neither key nor secret. */
    async function tellsAllAndNoSecret(world: World, programs: readonly Program[]): Promise<void> {
      const said = [await world.rowsAsText(), ...programs.map((one) => one.log())];
      const lines = new Set<string>();
      for await (const { workflowId, runId } of world.client.workflow.list()) {
        const handle = world.client.workflow.getHandle(workflowId, runId);
        lines.add((await (await handle.describe()).staticSummary()) ?? `nothing is said of ${workflowId}`);
        said.push(textOfHistory(await handle.fetchHistory()));
      }
      expect([...lines].filter((line) => line.startsWith('nothing'))).toEqual([]);
      expect([...lines].join('\n')).toMatch(/^buy BTC\/USDT \(open, pulse, score \d\.\d{3}\)$/m);
      const { rows } = await world.pool.query<{ id: string }>(`select client_order_id as id from orders where purpose = 'entry' limit 1`);
      const all = said.join('\n');
      const has = (text: string): boolean => all.includes(text);
      expect([has(rows[0]?.id ?? 'an order'), has(TEST_KEY), has(TEST_SECRET)]).toEqual([true, false, false]);
    }

    it('P2: two builds trade each bar once, and only the active one trades', () =>
      inWorld(pulse, async (world) => {
        const older = await world.start('trading', { KEELSON_TEST_STRATEGY_VERSION: '1' });
        await world.start('guardian', { KEELSON_TEST_STRATEGY_VERSION: '1' });
        await until(
          'the older build trades',
          async () => (await count(world, `orders where strategy_version = '1' and status = 'filled'`)) > 0,
        );
        await world.start('trading', { KEELSON_TEST_STRATEGY_VERSION: '2' });
        const { rows } = await world.pool.query<{ now: Date }>('select clock_timestamp() as now');
        const deployed = rows[0]?.now;
        // The older build had the bars. It leaves them, and the ids of their signals, to the newer one.
        await until('the older build sees that it is not the active one', () => older.log().includes('this build is not the active one'));
        const newer = `orders where strategy_version = '2' and purpose = 'entry' and status = 'filled'`;
        await until('the newer build trades, beside the older one', async () => (await count(world, newer)) > 1);
        await older.kill();
        await quiet(world);
        const late = `orders where strategy_version = '1' and purpose in ('entry', 'exit') and status <> 'denied' and created_at > $1`;
        expect(await count(world, late, deployed)).toBe(0);
        // One signal may have been under way when the version changed; it is refused. From the newer build's first bar on there is none.
        const lost = `signals where strategy_version = '1'
          and bar_close_time >= (select min(bar_close_time) from signals where strategy_version = '2')`;
        expect(await count(world, lost)).toBe(0);
        expect(await count(world, DOUBLED)).toBe(0);
        expect([...(await world.disagreements()), ...world.broken()]).toEqual([]);
      }));

    /** Ends the trading, so that the books come to rest: no signal is given any more, and what is held is sold. */
    async function quiet(world: World): Promise<void> {
      await world.pool.query(`update control set mode = 'reduceOnly', version = version + 1`);
      await settled(world, ['flat']);
    }
  });

  describe('two strategies on one instrument', () => {
    it('each has a stop for exactly its own, and sells nothing of the other’s', () =>
      inWorld({ strategies: ['still', 'quiet'] }, async (world) => {
        const crew = await Crew.start(world);
        const stops = `orders where purpose = 'stop' and status = 'accepted' and strategy = $1
          and quantity = (select floor(p.quantity / s.step) * s.step from positions p,
            (select (rules->>'stepSize')::numeric as step from instruments) s where p.strategy = orders.strategy)`;
        const protectedBoth = async (): Promise<boolean> =>
          (await count(world, stops, 'still')) === 1 && (await count(world, stops, 'quiet')) === 1;
        for (const strategy of ['still', 'quiet']) {
          await until(`${strategy} is in`, async () => (await crew.give('open', { strategy })).status === 'filled');
        }
        await until('both are protected', protectedBoth);
        expect(resting(world)).toHaveLength(2);
        await crew.give('close', { strategy: 'still' });
        await until('only one stop rests', () => resting(world).length === 1);
        expect(await count(world, stops, 'quiet')).toBe(1);
        await crew.give('close', { strategy: 'quiet' });
        await settled(world, ['flat']);
        expect(await world.disagreements()).toEqual([]);
      }));
  });
});
