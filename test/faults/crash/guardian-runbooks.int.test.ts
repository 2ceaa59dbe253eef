import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import { resourceOf, runbookWorkflowId } from '../../../core/runbook/spec.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../../workflows/names.js';
import { seedPerson } from '../../support/people.js';
import { temporalIfAny } from '../../support/temporal.js';
import { Chance } from '../matrix/chance.js';
import { textOf, type Point } from '../programs/point.js';
import { openServers, type CrashServers } from './servers.js';
import { until } from './until.js';
import { ACCOUNT, World } from './world.js';

const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? 20_261_126);
const LIMIT_MS = 400_000;
/** The parts that have code, in the order in which they are taken. */
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
  eveningChecks: [
    ...['verification signals', 'verification orders', 'verification fills', 'verification reconciliation', 'verification stops'],
    ...['verification incidents', 'verification alerts', 'verification disk'],
  ],
} as const;
type Name = keyof typeof PARTS;

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('a guardian killed (-9) in a runbook of its own', { timeout: LIMIT_MS }, () => {
  let servers: CrashServers;
  let world: World;

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
    world = await World.open(servers);
  });
  afterAll(async () => {
    await world?.close();
    await servers?.close();
  });

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
  const endsWith = async (name: Name, changes: readonly string[]): Promise<void> => {
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
  const shutdown = async (): Promise<void> => {
    const guardian = await world.start('guardian');
    await guardian.arm(pointIn('gracefulShutdown'));
    const underKey = await seedPerson(world.pool, 'olga', ['operator']);
    const [runId, runbook] = [randomUUID(), 'gracefulShutdown'] as const;
    const resource = resourceOf({ ...RUNBOOK_SPECS[runbook], steps: [] }, ACCOUNT);
    const asked = { runId, runbook, account: ACCOUNT, resource, inputs: {}, reason: 'a test', subject: 'olga', underKey };
    const { rows } = await world.pool.query<{ answer: string }>('select ask_runbook($1) as answer', [asked]);
    expect(rows[0]?.answer).toBe('asked');
    const { guardian: taskQueue } = TASK_QUEUES;
    await world.client.workflow.start(WORKFLOW_TYPES.runbook, { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId] });
    await until(
      'the guardian is killed in the shutdown',
      () => guardian.struckTime,
      () => world.describePrograms(),
    );
    await guardian.ended;
    await world.start('guardian');
    await endsWith('gracefulShutdown', ['normal -> paused']);
  };

  // Each in every part of its own: activities/runbook/trading, where whoever dies is no process. Here it is one of the two.
  it('is followed by another that ends what it had begun', () => new Chance(SEED, 'which').pick([startUp, shutdown])());
});
