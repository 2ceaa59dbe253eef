import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalControl } from '../api/control/temporal-control.js';
import type { ControlPort } from '../api/control/control-port.js';
import { apiUnderTest, KEYS, seedPeople, seedTrading, type ApiUnderTest } from '../test/support/api.js';
import { quietPort } from '../test/support/free-port.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { runCommandLine } from './program.js';

const OFFER = /`keelson (kill --account main)`/;

describe('a pause while Temporal cannot be reached, and Postgres can', () => {
  let store: TestDatabase;
  let control: ControlPort;
  let api: ApiUnderTest;
  let address: string;

  beforeAll(async () => {
    store = await testDatabase();
    await seedPeople(store.pool);
    await seedTrading(store.pool);
    // Nobody listens there.
    const connection = { address: `127.0.0.1:${await quietPort()}` };
    control = temporalControl({ connection, namespace: 'default', answerLimitMs: 500 });
    api = apiUnderTest(store, { control });
    address = await api.server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await api?.close();
    await control?.close();
    await store?.drop();
  });

  const keelson = async (line: string) => {
    const result = { exitCode: 0, out: '', error: '' };
    result.exitCode = await runCommandLine(line.split(' '), {
      env: { KEELSON_API_URL: address, KEELSON_API_KEY: KEYS.risk },
      root: '/nowhere',
      now: Date.now,
      newId: randomUUID,
      out: (text) => void (result.out += text),
      error: (text) => void (result.error += text),
    });
    return result;
  };
  const standing = async (): Promise<object[]> =>
    (await store.pool.query('select scope, scope_value, subject from latches where released_at is null')).rows as object[];
  const modeNow = async (): Promise<string | undefined> =>
    (await store.pool.query<{ mode: string }>(`select mode from control where account = 'main'`)).rows[0]?.mode;

  it('is recorded and changes nothing, and the answer names the halt to type, which works as it stands there', async () => {
    const before = await modeNow();
    const commandId = randomUUID();
    const headers = { host: 'localhost', authorization: `Bearer ${KEYS.risk}` };
    const payload = { account: 'main', reason: 'a test', commandId };
    const answer = await api.server.inject({ method: 'POST', url: '/v1/control/pause', headers, payload });
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'INFRA_TEMPORAL', detail: expect.stringMatching(OFFER) as string });
    expect((await store.pool.query('select kind from commands where command_id = $1', [commandId])).rows).toEqual([{ kind: 'pause' }]);

    for (const line of ['pause main', 'mode paused main --reason odd']) {
      const { exitCode, error } = await keelson(line);
      expect({ line, exitCode, error }).toEqual({ line, exitCode: 1, error: expect.stringMatching(OFFER) as string });
    }
    expect([await modeNow(), await standing()]).toEqual([before, []]);

    const { error } = await keelson('pause main');
    const halted = await keelson(OFFER.exec(error)?.[1] ?? '');
    expect(halted).toMatchObject({ exitCode: 0, out: expect.stringContaining('HALTED') as string });
    expect(await standing()).toEqual([{ scope: 'account', scope_value: 'main', subject: 'risk' }]);
  });
});
