import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { RunbookName } from '../../../core/runbook/spec.js';
import type { Order } from '../../../exchange/matching/order.js';
import { textOf, type Point } from '../programs/point.js';
import { Crew } from './cycle.js';
import { openRuns } from './open-runs.js';
import type { Program } from './program.js';
import { recordsOf } from './runbook-parts.js';
import { Stage, type RunNow } from './runbook-stage.js';
import type { CrashServers } from './servers.js';
import { settled } from './standing.js';
import { until } from './until.js';
import { ACCOUNT, INSTRUMENT, VENUE_ACCOUNT, World, type WorldOptions } from './world.js';

interface Story {
  readonly options?: WorldOptions;
  /** From what is there before it until the run is. @returns the run */
  begin(stage: Stage): Promise<string>;
  /** What people and the venue do, at each look at the run. */
  meanwhile?(stage: Stage, run: RunNow): Promise<void>;
  /** What is not as if nobody had died. */
  judge(stage: Stage, runId: string): Promise<readonly string[]>;
}

const SYMBOL = INSTRUMENT.replace('/', '');
const LOOK_MS = 100;
/** What a death may cost on a busy machine, and the run beside it. */
const OF_A_DEATH_MS = 40_000;
const OF_A_RUN_MS = 180_000;

const unlessSame = (what: string, found: unknown, expected: unknown): readonly string[] =>
  JSON.stringify(found) === JSON.stringify(expected) ? [] : [`${what}: ${JSON.stringify(found)}, and not ${JSON.stringify(expected)}`];

/** A stop has filled while nobody was there: it is booked, and once. */
const startUp: Story = {
  async begin(stage) {
    const { world } = stage;
    const crew = await Crew.start(world);
    await crew.open();
    await Promise.all([crew.of('guardian').kill(), crew.of('trading').kill()]);
    const { engine, orders } = world.paper;
    for (const stop of orders.open(VENUE_ACCOUNT, SYMBOL)) engine.fillByHand(stop, stop.quantity, world.paper.now());
    const start = { KEELSON_START: randomUUID() };
    stage.guard(start);
    await world.start('trading', start);
    return stage.runOf('startUp');
  },
  judge: async (stage) => [
    ...unlessSame('modes', await stage.modes(), ['normal -> observation', 'observation -> normal']),
    ...(await stage.world.disagreements()),
    ...stage.world.broken(),
  ],
};

/** An entry of this strategy that rests: it is denied for as long as a worker that has just started has no price. */
async function rests(world: World, trading: Program, strategy: string): Promise<Order> {
  let last = '';
  return until(
    `an entry of ${strategy} rests`,
    async () => {
      last = '';
      const { outcome } = await world.give(world.signal('open', { strategy }), trading);
      void outcome.then((one) => (last = JSON.stringify(one))).catch((error: unknown) => (last = String(error)));
      const found = (): Order | undefined => world.paper.orders.open(VENUE_ACCOUNT, SYMBOL).find(({ side }) => side === 'BUY');
      const order = await until('the signal has an order, or an outcome', () => found() ?? (last === '' ? undefined : last));
      return typeof order !== 'string' && order;
    },
    () => `the last signal: ${last}`,
  );
}

/** With a position, whose stop stays, and an entry that rests, which is canceled. */
const gracefulShutdown: Story = {
  options: { strategies: ['still', 'quiet'], restingMs: 600_000, rules: { shutdown: { workingEntries: 'cancel' } } },
  async begin(stage) {
    const { world } = stage;
    stage.guard();
    const trading = await world.start('trading');
    const first = await rests(world, trading, 'still');
    world.paper.engine.fillByHand(first, first.quantity, world.paper.now());
    await settled(world, ['protected']);
    await rests(world, trading, 'quiet');
    return stage.ask('gracefulShutdown');
  },
  async judge(stage, runId) {
    const [report] = await stage.query<{ orders: readonly string[] }>(
      `select (select jsonb_agg(o->>'purpose' || ' ' || (o->>'clientOrderId')) from jsonb_array_elements(output->'openOrders') o) as orders
         from runbook_parts where run_id = $1 and name = 'report'`,
      runId,
    );
    const canceled = await stage.query(`select from audit_events where kind = 'order.canceled'`);
    const left = stage.world.paper.orders.open(VENUE_ACCOUNT, SYMBOL);
    return [
      ...unlessSame('modes', await stage.modes(), ['normal -> paused']),
      ...unlessSame('canceled', canceled.length, 1),
      ...unlessSame('left at the venue', [left.length, left[0]?.side], [1, 'SELL']),
      ...unlessSame('report', report?.orders, [`stop ${left[0]?.clientOrderId}`]),
      ...(await stage.world.disagreements()),
    ];
  },
};

/** What is found is told and changes nothing; a person signs, and for the backup as well. */
function checks(name: 'morningChecks' | 'eveningChecks'): Story {
  const [signature, backup] = ['signature', 'backup'].map((step) => recordsOf(name).indexOf(`verification ${step}`));
  return {
    async begin(stage) {
      stage.guard();
      await stage.isWatched();
      return stage.ask(name);
    },
    async meanwhile(stage, run) {
      if (run.position === signature || run.position === backup) await stage.sign(run, run.position, 'olga', 'operator');
    },
    async judge(stage, runId) {
      const signed = await stage.query(`select from runbook_parts where run_id = $1 and part = 'signature'`, runId);
      const keys = await stage.query<{ outcome: string }>(`select outcome from runbook_parts where run_id = $1 and name = 'keys'`, runId);
      return [
        ...unlessSame('signatures', signed.length, 2),
        ...unlessSame('modes', await stage.modes(), []),
        ...unlessSame('keys', keys, name === 'morningChecks' ? [{ outcome: 'done' }] : []),
      ];
    },
  };
}

/** What the account was worth at its best was twice as much as it is. */
const drawdown: Story = {
  async begin(stage) {
    stage.guard();
    await stage.isWatched();
    await stage.query('update account_watch set peak = 2 * known_equity, version = version + 1');
    return stage.runOf('drawdown');
  },
  meanwhile: async (stage, run) => stage.sign(run, 4, 'rik', 'risk'),
  async judge(stage, runId) {
    const [count] = await stage.query(
      `select (select count(*)::int from latches) as halts,
         (select count(*)::int from incidents where incident_key like 'drawdown:%') as incidents`,
    );
    const [kept] = await stage.query<{ evidence: { path: string; sha256: string } }>(
      `select output->'evidence' as evidence from runbook_parts where run_id = $1 and name = 'evidence'`,
      runId,
    );
    const { path = '', sha256 = '' } = kept?.evidence ?? {};
    const written = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    return [...unlessSame('halts and incidents', count, { halts: 1, incidents: 1 }), ...unlessSame('evidence', written, sha256)];
  },
};

/** Our books say another balance than the venue has; it is mended, and a person resumes. */
const reconciliationDiscrepancy: Story = {
  async begin(stage) {
    stage.guard();
    await stage.isWatched();
    await stage.query(`update inventory set quantity = quantity + 1 where account = $1 and asset = 'USDT'`, ACCOUNT);
    stage.world.compare().catch(() => undefined);
    return stage.runOf('reconciliationDiscrepancy');
  },
  async meanwhile(stage, { status, position }) {
    if (status !== 'waitingForPerson') return;
    if (position >= 4 && (await stage.mode()) === 'paused') return stage.resume();
    await stage.query(`update inventory set quantity = quantity - 1 where account = $1 and asset = 'USDT' and quantity > 100000`, ACCOUNT);
    await stage.world.compare().catch(() => undefined);
  },
  judge: async (stage) => [
    ...unlessSame('modes', await stage.modes(), ['normal -> paused', 'paused -> normal']),
    ...unlessSame('differences', (await stage.query('select from reconciliation_differences')).length, 1),
  ],
};

/** The venue answers nothing for longer than the shortest time that an account may set. */
const venueDisconnected: Story = {
  options: { rules: { watch: { venueUnreachableMs: 5_000 } } },
  async begin(stage) {
    stage.guard();
    await stage.world.start('trading');
    await stage.isWatched();
    stage.world.fault({ fault: 'refuse', probability: 1, times: 0, status: 503 });
    return stage.runOf('venueDisconnected');
  },
  async meanwhile({ world }, { position }) {
    if (position >= 1) world.paper.faults.clear();
  },
  judge: async (stage) => [
    ...unlessSame('mode', await stage.mode(), 'normal'),
    ...unlessSame('modes', await stage.modes(), ['normal -> paused', 'paused -> normal']),
    ...unlessSame('outages', (await stage.query('select from outages')).length, 1),
  ],
};

const STORIES: Readonly<Record<RunbookName, Story>> = {
  ...{ startUp, gracefulShutdown, drawdown, reconciliationDiscrepancy, venueDisconnected },
  ...{ morningChecks: checks('morningChecks'), eveningChecks: checks('eveningChecks') },
};
/** What a check has found, as a disk that is full, fails its item and not the run. */
const MAY_FIND: readonly RunbookName[] = ['morningChecks', 'eveningChecks'];

/**
 * One run of a runbook whose guardians are killed at these points, one after the other, to its end.
 * @returns what is not as if nobody had died
 * @throws Error with what there is to see where the run does not come to its end
 */
export async function runKilled(servers: CrashServers, name: RunbookName, deaths: readonly Point[]): Promise<readonly string[]> {
  const story = STORIES[name];
  const stage = new Stage(await World.open(servers, story.options), deaths);
  try {
    const runId = await story.begin(stage);
    const limit = performance.now() + deaths.length * OF_A_DEATH_MS + OF_A_RUN_MS;
    for (;;) {
      const run = await stage.now(runId);
      if (run.isOver) break;
      stage.guardians.check();
      if (performance.now() > limit) throw new Error(`the run does not end: ${JSON.stringify(run)}`);
      await story.meanwhile?.(stage, run);
      await wait(LOOK_MS);
    }
    await stage.guardians.last();
    return [...(await frameJudged(stage, runId, name, deaths)), ...(await story.judge(stage, runId))];
  } catch (error) {
    if (error instanceof Error) {
      const died = stage.guardians.died.map(textOf).join(', ');
      error.message += `\nkilled at: ${died}\nruns that are open:\n${await openRuns(stage.world.client).catch(String)}\nprograms:\n${stage.world.describePrograms()}`;
    }
    throw error;
  } finally {
    await stage.close();
  }
}

/** Each part is recorded once and has ended, and nothing is told of the run twice. */
async function frameJudged(stage: Stage, runId: string, name: RunbookName, deaths: readonly Point[]): Promise<readonly string[]> {
  const { status, detail } = await stage.now(runId);
  const isFine = status === 'completed' || (status === 'completedWithFailures' && MAY_FIND.includes(name));
  const parts = await stage.query<{ line: string }>(
    `select part || ' ' || name || case when attempt > 1 or outcome is null then ' ' || attempt || ' ' || coalesce(outcome, 'begun') else '' end as line
       from runbook_parts where run_id = $1 and part not in ('signature', 'skip') order by position, started_at`,
    runId,
  );
  const twice = await stage.query<{ line: string }>(
    `select kind || ' ' || (data - 'alertId')::text as line from audit_events where data::text like '%' || $1 || '%'
       group by kind, data - 'alertId' having count(*) > 1`,
    runId,
  );
  return [
    ...(isFine ? [] : [`it is ${status}: ${detail}`]),
    ...unlessSame(
      'parts',
      parts.map(({ line }) => line),
      recordsOf(name),
    ),
    ...twice.map(({ line }) => `told twice: ${line}`),
    ...unlessSame('deaths', stage.guardians.died.map(textOf), deaths.map(textOf)),
  ];
}
