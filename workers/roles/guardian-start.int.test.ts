import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openServers, type CrashServers } from '../../test/faults/crash/servers.js';
import { until } from '../../test/faults/crash/until.js';
import { ACCOUNT, World } from '../../test/faults/crash/world.js';
import { temporalIfAny } from '../../test/support/temporal.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('a guardian that starts', { timeout: 300_000 }, () => {
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

  it('has its account compared with the venue', async () => {
    const guardian = await world.start('guardian');
    const compared = async (): Promise<readonly object[]> =>
      (await world.pool.query<object>(`select account, result from reconciliation_runs where scope = 'start' and ended_at is not null`))
        .rows;
    await until(
      'the comparison of the start has ended',
      async () => (await compared()).length > 0,
      () => guardian.logTail(),
    );
    expect(await compared()).toEqual([{ account: ACCOUNT, result: 'clean' }]);
    await guardian.kill();
  });
});
