import { chmod, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rootFolder } from '../../../config/index.js';
import { resolveTemporal } from '../../../launcher/temporal/resolve.js';
import { startTemporal, type TemporalBinary, type TemporalServer } from '../../../launcher/temporal/start.js';
import { freePort } from '../../support/free-port.js';
import { temporalIfAny } from '../../support/temporal.js';
import { Crew } from './cycle.js';
import { openServers, type CrashServers } from './servers.js';
import { settled } from './standing.js';
import { World } from './world.js';

const LIMIT_MS = 600_000;

/** A Temporal server over files of its own, which can be put back to what they were. */
class Rewindable {
  private readonly folder: string;
  private readonly binary: TemporalBinary;
  private readonly port: number;
  private server: TemporalServer | undefined;

  private constructor(folder: string, binary: TemporalBinary, port: number) {
    this.folder = folder;
    this.binary = binary;
    this.port = port;
  }

  static async open(): Promise<Rewindable> {
    const resolved = await resolveTemporal({ env: process.env, repoDir: rootFolder() });
    if (resolved.kind === 'external') throw new Error('these tests need a Temporal program of their own');
    const folder = await mkdtemp(join(tmpdir(), 'keelson-power-'));
    await chmod(folder, 0o711);
    const one = new Rewindable(folder, resolved.binary, await freePort());
    await one.start();
    return one;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  private async start(): Promise<void> {
    this.server = await startTemporal({ binary: this.binary, dbFile: join(this.folder, 'now', 'temporal.db'), port: this.port });
  }

  /** Whatever is committed from here on is lost by the next `rewind`. */
  async keep(): Promise<void> {
    await this.server?.stop();
    await rm(join(this.folder, 'kept'), { recursive: true, force: true });
    await cp(join(this.folder, 'now'), join(this.folder, 'kept'), { recursive: true });
    await this.start();
  }

  async rewind(): Promise<void> {
    await this.server?.stop();
    await rm(join(this.folder, 'now'), { recursive: true, force: true });
    await cp(join(this.folder, 'kept'), join(this.folder, 'now'), { recursive: true });
    await this.start();
  }

  async close(): Promise<void> {
    await this.server?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const temporal = await temporalIfAny();

/**
 * The file of the development server is not forced to the disk at each commit: after a power cut its last moments may be missing,
 * while the ledger has them all. What is lost here is far more than that: everything since the position before.
 */
describe.skipIf(temporal === undefined)('Temporal has forgotten what the ledger knows', { timeout: LIMIT_MS }, () => {
  let rewindable: Rewindable;
  let servers: CrashServers;
  let world: World;
  let crew: Crew;

  beforeAll(async () => {
    rewindable = await Rewindable.open();
    servers = await openServers(rewindable.address);
  });
  afterAll(async () => {
    await servers?.close();
    await rewindable?.close();
  });
  beforeEach(async () => {
    world = await World.open(servers);
    crew = await Crew.start(world);
  });
  afterEach(() => world?.close());

  const count = async (sql: string): Promise<number> => {
    const { rows } = await world.pool.query<{ n: string }>(`select count(*) as n from ${sql}`);
    return Number(rows[0]?.n);
  };
  const sent = (purpose: string): Promise<number> => count(`orders where purpose = '${purpose}' and venue_order_id is not null`);
  /** The machine stands still, and comes up again with an older file of Temporal. */
  const cut = async (): Promise<void> => {
    await Promise.all([crew.of('guardian').kill(), crew.of('trading').kill()]);
    await rewindable.rewind();
    await Promise.all([crew.restart('guardian'), crew.restart('trading')]);
  };

  it('an entry with its owner and stop: the stop rests on, nothing is sent twice, and an exit goes through', async () => {
    await rewindable.keep();
    const signal = world.signal('open');
    const { outcome } = await world.give(signal);
    expect(await outcome).toMatchObject({ status: 'filled' });
    await settled(world, ['protected']);
    await cut();
    await settled(world, ['protected']);
    // The same signal again, for Temporal a new one.
    const { outcome: again } = await world.give(signal);
    expect(await again).toMatchObject({ status: 'filled' });
    await settled(world, ['protected']);
    expect([await sent('entry'), await sent('stop')]).toEqual([1, 1]);
    await crew.close();
    expect(await world.disagreements()).toEqual([]);
  });

  it('an exit: an owner that remembers its position and its stop sells nothing more', async () => {
    await crew.open();
    await rewindable.keep();
    await settled(world, ['protected']);
    await crew.close();
    const exits = await sent('exit');
    await cut();
    await settled(world, ['flat']);
    // It trades on, with an owner of its own.
    await crew.open();
    await crew.close();
    expect(await sent('exit')).toBe(exits + 1);
    expect(await world.disagreements()).toEqual([]);
  });
});
