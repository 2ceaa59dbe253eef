import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import { resourceOf, runbookWorkflowId } from '../../../core/runbook/spec.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../../workflows/names.js';
import { seedPerson } from '../../support/people.js';
import { temporalIfAny } from '../../support/temporal.js';
import { Chance } from '../matrix/chance.js';
import { textOf, type Point } from '../programs/point.js';
import { openServers, type CrashServers } from './servers.js';
import { until } from './until.js';
import type { Program } from './program.js';
import { ACCOUNT, World } from './world.js';

const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? 20_261_126);
const LIMIT_MS = 400_000;
/** The parts that have code, in the order in which they are taken; of the last two those before somebody or something is waited for. */
const PARTS = {
  startUp: [
    ...['action entries', 'verification entries', 'verification dependencies', 'verification migrations', 'verification venue'],
    ...['verification keys', 'verification reconcile', 'action observation', 'verification bars'],
    ...['precondition trade', 'action trade', 'verification trade'],
  ],
  gracefulShutdown: [
    ...['action pause', 'verification pause', 'action entries', 'verification entries', 'verification stops'],
    ...['verification reconcile', 'verification report', 'verification quiet'],
  ],
  morningChecks: [
    ...['verification alerts', 'verification mode', 'verification streams', 'verification venue'],
    ...['verification keys', 'verification reconciliation', 'verification stops', 'verification limits'],
    ...['verification disk', 'verification calendar', 'verification schedules', 'verification incidents'],
    'verification signature',
  ],
  eveningChecks: [
    ...['verification signals', 'verification orders', 'verification fills', 'verification statement'],
    ...['verification reconciliation', 'verification stops', 'verification incidents', 'verification alerts', 'verification disk'],
    'verification signature',
  ],
  drawdown: ['action freeze', 'verification freeze', 'action kill', 'action evidence', 'action report'],
  reconciliationDiscrepancy: ['verification snapshots', 'verification paused', 'verification decisions'],
  venueDisconnected: ['action freeze', 'verification freeze'],
} as const;
type Name = keyof typeof PARTS;

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('a guardian killed (-9) in a runbook of its own', { timeout: LIMIT_MS }, () => {
  let servers: CrashServers;
  let world: World;

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
  });
  afterAll(() => servers?.close());
  beforeEach(async () => {
    world = await World.open(servers);
  });
  afterEach(() => world?.close());

  /** Begun and nothing of it done, or done and not written down: which part of which, the seed says. */
  const pointIn = (name: Name): Point => {
    const chance = new Chance(SEED, name);
    const boundary = chance.pick([
      { when: 'after', call: 'runbooks.beginPart' },
      { when: 'before', call: 'runbooks.endPart' },
    ]);
    const part = chance.between(1, PARTS[name].length);
    console.info(`${name} is killed ${boundary.when} ${boundary.call} of ${PARTS[name][part - 1]}, seed ${SEED} (KEELSON_TEST_SEED)`);
    return { ...boundary, occurrence: part, signal: 'SIGKILL' };
  };
  /** The run has ended as if nobody had been killed: each part recorded once, each change of the mode made once. */
  const endsWith = async (name: 'startUp' | 'gracefulShutdown', changes: readonly string[]): Promise<void> => {
    const { runId, status } = await until(
      `${name} has ended`,
      async () => {
        const { rows } = await world.pool.query<{ runId: string; status: string }>(
          `select run_id::text as "runId", status from runbook_runs where runbook = $1 and ended_at is not null`,
          [name],
        );
        return rows[0];
      },
      () => world.describePrograms(),
    );
    expect(status).toBe('completed');
    const { rows: parts } = await world.pool.query<{ line: string }>(
      `select part || ' ' || name || ' ' || outcome as line from runbook_parts where run_id = $1 order by started_at`,
      [runId],
    );
    expect(parts.map(({ line }) => line)).toEqual(PARTS[name].map((part) => `${part} done`));
    const { rows: modes } = await world.pool.query<{ line: string }>(
      `select (data->>'was') || ' -> ' || (data->>'mode') as line from audit_events
         where kind = 'mode.changed' and data->>'runId' = $1 order by event_id`,
      [runId],
    );
    expect(modes.map(({ line }) => line)).toEqual(changes);
  };

  const startUp = async (): Promise<void> => {
    const armed = { KEELSON_START: randomUUID(), KEELSON_TEST_POINT: textOf(pointIn('startUp')) };
    const { KEELSON_START } = armed;
    let guardian = world.launch('guardian', armed);
    await world.start('trading', { KEELSON_START });
    await until(
      'the guardian is killed in its start-up',
      () => {
        // One that gave up, since a starved database did not answer it in time, is started again.
        if (guardian.hasEnded && guardian.struckTime === undefined) guardian = world.launch('guardian', armed);
        return guardian.struckTime;
      },
      () => world.describePrograms(),
    );
    await guardian.ended;
    await world.start('guardian', { KEELSON_START });
    await endsWith('startUp', ['normal -> observation', 'observation -> normal']);
  };
  /** A run that a person has asked for; its guardian is killed in it, and another goes on. @returns the run */
  const asked = async (runbook: 'gracefulShutdown' | 'morningChecks' | 'eveningChecks'): Promise<string> => {
    const guardian = await world.start('guardian');
    await guardian.arm(pointIn(runbook));
    const underKey = await seedPerson(world.pool, 'olga', ['operator']);
    const runId = randomUUID();
    const resource = resourceOf({ ...RUNBOOK_SPECS[runbook], steps: [] }, ACCOUNT);
    const wanted = { runId, runbook, account: ACCOUNT, resource, inputs: {}, reason: 'a test', subject: 'olga', underKey };
    const { rows } = await world.pool.query<{ answer: string }>('select ask_runbook($1) as answer', [wanted]);
    expect(rows[0]?.answer).toBe('asked');
    const { guardian: taskQueue } = TASK_QUEUES;
    await world.client.workflow.start(WORKFLOW_TYPES.runbook, { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId] });
    await isKilled(guardian);
    await world.start('guardian');
    return runId;
  };
  const isKilled = async (guardian: Program): Promise<void> => {
    await until(
      'the guardian is killed in the run',
      () => guardian.struckTime,
      () => world.describePrograms(),
    );
    await guardian.ended;
  };
  const shutdown = async (): Promise<void> => {
    await asked('gracefulShutdown');
    await endsWith('gracefulShutdown', ['normal -> paused']);
  };
  /** What is recorded of a run, but for what people have signed: each part once. */
  const partsOf = async (runId: string): Promise<readonly string[]> => {
    const { rows } = await world.pool.query<{ line: string }>(
      `select part || ' ' || name as line from runbook_parts where run_id = $1 and part not in ('signature', 'skip') and ended_at is not null
         order by position, attempt, started_at`,
      [runId],
    );
    const parts = rows.map(({ line }) => line);
    expect(new Set(parts).size).toBe(parts.length);
    return parts;
  };
  const becomes = (runId: string, ...statuses: readonly string[]): Promise<string> =>
    until(
      `run ${runId} is ${statuses.join(' or ')}`,
      async () => {
        const { rows } = await world.pool.query<{ status: string }>('select status from runbook_runs where run_id = $1', [runId]);
        return statuses.find((one) => one === rows[0]?.status);
      },
      () => world.describePrograms(),
    );
  const checks = async (name: 'morningChecks' | 'eveningChecks'): Promise<void> => {
    const runId = await asked(name);
    await becomes(runId, 'waitingForPerson');
    expect(await partsOf(runId)).toEqual(PARTS[name]);
  };
  const runOf = (runbook: string): Promise<string> =>
    until(
      `a run of ${runbook} is there`,
      async () =>
        (await world.pool.query<{ runId: string }>('select run_id::text as "runId" from runbook_runs where runbook = $1', [runbook]))
          .rows[0]?.runId,
      () => world.describePrograms(),
    );
  /** Our books say another balance than the venue has. */
  const discrepancy = async (): Promise<void> => {
    const guardian = await world.start('guardian');
    await guardian.arm(pointIn('reconciliationDiscrepancy'));
    await world.pool.query(`update inventory set quantity = quantity + 1 where account = $1 and asset = 'USDT'`, [ACCOUNT]);
    world.compare().catch(() => undefined);
    await isKilled(guardian);
    await world.start('guardian');
    const runId = await runOf('reconciliationDiscrepancy');
    await becomes(runId, 'waitingForPerson');
    expect((await partsOf(runId)).slice(0, 2)).toEqual(['verification snapshots', 'verification paused']);
    const { rows } = await world.pool.query('select mode from control where account = $1', [ACCOUNT]);
    expect(rows).toEqual([{ mode: 'paused' }]);
  };
  const isWatched = (): Promise<boolean> =>
    until(
      'the account is watched',
      async () => (await world.pool.query('select from account_watch where equity is not null')).rowCount === 1,
      () => world.describePrograms(),
    );
  /** What the account was worth at its best was twice as much as it is. */
  const drawdown = async (): Promise<void> => {
    const guardian = await world.start('guardian');
    await isWatched();
    await guardian.arm(pointIn('drawdown'));
    await world.pool.query('update account_watch set peak = 2 * known_equity, version = version + 1');
    await isKilled(guardian);
    await world.start('guardian');
    const runId = await runOf('drawdown');
    await becomes(runId, 'waitingForPerson');
    expect(await partsOf(runId)).toEqual(PARTS.drawdown);
    const { rows } = await world.pool.query(`select count(*)::int as halts from latches where released_at is null`);
    expect(rows).toEqual([{ halts: 1 }]);
  };
  /** The venue answers nothing for longer than the shortest time that an account may set. */
  const lostVenue = async (): Promise<void> => {
    const config = JSON.parse(await readFile(world.configFile, 'utf8')) as { readonly accounts: Record<string, { watch?: object }> };
    for (const account of Object.values(config.accounts)) account.watch = { venueUnreachableMs: 5_000 };
    const file = `${world.configFile}.lost`;
    await writeFile(file, JSON.stringify(config));
    const guardian = await world.start('guardian', { KEELSON_CONFIG: file });
    await world.start('trading');
    await isWatched();
    await guardian.arm(pointIn('venueDisconnected'));
    world.fault({ fault: 'refuse', probability: 1, times: 0, status: 503 });
    await isKilled(guardian);
    world.paper.faults.clear();
    await world.start('guardian', { KEELSON_CONFIG: file });
    const runId = await runOf('venueDisconnected');
    expect(await becomes(runId, 'completed', 'completedWithFailures')).toBe('completed');
    expect((await partsOf(runId)).filter((part) => part.startsWith('action'))).toEqual(
      ['freeze', 'reconnect', 'streams', 'reconciliation', 'resume', 'report'].map((name) => `action ${name}`),
    );
    const { rows } = await world.pool.query('select mode from control where account = $1', [ACCOUNT]);
    expect(rows).toEqual([{ mode: 'normal' }]);
  };

  const stories = {
    ...{ startUp, shutdown, discrepancy, drawdown, lostVenue },
    morningChecks: () => checks('morningChecks'),
    eveningChecks: () => checks('eveningChecks'),
  };
  // Each runbook in every part of its own is tried where whoever dies is no process (workflows/operations/runbook, activities/runbook).
  it.each(Object.entries(stories))('in %s is followed by another that goes on with what it had begun', (_, story) => story());
});
