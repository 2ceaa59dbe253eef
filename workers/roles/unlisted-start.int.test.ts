import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openServers, type CrashServers } from '../../test/faults/crash/servers.js';
import { settled } from '../../test/faults/crash/standing.js';
import { until } from '../../test/faults/crash/until.js';
import { ACCOUNT, World } from '../../test/faults/crash/world.js';
import { temporalIfAny } from '../../test/support/temporal.js';

const MISTYPED = 'BTV/USDT';
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)(
  'workers of an account of which the venue does not list an instrument',
  { timeout: 300_000 },
  () => {
    let servers: CrashServers;
    let world: World;

    beforeAll(async () => {
      servers = await openServers(temporal?.address ?? '');
      world = await World.open(servers, { others: [MISTYPED] });
    });
    afterAll(async () => {
      await world?.close();
      await servers?.close();
    });

    it('trade the others, enter nothing in it, and tell people', async () => {
      const [trading] = [await world.start('trading'), await world.start('guardian')];
      // What was started a moment ago may deny an entry for want of a price or a heartbeat.
      await until(
        'an entry in another is filled',
        async () => (await (await world.give(world.signal('open'))).outcome).status === 'filled',
        () => trading.logTail(),
      );
      expect(await settled(world, ['protected'])).toBe('protected');
      const { outcome } = await world.give(world.signal('open', { instrument: MISTYPED }));
      expect(await outcome).toMatchObject({ status: 'denied', codes: expect.arrayContaining(['RISK_INSTRUMENT_UNKNOWN']) as string[] });
      const { rows } = await world.pool.query(
        `select kind, account, data->>'instrument' as instrument from incidents where kind in ('instrumentNotListed', 'accountRefused', 'venueAway')`,
      );
      expect(rows).toEqual([{ kind: 'instrumentNotListed', account: ACCOUNT, instrument: MISTYPED }]);
      expect(await world.hasEveryBar()).toBe(true);
    });
  },
);
