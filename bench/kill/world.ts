import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createControlStore } from '../../adapters/store/control-store.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { limitsOf, loadConfig, rootFolder } from '../../config/index.js';
import type { Latch } from '../../core/control/mode.js';
import { startChild, type Child, type OwnServers } from '../servers.js';
import { INSTRUMENT, KEY, Lane, SECRET } from './lane.js';
import { STRATEGIES, Trader, VERSION } from './trader.js';
import { until } from './until.js';

export const EVERYTHING: Latch = { scope: 'everything', scopeValue: '' };

export interface KillWorldOptions {
  readonly servers: OwnServers;
  /** Of this world's own. */
  readonly folder: string;
  /** Of database and namespace. */
  readonly name: string;
  readonly accounts: readonly string[];
  /** On top of what the guardian has. */
  readonly env?: Readonly<Record<string, string>>;
  /** The section `alerts` of the configuration. */
  readonly alerts?: object;
}

/**
 * Accounts, each at a paper venue of its own, with ledger, guardians as they are, in processes of their own, and a trader
 * that fills the books: what a halt is tried on.
 */
export class KillWorld {
  readonly lanes: readonly Lane[];
  readonly pool: Pool;
  readonly halts: HaltStore;
  readonly trader: Trader;
  /** What every program of this world is started with. */
  readonly env: Readonly<Record<string, string>>;
  private readonly guardians = new Set<Child>();

  private constructor(parts: Pick<KillWorld, 'lanes' | 'pool' | 'halts' | 'trader' | 'env'>) {
    this.lanes = parts.lanes;
    this.pool = parts.pool;
    this.halts = parts.halts;
    this.trader = parts.trader;
    this.env = parts.env;
  }

  /** Returns when a guardian watches every account. */
  static async open({ servers, folder, name, accounts, env: further = {}, alerts = {} }: KillWorldOptions): Promise<KillWorld> {
    await mkdir(folder, { recursive: true });
    const url = await servers.database(name);
    await servers.namespace(name);
    const lanes = await Promise.all(accounts.map((account) => Lane.open(account, folder)));
    const [configFile, profile] = [join(folder, 'keelson.config.json'), join(folder, 'client.toml')];
    await writeFile(configFile, JSON.stringify({ ...configuration(lanes), alerts }));
    await writeFile(profile, '[profile.default]\n');
    const env = {
      DATABASE_URL: url,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      TEMPORAL_NAMESPACE: name,
      TEMPORAL_CONFIG_FILE: profile,
      KEELSON_CONFIG: configFile,
      KEELSON_HOME: folder,
      EXCHANGE_API_KEY: KEY,
      EXCHANGE_API_SECRET: SECRET,
      LOG_LEVEL: 'error',
      ...further,
    };
    const pool = openPool(url, { applicationName: 'kill-world', max: 8 });
    const control = createControlStore(pool);
    const trader = new Trader({ pool, lanes, ...(await control.epoch()) });
    const world = new KillWorld({ lanes, pool, halts: openHaltStore(url), trader, env });
    try {
      await world.startGuardian();
      const config = loadConfig({ path: configFile, env });
      for (const { account } of lanes) {
        const strategies = STRATEGIES.map((strategy) => ({ strategy, instrument: INSTRUMENT, version: VERSION, modelHash: 'none' }));
        const limits = limitsOf(config, account);
        await control.applyConfiguration({ account, venue: account, limits, strategies, subject: 'world' });
        await until(`the watch of ${account} knows its equity`, () => world.one('account_watch', account, 'equity_at is not null'));
      }
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async startGuardian(env: Readonly<Record<string, string>> = {}): Promise<Child> {
    const log = openSync(this.logFile, 'a');
    const guardian = await startChild('workers/guardian.js', [], { ...this.env, ...env }, undefined, log).finally(() => closeSync(log));
    this.guardians.add(guardian);
    guardian.child.once('exit', () => this.guardians.delete(guardian));
    return guardian;
  }

  /** What the guardians wrote last, for whoever reads why something failed. */
  logTail(): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-20).join('\n');
  }

  private get logFile(): string {
    return join(this.env['KEELSON_HOME'] ?? '', 'guardian.log');
  }

  /** Whether any guardian runs: one may have given up when what it needs was taken away. */
  get isGuarded(): boolean {
    return this.guardians.size > 0;
  }

  /** With -9: nothing of what they do is ended in order. */
  async killGuardians(): Promise<void> {
    for (const { child } of this.guardians) child.kill('SIGKILL');
    await until('the guardians are gone', () => !this.isGuarded);
  }

  /** A row of an account, while it has one like this. */
  async one<Row extends object>(table: string, account: string, where: string): Promise<Row | undefined> {
    const { rows } = await this.pool.query<Row>(`select * from ${table} where account = $1 and ${where} limit 1`, [account]);
    return rows[0];
  }

  /** When the kill of an account called it verified, epoch ms, where that was after then. */
  async verified(account: string, after: number): Promise<{ readonly at: number } | undefined> {
    const { rows } = await this.pool.query<{ at: number }>(
      `select extract(epoch from updated_at)::float8 * 1000 as at from kills where account = $1 and phase = 'verified'
         and looked_at > to_timestamp($2::float8 / 1000)`,
      [account, after],
    );
    return rows[0];
  }

  /** Ends every halt as a re-arm would, without its conditions; returns when no kill owns anything any more. */
  async release(): Promise<void> {
    await this.pool.query(`update latches set released_at = clock_timestamp() where released_at is null`);
    await this.pool.query('update control set version = version + 1');
    await this.pool.query(`insert into outbox (kind, data) select 'haltChanged', jsonb_build_object('account', account) from accounts`);
    for (const { account } of this.lanes) {
      await until(`the kill of ${account} has ended`, () => this.one('kills', account, `phase = 'released'`));
    }
  }

  async close(): Promise<void> {
    await this.killGuardians();
    await this.halts.close();
    for (const lane of this.lanes) await lane.close();
    await this.pool.end();
  }
}

/** The shipped strategy in every account; limits and the losses of a day are out of the way. */
function configuration(lanes: readonly Lane[]): object {
  const shipped = loadConfig({ path: join(rootFolder(), 'keelson.config.json'), env: {} });
  const model = shipped.strategies[0]?.model;
  if (model === undefined) throw new Error('the shipped configuration has a strategy');
  const of = (entry: (lane: Lane) => object): object => Object.fromEntries(lanes.map((lane) => [lane.account, entry(lane)]));
  return {
    venues: of(({ addresses: { rest, stream, wsApi } }) => ({ profile: 'binance', paper: true, urls: { rest, stream, wsApi } })),
    accounts: of(({ account }) => ({
      venue: account,
      watch: { dailyLossWarnRatio: 0.98, dailyLossLimitRatio: 0.99, killPolicy: 'atOnce' },
    })),
    strategies: lanes.map(({ account }) => ({
      ...{ id: 'momentum', account, instruments: [INSTRUMENT], interval: '1s' },
      model: { path: join(rootFolder(), model.path), sha256: model.sha256, threshold: 0 },
      sizing: { kind: 'fixedNotional', notional: '100' },
    })),
    limits: of(() => ({
      ...{ maxOrderNotional: '20000', maxInstrumentExposure: '200000', maxAccountExposure: '200000', maxOpenOrders: 1_000 },
      ...{ maxStrategyOrdersPerSecond: 1_000, maxStrategyOrdersPerMinute: 1_000, maxAccountOrdersPerSecond: 1_000 },
      ...{ maxAccountOrdersPerMinute: 1_000, maxRepeats: 1_000, duplicateWindowMs: 0, collarBps: 200, priceMaxAgeMs: 60_000 },
    })),
    demo: { balances: { USDT: '100000' } },
  };
}
