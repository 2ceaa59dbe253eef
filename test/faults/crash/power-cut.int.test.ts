import { chmod, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OwnServers } from '../../../bench/servers.js';
import { temporalIfAny } from '../../support/temporal.js';
import { Crew } from './cycle.js';
import { openServers, type CrashServers } from './servers.js';
import { settled } from './standing.js';
import { until } from './until.js';
import { World } from './world.js';

const LIMIT_MS = 600_000;

/** A Temporal server over files of its own, which can be put back to what they were. */
class Rewindable {
  private readonly folder: string;
  private readonly servers: OwnServers;

  private constructor(folder: string, servers: OwnServers) {
    this.folder = folder;
    this.servers = servers;
  }

  static async open(): Promise<Rewindable> {
    const folder = await mkdtemp(join(tmpdir(), 'keelson-power-'));
    // As root Postgres runs under another account, which has to get to its data.
    await chmod(folder, 0o711);
    return new Rewindable(folder, await OwnServers.open(folder));
  }

  get address(): string {
    return this.servers.temporalAddress;
  }

  /** Whatever is committed from here on is lost by the next `rewind`. */
  async keep(): Promise<void> {
    await this.servers.stop('temporal');
    await this.copy(this.folder, join(this.folder, 'kept'));
    await this.servers.startAgain('temporal');
  }

  async rewind(): Promise<void> {
    await this.servers.stop('temporal');
    await this.copy(join(this.folder, 'kept'), this.folder);
    await this.servers.startAgain('temporal');
  }

  /** Its files and no others; what was there of them is gone. */
  private async copy(from: string, to: string): Promise<void> {
    await mkdir(to, { recursive: true });
    for (const name of await filesOf(to)) await rm(join(to, name));
    for (const name of await filesOf(from)) await cp(join(from, name), join(to, name));
  }

  async close(): Promise<void> {
    await this.servers.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const filesOf = async (folder: string): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('temporal.db'));

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
    // What was started a moment ago may deny an entry for want of a price or a heartbeat.
    const signal = await until('an entry is filled', async () => {
      const given = world.signal('open');
      const { outcome } = await world.give(given);
      return (await outcome).status === 'filled' ? given : undefined;
    });
    await settled(world, ['protected']);
    const before = [await sent('entry'), await sent('stop')];
    await cut();
    await settled(world, ['protected']);
    // The same signal again, for Temporal a new one.
    const { outcome: again } = await world.give(signal);
    expect(await again).toMatchObject({ status: 'filled' });
    await settled(world, ['protected']);
    expect([await sent('entry'), await sent('stop')]).toEqual(before);
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
