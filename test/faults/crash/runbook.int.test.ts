import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rootFolder } from '../../../config/index.js';
import { runbookWorkflowId } from '../../../core/runbook/spec.js';
import { eventually } from '../../support/eventually.js';
import { seedPerson } from '../../support/people.js';
import { testDatabase, type TestDatabase } from '../../support/postgres.js';
import { temporalIfAny } from '../../support/temporal.js';
import { assertBuild } from './servers.js';

const temporal = await temporalIfAny();
const LONG_MS = 60_000;

describe.skipIf(temporal === undefined)('a runbook whose worker is killed (-9)', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  const folder = mkdtempSync(join(tmpdir(), 'keelson-runbooks-'));
  const children = new Set<ChildProcess>();
  let database: TestDatabase;
  let connection: Connection;
  let client: Client;
  let key: string;

  beforeAll(async () => {
    await assertBuild();
    database = await testDatabase();
    for (const account of ['forth', 'back']) {
      await database.pool.query(`insert into accounts (account, venue) values ($1, 'paper')`, [account]);
      await database.pool.query(`insert into control (account) values ($1)`, [account]);
    }
    key = await seedPerson(database.pool, 'olga', ['operator']);
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace });
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await connection?.close();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One run, and the programs that work on it one after the other. */
  const begin = async (account: string) => {
    const [runId, queue] = [randomUUID(), `runbooks-${randomUUID()}`];
    const journalFile = join(folder, account);
    const journal = (): string[] => (existsSync(journalFile) ? readFileSync(journalFile, 'utf8').trimEnd().split('\n') : []);
    const start = (env: Readonly<Record<string, string>>): ChildProcess => {
      const log = openSync(join(folder, `${account}.log`), 'a');
      const child = fork(join(rootFolder(), 'dist', 'test', 'faults', 'programs', 'runbooks.js'), {
        env: {
          ...process.env,
          ...{ KEELSON_DATABASE_URL: database.url, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace },
          ...{ KEELSON_TEST_QUEUE: queue, KEELSON_TEST_JOURNAL: journalFile, ...env },
        },
        stdio: ['ignore', log, log, 'ipc'],
      });
      closeSync(log);
      children.add(child);
      return child;
    };
    const kill = async (child: ChildProcess): Promise<void> => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    };
    const asked = {
      runId,
      runbook: 'morningChecks',
      account,
      resource: `r:${account}`,
      inputs: {},
      reason: 'a test',
      subject: 'olga',
      underKey: key,
    };
    const { rows } = await database.pool.query<{ answer: string }>('select ask_runbook($1) as answer', [asked]);
    expect(rows[0]?.answer).toBe('asked');
    const handle = await client.workflow.start('runbook', {
      ...{ taskQueue: queue, workflowId: runbookWorkflowId(runId), args: [runId], workflowTaskTimeout: '5s' },
    });
    return {
      ...{ runId, handle, journal, start },
      /** Kills the program that hangs in this part. */
      async killAt(part: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
        const before = journal().filter((line) => line === part).length;
        const child = start({ ...env, KEELSON_TEST_HANG: part });
        await eventually(() => expect(journal().filter((line) => line === part).length).toBeGreaterThan(before), LONG_MS);
        await kill(child);
      },
    };
  };
  const records = async (runId: string): Promise<string[]> => {
    const { rows } = await database.pool.query<{ line: string }>(
      `select part || ' ' || name || ' ' || coalesce(outcome, 'begun') as line from runbook_parts where run_id = $1 order by started_at`,
      [runId],
    );
    return rows.map(({ line }) => line);
  };
  const PARTS = ['one', 'two', 'three'].flatMap((name) => ['precondition', 'action', 'verification'].map((part) => `${part} ${name}`));

  it.concurrent(
    'goes on where it was: in each step, what was ended is not done again, and what was begun is',
    { timeout: 240_000 },
    async () => {
      const run = await begin('forth');
      for (const part of ['action one', 'precondition two', 'verification two', 'action three']) await run.killAt(part);
      const last = run.start({});
      expect(await (run.handle as WorkflowHandle).result()).toEqual({ status: 'completed', detail: null });
      last.kill('SIGKILL');
      expect(run.journal()).toEqual([
        ...['precondition one', 'action one', 'action one', 'verification one'],
        ...['precondition two', 'precondition two', 'action two', 'verification two', 'verification two'],
        ...['precondition three', 'action three', 'action three', 'verification three'],
      ]);
      expect(await records(run.runId)).toEqual(PARTS.map((part) => `${part} done`));
    },
  );

  it.concurrent('aborted, it goes on to take back, the last first', { timeout: 240_000 }, async () => {
    const run = await begin('back');
    const first = run.start({ KEELSON_TEST_FAIL: 'three', KEELSON_TEST_HANG: 'undo two' });
    await eventually(async () => expect(await run.handle.query('state')).toMatchObject({ status: 'waitingForPerson' }), LONG_MS);
    const command = {
      commandId: randomUUID(),
      runId: run.runId,
      kind: 'abort',
      position: null,
      reason: 'no',
      subject: 'olga',
      underKey: key,
    };
    await database.pool.query('select command_runbook($1)', [command]);
    await run.handle.executeUpdate('command', { args: [{ commandId: command.commandId }] });
    await eventually(() => expect(run.journal()).toContain('undo two'), LONG_MS);
    first.kill('SIGKILL');
    const last = run.start({});
    expect(await (run.handle as WorkflowHandle).result()).toEqual({ status: 'aborted', detail: 'aborted by olga: no' });
    last.kill('SIGKILL');
    expect(run.journal().filter((line) => line.startsWith('undo'))).toEqual(['undo three', 'undo two', 'undo two', 'undo one']);
  });
});
