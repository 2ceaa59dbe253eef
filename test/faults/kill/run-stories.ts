import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KillWorld } from '../../../bench/kill/world.js';
import { OwnServers } from '../../../bench/servers.js';
import { assertBuild } from '../crash/servers.js';
import { tell, type Outcome, type StoryName, type StorySize } from './stories.js';

/** Servers that stories take away and give back, one story after the other, each in a world of its own. */
export class StoryServers {
  private readonly folder: string;
  private readonly servers: OwnServers;

  private constructor(folder: string, servers: OwnServers) {
    this.folder = folder;
    this.servers = servers;
  }

  static async open(): Promise<StoryServers> {
    await assertBuild();
    const folder = await mkdtemp(join(tmpdir(), 'keelson-kill-'));
    // As root Postgres runs under another account, which has to get to its data.
    await chmod(folder, 0o711);
    return new StoryServers(folder, await OwnServers.open(folder));
  }

  async run(story: StoryName, size: StorySize): Promise<Outcome> {
    const { servers } = this;
    const name = `kill_${story}_${randomBytes(3).toString('hex')}`;
    const world = await KillWorld.open({ servers, folder: join(this.folder, name), name, accounts: ['one', 'two'] });
    try {
      return await tell(story, world, servers, size);
    } catch (error) {
      if (error instanceof Error) error.message += `\n${world.logTail()}`;
      throw error;
    } finally {
      await world.close();
    }
  }

  async close(): Promise<void> {
    await this.servers.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
