import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import type { Pool } from 'pg';
import { OwnServers } from '../../../bench/servers.js';
import { openPool } from '../../../adapters/store/pool.js';
import { Program, type RoleName } from '../../faults/crash/program.js';
import { openRuns } from '../../faults/crash/open-runs.js';
import { assertBuild } from '../../faults/crash/servers.js';
import { movableClock, WorldClock } from './clock.js';
import { configuration } from './configuration.js';
import { KEY, SECRET, SoakLane } from './lane.js';

const ROLES: readonly RoleName[] = ['guardian', 'trading'];
const RESTART_MS = 250;
const MOST_STARTS = 10;

/**
 * Accounts, each at a paper venue of its own, with servers, a guardian and a trading worker of its own and one clock over all of it.
 * A program that ends is started again, as its supervisor does.
 */
export class SoakWorld {
  readonly lanes: readonly SoakLane[];
  readonly pool: Pool;
  readonly clock: WorldClock;
  readonly servers: OwnServers;
  readonly namespace: string;
  /** Of its database. */
  readonly url: string;
  private readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly running: Map<RoleName, Program>;
  private connection: Connection | undefined;
  private readonly awaited = new Set<WorkflowHandle>();
  private starts = 0;
  /** Nobody gets an answer of it any more. */
  isClosed = false;

  private constructor(
    parts: Pick<SoakWorld, 'lanes' | 'pool' | 'clock' | 'servers'> & {
      folder: string;
      env: NodeJS.ProcessEnv;
      running: Map<RoleName, Program>;
    },
  ) {
    this.lanes = parts.lanes;
    this.pool = parts.pool;
    this.clock = parts.clock;
    this.servers = parts.servers;
    this.folder = parts.folder;
    this.env = parts.env;
    this.running = parts.running;
    this.namespace = parts.env['TEMPORAL_NAMESPACE'] ?? '';
    this.url = parts.env['DATABASE_URL'] ?? '';
  }

  static async open(accounts: number, interval: '1s' | '1m'): Promise<SoakWorld> {
    await assertBuild();
    const folder = await mkdtemp(join(tmpdir(), 'keelson-soak-'));
    // As root Postgres runs under another account, which has to get to its data.
    await chmod(folder, 0o711);
    const servers = await OwnServers.open(folder);
    const name = `soak_${randomBytes(3).toString('hex')}`;
    const url = await servers.database(name, movableClock);
    await servers.namespace(name);
    const pool = openPool(url, { applicationName: 'soak', max: 6 });
    // Whoever asks asks again: the server is taken away on purpose.
    pool.on('error', () => undefined);
    const running = new Map<RoleName, Program>();
    const clock = new WorldClock(pool, () => [...running.values()]);
    const names = Array.from({ length: accounts }, (_, index) => `soak-${index + 1}`);
    const lanes = await Promise.all(names.map((account, index) => SoakLane.open(account, index, folder, clock.now)));
    const [configFile, profile] = [join(folder, 'keelson.config.json'), join(folder, 'client.toml')];
    await writeFile(configFile, configuration(lanes, interval));
    await writeFile(profile, '[profile.default]\n');
    const { PATH, HOME, TMPDIR } = process.env;
    const env = {
      ...{ PATH, HOME, TMPDIR },
      ...{ KEELSON_CONFIG: configFile, KEELSON_HOME: folder, DATABASE_URL: url, EXCHANGE_API_KEY: KEY, EXCHANGE_API_SECRET: SECRET },
      ...{ TEMPORAL_ADDRESS: servers.temporalAddress, TEMPORAL_NAMESPACE: name, TEMPORAL_CONFIG_FILE: profile, LOG_LEVEL: 'warn' },
    };
    const world = new SoakWorld({ lanes, pool, clock, servers, folder, env, running });
    try {
      for (const role of ROLES) world.keep(role);
      await Promise.all(ROLES.map((role) => world.ready(role)));
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  get programs(): readonly Program[] {
    return [...this.running.values()];
  }

  /** A client of its own Temporal; one that was restarted is connected to anew. */
  async client(): Promise<Client> {
    this.connection ??= await Connection.connect({ address: this.servers.temporalAddress });
    return new Client({ connection: this.connection, namespace: this.namespace });
  }

  /** What a run ends with; a world that is closed ends it. */
  async resultOf(handle: WorkflowHandle): Promise<unknown> {
    this.awaited.add(handle);
    try {
      return await handle.result();
    } finally {
      this.awaited.delete(handle);
    }
  }

  /** With -9; it is started again by itself. */
  async kill(role: RoleName): Promise<void> {
    await this.running.get(role)?.kill();
  }

  /** Taken away for a while, and back where it was. */
  async interrupt(which: 'postgres' | 'temporal', forMs: number): Promise<void> {
    await this.servers.stop(which);
    await wait(forMs);
    await this.servers.startAgain(which);
  }

  /** Programs and servers stand still. The database answers, so that its clock can be put forward. */
  suspend(): void {
    for (const program of this.programs) program.suspend();
    process.kill(this.servers.pids.temporal, 'SIGSTOP');
  }

  wakeUp(): void {
    process.kill(this.servers.pids.temporal, 'SIGCONT');
    for (const program of this.programs) program.wakeUp();
  }

  logTails(): string {
    return this.programs.map((program) => program.describe()).join('\n');
  }

  /** Per account what keeps it from trading, in words; empty: nothing does. */
  async held(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.pool.query<{ account: string; held: string }>(
      `select c.account, concat_ws('; ', nullif(c.mode, 'normal'),
         (select 'halted: ' || string_agg(reason, ', ') from latches l where l.released_at is null and l.account = c.account),
         (select 'blocked: ' || string_agg(reason, ', ') from blocked_instruments b where b.account = c.account),
         (select 'disabled: ' || string_agg(disabled_reason, ', ') from strategy_switches w where w.account = c.account),
         (select 'differs: ' || string_agg(class || ' ' || status, ', ') from reconciliation_differences d where d.account = c.account and ended_at is null),
         (select 'compared: ' || scope || ' since ' || round(extract(epoch from clock_timestamp() - started_at)) || ' s' from reconciliation_runs r
            where r.account = c.account and r.ended_at is null order by started_at desc limit 1),
         (select 'on its way: ' || string_agg(purpose || ' ' || status, ', ') from orders o where o.account = c.account and o.final_at is null)) as held
       from control c`,
    );
    return new Map(rows.map(({ account, held }) => [account, held]));
  }

  /** What there is to see where something is stuck, before the world is closed. */
  async describe(): Promise<string> {
    const runs = await openRuns(await this.client()).catch(String);
    const { rows } = await this.pool.query<{ line: string }>(
      `select 'order ' || account || ' ' || intent_id || ' ' || purpose || ' ' || status || ' ' || quantity as line from orders where final_at is null
       union all select 'position ' || account || ' ' || quantity from positions where quantity <> 0
       union all select 'incident ' || account || ' ' || kind || ' ' || left(data::text, 400) from incidents
       union all select 'mode ' || account || ' ' || mode from control
       union all select 'run ' || account || ' ' || scope || ' ' || coalesce(result, 'runs') || ' ' || coalesce(detail, '')
         from reconciliation_runs where result is distinct from 'clean'`,
    );
    return [...rows.map(({ line }) => line), runs, this.logTails()].join('\n');
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.programs.map((program) => program.kill()));
    // Who still waits for an outcome is told that there will be none: on a closed connection that would be an error of nobody.
    await Promise.allSettled([...this.awaited].map((handle) => handle.terminate('the world is closed')));
    await Promise.allSettled([...this.awaited].map((handle) => handle.result()));
    await this.connection?.close();
    for (const lane of this.lanes) await lane.close();
    await this.pool.end();
    await this.servers.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts it, and again whenever it ends. */
  private keep(role: RoleName): void {
    void this.launch(role).ended.then(async () => {
      await wait(RESTART_MS);
      if (!this.isClosed) this.keep(role);
    });
  }

  /** Waits until a program of this role does its work; one that a starved database did not answer in time is started again. */
  private async ready(role: RoleName): Promise<void> {
    for (let starts = 1; ; starts += 1) {
      try {
        return await this.running.get(role)?.ready();
      } catch (error) {
        if (starts === MOST_STARTS) throw error;
        await wait(2 * RESTART_MS);
      }
    }
  }

  private launch(role: RoleName): Program {
    this.starts += 1;
    const env = { ...this.env, KEELSON_TEST_CLOCK_AHEAD_MS: String(this.clock.aheadMs) };
    const program = new Program({ role, name: `${role}-${this.starts}`, folder: this.folder, env });
    this.running.set(role, program);
    return program;
  }
}
