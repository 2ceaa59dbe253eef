import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { settled } from '../../test/faults/crash/standing.js';
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

  it('goes on by itself where Temporal does not tell of its namespace, and says so', async () => {
    const guardian = world.launch('guardian', { TEMPORAL_NAMESPACE: 'nowhere' });
    await until(
      'it has said so',
      () => guardian.log().includes('INFRA_TEMPORAL'),
      () => guardian.logTail(),
    );
    expect(guardian.hasEnded).toBe(false);
    await guardian.kill();
  });

  it('P31: where the database becomes another, ends with all others, and the next makes room for runs of its own, also for what is held', async () => {
    const { client, pool } = world;
    const [guardian, trading] = [await world.start('guardian'), await world.start('trading')];
    // What was started a moment ago may deny an entry for want of a price or a heartbeat.
    const signal = await until('an entry is filled', async () => {
      const given = world.signal('open');
      const { outcome } = await world.give(given);
      return (await outcome).status === 'filled' ? given : undefined;
    });
    expect(await settled(world, ['protected'])).toBe('protected');
    const owner = client.workflow.getHandle(ownerWorkflowId(signal));
    const [{ runId: ofBefore }, stops] = [await owner.describe(), world.witness().orders];

    // As after a promotion: the connections are gone, and what answers on the new ones is on another timeline.
    await pool.query('update instance set timeline = timeline - 1');
    await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name in ('keelson-guardian', 'keelson-trading')`);
    await until('whoever worked over the database of before has ended', () => guardian.hasGivenUp && trading.hasGivenUp);
    for (const program of [guardian, trading]) expect(program.log()).toContain('INFRA_INSTANCE_REPLACED');

    const next = await world.start('guardian');
    const phase = async (): Promise<boolean> => (await pool.query(`select from kills where phase = 'verified'`)).rowCount === 1;
    await until('the halt is verified', phase, () => next.logTail());
    const { runId, status } = await owner.describe();
    expect([status.name, runId === ofBefore]).toEqual(['RUNNING', false]);
    // What is held keeps its stop all the while.
    expect(await settled(world, ['protected'])).toBe('protected');
    expect(world.witness().orders).toEqual(stops);
  });
});
