import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporalControl } from '../api/control/temporal-control.js';
import { apiUnderTest, KEYS, seedPeople, type ApiUnderTest } from '../test/support/api.js';
import { eventually } from '../test/support/eventually.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { temporalIfAny } from '../test/support/temporal.js';
import { EXIT } from './exit.js';
import { runCommandLine } from './program.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('keelson schedules, over the API and a real Temporal', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  const home = mkdtempSync(join(tmpdir(), 'keelson-schedules-'));
  const [due, paused] = ['due', 'paused'].map((name) => `test:${name}-${randomUUID()}`) as [string, string];
  let store: TestDatabase;
  let connection: Connection;
  let client: Client;
  let api: ApiUnderTest;

  beforeAll(async () => {
    store = await testDatabase();
    await seedPeople(store.pool);
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace });
    for (const scheduleId of [due, paused]) {
      // Nobody works on that queue: what is started stays where it is, and goes with the namespace.
      const action = { type: 'startWorkflow' as const, workflowType: 'scheduledRunbook', taskQueue: scheduleId, args: [] };
      await client.schedule.create({ scheduleId, spec: { intervals: [{ every: '1d' }] }, action });
    }
    api = apiUnderTest(store, { control: temporalControl({ connection: { address }, namespace, answerLimitMs: 60_000 }) });
    const served = await api.server.listen({ host: '127.0.0.1', port: 0 });
    writeFileSync(join(home, 'owner-key'), `${KEYS.owner}\n`, { mode: 0o600 });
    writeFileSync(
      join(home, 'run.json'),
      JSON.stringify({ pid: 1, since: 0, addresses: { api: served, temporal: '', metrics: {} }, pids: {} }),
    );
  });
  afterAll(async () => {
    for (const id of [due, paused]) await client?.schedule.getHandle(id).delete();
    await api?.close();
    await connection?.close();
    await store?.drop();
    rmSync(home, { recursive: true, force: true });
  });

  const keelson = async (...line: string[]) => {
    const result = { exitCode: 0, out: '', error: '' };
    result.exitCode = await runCommandLine(['schedules', ...line], {
      ...{ env: { KEELSON_HOME: home }, root: home, now: Date.now, newId: randomUUID },
      out: (text) => void (result.out += text),
      error: (text) => void (result.error += text),
    });
    return result;
  };
  const described = async (id: string) => {
    const { state, info } = await client.schedule.getHandle(id).describe();
    return { isPaused: state.paused, note: state.note, taken: info.numActionsTaken };
  };
  /** The columns of a schedule as they are printed; the list follows what is done a moment later. */
  const listed = async (id: string): Promise<readonly string[] | undefined> => {
    const { exitCode, out } = await keelson('list');
    expect(exitCode).toBe(EXIT.done);
    const line = out.split('\n').find((one) => one.trimStart().startsWith(id));
    return line?.trim().split(/ {2,}/);
  };

  test('one that is paused and one that is due are listed as such, and pause, resume and trigger do what they say', async () => {
    expect(await keelson('pause', paused, '--reason', 'a quiet day')).toMatchObject({ exitCode: EXIT.done, out: `${paused} is paused.\n` });
    expect(await described(paused)).toEqual({ isPaused: true, note: 'owner: a quiet day', taken: 0 });
    const next = expect.stringMatching(/^\d{4}-\d{2}-\d{2} /) as string;
    await eventually(async () => {
      expect(await listed(paused)).toEqual([paused, 'scheduledRunbook', 'paused', '–', '0', '0', 'owner: a quiet day']);
      expect((await listed(due))?.slice(0, 6)).toEqual([due, 'scheduledRunbook', next, '–', '0', '0']);
    }, 30_000);

    expect(await keelson('resume', paused, '--reason', 'over')).toMatchObject({ exitCode: EXIT.done, out: `${paused} goes on.\n` });
    expect(await described(paused)).toMatchObject({ isPaused: false, taken: 0 });
    expect(await keelson('trigger', due, '--reason', 'now')).toMatchObject({ exitCode: EXIT.done, out: `${due} was started once.\n` });
    await eventually(async () => expect(await described(due)).toMatchObject({ isPaused: false, taken: 1 }), 30_000);
    await eventually(async () => {
      expect((await listed(paused))?.slice(2, 3)).toEqual([next]);
      expect((await listed(due))?.slice(3, 4)).toEqual([next]);
    }, 30_000);
  });

  test.each(['pause', 'resume', 'trigger'])('%s of one that is not there is refused, and those that there are are told', async (kind) => {
    const before = await Promise.all([due, paused].map(described));
    const { exitCode, out, error } = await keelson(kind, 'test:nothing', '--reason', 'a test');
    expect([exitCode, out]).toEqual([EXIT.refused, '']);
    for (const known of ['There is no schedule test:nothing. Known: ', due, paused]) expect(error).toContain(known);
    expect(await Promise.all([due, paused].map(described))).toEqual(before);
  });
});
