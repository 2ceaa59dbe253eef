import { randomUUID } from 'node:crypto';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import { resourceOf, runbookWorkflowId, type RunbookName } from '../../../core/runbook/spec.js';
import type { Role } from '../../../core/people/roles.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../../workflows/names.js';
import { seedPerson } from '../../support/people.js';
import type { Point } from '../programs/point.js';
import { Successors } from './successors.js';
import { until } from './until.js';
import { ACCOUNT, type World } from './world.js';

/** How a run stands, by its rows. */
export interface RunNow {
  readonly runId: string;
  readonly status: string;
  readonly detail: string | null;
  readonly isOver: boolean;
  /** Its newest part, and whether that has ended. */
  readonly position: number;
  readonly hasEnded: boolean;
}

/** A world in which guardians that die carry one run out, and the people who have to do with it. */
export class Stage {
  readonly world: World;
  private readonly deaths: readonly Point[];
  private readonly keys = new Map<string, string>();
  private readonly signed = new Set<number>();
  private present: Successors | undefined;

  constructor(world: World, deaths: readonly Point[]) {
    this.world = world;
    this.deaths = deaths;
  }

  /** From now on guardians are there, one after the other. */
  guard(env: NodeJS.ProcessEnv = {}): void {
    this.present = new Successors(this.world, this.deaths, env);
  }

  get guardians(): Successors {
    if (this.present === undefined) throw new Error('nobody guards yet');
    return this.present;
  }

  async close(): Promise<void> {
    await this.present?.close();
    await this.world.close();
  }

  async query<Row extends object>(text: string, ...values: readonly unknown[]): Promise<Row[]> {
    return (await this.world.pool.query<Row>(text, [...values])).rows;
  }

  async mode(): Promise<string | undefined> {
    return (await this.query<{ mode: string }>('select mode from control where account = $1', ACCOUNT))[0]?.mode;
  }

  async modes(): Promise<readonly string[]> {
    const rows = await this.query<{ line: string }>(
      `select (data->>'was') || ' -> ' || (data->>'mode') as line from audit_events where kind = 'mode.changed' order by event_id`,
    );
    return rows.map(({ line }) => line);
  }

  /** A guardian has seen what the account is worth. */
  async isWatched(): Promise<void> {
    await until(
      'the account is watched',
      async () => (await this.query('select from account_watch where equity is not null')).length === 1,
      () => this.world.describePrograms(),
    );
  }

  /** Olga (operator) asks for a run. */
  async ask(runbook: RunbookName): Promise<string> {
    const runId = randomUUID();
    const resource = resourceOf({ ...RUNBOOK_SPECS[runbook], steps: [] }, ACCOUNT);
    const underKey = await this.keyOf('olga', 'operator');
    const wanted = { runId, runbook, account: ACCOUNT, resource, inputs: {}, reason: 'a test', subject: 'olga', underKey };
    const [row] = await this.query<{ answer: string }>('select ask_runbook($1) as answer', wanted);
    if (row?.answer !== 'asked') throw new Error(`the run is ${row?.answer}`);
    const { guardian: taskQueue } = TASK_QUEUES;
    await this.world.client.workflow.start(WORKFLOW_TYPES.runbook, { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId] });
    return runId;
  }

  /** The one run that there is of it. */
  runOf(runbook: RunbookName): Promise<string> {
    return until(
      `a run of ${runbook} is there`,
      async () => {
        const [run, another] = await this.query<{ runId: string }>(
          'select run_id::text as "runId" from runbook_runs where runbook = $1',
          runbook,
        );
        if (another !== undefined) throw new Error(`there are two runs of ${runbook}`);
        return run?.runId;
      },
      () => this.world.describePrograms(),
    );
  }

  async now(runId: string): Promise<RunNow> {
    const [run] = await this.query<RunNow>(
      `select r.run_id::text as "runId", r.status, r.detail, r.ended_at is not null as "isOver", coalesce(p.position, -1) as position,
         coalesce(p.ended_at is not null, false) as "hasEnded"
       from runbook_runs r left join runbook_parts p on p.run_id = r.run_id and p.part not in ('signature', 'skip')
       where r.run_id = $1 order by p.position desc, p.attempt desc, p.started_at desc limit 1`,
      runId,
    );
    if (run === undefined) throw new Error(`run ${runId} is not there`);
    return run;
  }

  /** Signs what waits for it, once. */
  async sign({ runId, status }: RunNow, position: number, subject: string, role: Role): Promise<void> {
    if (status !== 'waitingForPerson' || this.signed.has(position)) return;
    this.signed.add(position);
    const commandId = randomUUID();
    const underKey = await this.keyOf(subject, role);
    const command = { commandId, runId, kind: 'sign', position, reason: 'seen', subject, underKey };
    const [row] = await this.query<{ answer: string }>('select command_runbook($1) as answer', command);
    if (row?.answer !== 'written') throw new Error(`the signature is ${row?.answer}`);
    await this.world.client.workflow.getHandle(runbookWorkflowId(runId)).executeUpdate('command', { args: [{ commandId }] });
  }

  /** It goes on from here, where it has been found clean. */
  async resume(): Promise<void> {
    const commandId = randomUUID();
    const keyId = await this.keyOf('olga', 'operator');
    await this.query(
      `insert into commands (command_id, account, kind, subject, key_id, reason) values ($1, $2, 'resume', 'olga', $3, 'a test')`,
      ...[commandId, ACCOUNT, keyId],
    );
    await this.query('select apply_mode_command($1)', { commandId, account: ACCOUNT, kind: 'resume', mode: 'normal' });
  }

  private async keyOf(subject: string, role: Role): Promise<string> {
    const key = this.keys.get(subject) ?? (await seedPerson(this.world.pool, subject, [role]));
    this.keys.set(subject, key);
    return key;
  }
}
