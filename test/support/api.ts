import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { pino } from 'pino';
import type { ApiContext } from '../../api/context.js';
import type { ControlCommand } from '../../api/control/control-port.js';
import { apiMetrics } from '../../api/metrics.js';
import { openDatabase, openLongReads } from '../../api/read/database.js';
import { buildServer } from '../../api/server.js';
import { createLedgerStore } from '../../adapters/store/ledger-store.js';
import { openHaltStore } from '../../adapters/store/halt-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { loadConfig, rootFolder, type Config } from '../../config/index.js';
import { KeelsonError } from '../../core/errors.js';
import type { ReconcileRequest } from '../../workflows/reconcile/reconcile-account.js';
import { foundClean } from './found-clean.js';
import { clearLook } from './look.js';
import { seedKey, seedPerson } from './people.js';
import type { TestDatabase } from './postgres.js';

/** API keys of the seeded people; `gone` was the owner's and is revoked. */
export const KEYS = {
  owner: 'key-of-owner',
  viewer: 'key-of-viewer',
  trader: 'key-of-trader',
  risk: 'key-of-risk',
  operator: 'key-of-operator',
  auditor: 'key-of-auditor',
  gone: 'key-revoked',
} as const;

/** The people of the tests, each with the role of the same name; the owner is the admin. */
export async function seedPeople(pool: pg.Pool): Promise<void> {
  for (const subject of ['owner', 'viewer', 'trader', 'risk', 'operator', 'auditor'] as const) {
    const role = subject === 'owner' ? 'admin' : subject;
    await seedPerson(pool, subject, [role], KEYS[subject]);
  }
  const gone = await seedKey(pool, 'owner', KEYS.gone, 'gone');
  await pool.query('update api_keys set revoked_at = clock_timestamp() where key_id = $1', [gone]);
}

/** A server over a test database whose commands are carried out by a few lines instead of a workflow. */
export interface ApiUnderTest {
  readonly server: FastifyInstance;
  readonly context: ApiContext;
  /** What was asked of Temporal. */
  readonly executed: ControlCommand[];
  readonly reconciled: ReconcileRequest[];
  /** Set it false and Temporal does not answer. */
  temporalIsUp: boolean;
  /** Epoch ms; the API reads its clock here. */
  now: number;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  /** Empty where the answer is not JSON. */
  readonly body: Record<string, unknown>;
}

/** Asks as the person of this key. */
export async function askAs(server: ApiUnderTest['server'], key: string, method: string, url: string, body?: unknown): Promise<Answer> {
  const answer = await server.inject({
    method: method as 'GET',
    url,
    headers: { host: '127.0.0.1', authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  const isJson = /json/.test(String(answer.headers['content-type']));
  return { status: answer.statusCode, body: isJson ? answer.json() : {} };
}

type Applied = Readonly<Record<'result' | 'state' | 'mode' | 'version' | 'found', string>>;

const shippedConfig = (): Config => loadConfig({ path: join(rootFolder(), 'keelson.config.json'), env: {} });

/** The version of an account's control row: what a person sees who decides about its mode. */
export async function controlVersion(pool: pg.Pool, account = 'main'): Promise<number> {
  const { rows } = await pool.query<{ version: string }>('select version::text from control where account = $1', [account]);
  return Number(rows[0]?.version);
}

/** The configuration as shipped, with venues of real money and a test system of a real venue beside the paper venue. */
export function withRealVenues(): Config {
  const shipped = shippedConfig();
  const urls = { rest: 'https://venue.example', stream: 'wss://venue.example/ws', wsApi: 'wss://venue.example/api' };
  return {
    ...shipped,
    venues: {
      ...shipped.venues,
      spot: { profile: 'binance', paper: false, urls },
      desk: { profile: 'kraken', paper: false, urls },
      sandbox: { profile: 'kraken', paper: true, urls },
    },
  };
}

export function apiUnderTest(store: TestDatabase, changes: Partial<ApiContext> = {}): ApiUnderTest {
  const own = openDatabase(store.url, () => undefined);
  const database = changes.database ?? own;
  const urgent = openDatabase(store.url, () => undefined, 2);
  const longReads = openLongReads(store.url, () => undefined);
  const halts = openHaltStore(store.url);
  const metrics = apiMetrics(database, { ofProcess: false });
  const context: ApiContext = {
    config: shippedConfig(),
    environment: 'test',
    version: '0.0.0',
    database,
    urgent: changes.database ?? urgent,
    longReads: changes.database ?? longReads,
    control: {
      execute: async (command) => {
        if (!api.temporalIsUp) throw new KeelsonError('INFRA_TEMPORAL', { detail: 'no answer' });
        api.executed.push(command);
        const wanted = { pause: 'paused', resume: 'normal', mode: null }[command.kind];
        const { rows } = await store.pool.query<{ answer: Applied }>('select apply_mode_command($1) as answer', [
          { ...command, mode: wanted },
        ]);
        const { result, state, mode, version, found } = rows[0]?.answer ?? { result: '', state: '', mode: '', version: '', found: '' };
        if (result === 'notReconciled') throw new KeelsonError('RISK_NOT_RECONCILED', { account: command.account });
        if (result === 'lossStands') throw new KeelsonError('RISK_DAILY_LOSS', { account: command.account, found: found ?? '' });
        if (result === 'moved')
          throw new KeelsonError('INPUT_MODE_MOVED', { account: command.account, mode, version, expected: 'what was seen' });
        if (result !== 'applied') throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: command.commandId, state });
      },
      // As the kill of an account that is found clean.
      rearm: async (request, account) => {
        if (!api.temporalIsUp) throw new KeelsonError('INFRA_TEMPORAL', { detail: 'no answer' });
        const kills = createKillStore(store.pool);
        await kills.writeKill(account, 'verified', await clearLook(store.pool, account), null);
        await foundClean(store.pool, account);
        return kills.release(request.latchId, request.requestId);
      },
      planRunbook: () => Promise.reject(new KeelsonError('INFRA_TEMPORAL', { detail: 'no answer' })),
      startRunbook: () =>
        api.temporalIsUp ? Promise.resolve() : Promise.reject(new KeelsonError('INFRA_TEMPORAL', { detail: 'no answer' })),
      tellRunbook: () => Promise.resolve(),
      runbookDecided: () => Promise.resolve(),
      schedules: () => Promise.resolve([]),
      controlSchedule: () => Promise.resolve(),
      reconcile: async (request) => {
        if (!api.temporalIsUp) throw new KeelsonError('INFRA_TEMPORAL', { detail: 'no answer' });
        api.reconciled.push(request);
        // As a run that finds the account clean.
        await store.pool.query(`update reconciliation_runs set result = 'clean', ended_at = clock_timestamp() where run_id = $1`, [
          request.runId,
        ]);
      },
      check: () => (api.temporalIsUp ? Promise.resolve() : Promise.reject(new Error('down'))),
      close: () => Promise.resolve(),
    },
    halts,
    ledger: createLedgerStore(store.pool),
    metrics: metrics.registry,
    logger: pino({ level: 'silent' }),
    now: () => api.now,
    newId: randomUUID,
    temporal: { address: '127.0.0.1:7233', namespace: 'default', ui: null },
    furtherHosts: ['keelson.internal'],
    ...changes,
  };
  const api: ApiUnderTest = {
    server: buildServer(context, metrics),
    context,
    executed: [],
    reconciled: [],
    temporalIsUp: true,
    now: Date.now(),
    close: async () => {
      await api.server.close();
      await Promise.all([own.close(), urgent.close(), longReads.close()]);
      await halts.close();
    },
  };
  return api;
}

/** One account with something in every table that the API reads. Times are 2026-11-23 UTC. */
export async function seedTrading(pool: pg.Pool): Promise<void> {
  const at = '2026-11-23 10:00:00.250+00';
  const close = Date.parse('2026-11-23T10:00:00Z') - 1;
  await pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await pool.query(`insert into control (account, updated_at) values ('main', $1)`, [at]);
  for (const [instrument, price] of [
    ['SPX/USDT', '2100.50'],
    ['BTC/USDT', '60000'],
  ]) {
    await pool.query(
      `insert into bars values ('paper', $1, 1000, $2, $3, $4, $4, $4, $4, 1, 'stream'), ('paper', $1, 1000, $5, $2, 1, 1, 1, 1, 1, 'rest')`,
      [instrument, close - 999, close, price, close - 1999],
    );
  }
  const signal = `insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, model_hash, features, score,
      threshold, reference_price, stop_distance_ratio, reason, decided_time, valid_until, outcome, failures, recorded_at)
    values ($1, 'main', 'momentum', $2, $3::bigint, 'open', '1', 'abc', '[0.5, -1]', 0.61, 0.55, 2100.50, 0.02, 'trend up', $3::bigint, $3::bigint + 2000, $4, $5, $6)`;
  const refused = JSON.stringify([
    { code: 'RISK_MODE', message: 'Account main is in mode paused.', values: { account: 'main', mode: 'paused' } },
  ]);
  await pool.query(signal, ['s1', 'SPX/USDT', close, 'traded', '[]', at]);
  await pool.query(signal, ['s2', 'BTC/USDT', close, 'notTraded', refused, '2026-11-23 10:00:01+00']);
  const order = `insert into orders (intent_id, client_order_id, signal_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
      time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, venue_order_id, control_version,
      epoch, failures, created_at, updated_at, final_at)
    values ($1, $1 || '-c', $2, 'main', 'momentum', '1', 'SPX/USDT', 'SPX', 'USDT', 'open', 'buy', $3, 'IOC', 0.30000, 2100.50, 0, 0, $4, $5, $6, 1, 1, $7, $8, $8, $9)`;
  await pool.query(order, ['o1', 's1', 'filled', '0.3', '630', '77', '[]', at, at]);
  await pool.query(order, ['o2', null, 'unknown', '0.1', '210.05', null, '[]', '2026-11-23 10:00:02+00', null]);
  await pool.query(order, ['o3', null, 'denied', '0', '0', null, refused, '2026-11-23 10:00:03+00', '2026-11-23 10:00:03+00']);
  await pool.query(`insert into fills values ('main', 'SPX/USDT', '9', '77', 'o1', 'buy', 2100, 0.30, 0.63, 'USDT', 'taker', $1, $2)`, [
    close,
    at,
  ]);
  await pool.query(
    `insert into positions values ('main', 'momentum', 'SPX/USDT', 0.30, 630, 1.20, 1, $1), ('main', 'momentum', 'ETH/USDT', 0, 0, -2, 1, $1)`,
    [at],
  );
  await pool.query(`insert into account_snapshots values ('main', $1, 100000.150, 'USDT', '{"USDT": "99370"}', '{"SPX/USDT": "2100.5"}')`, [
    at,
  ]);
  await pool.query(`insert into account_snapshots values ('main', '2026-11-23 10:00:05+00', 99999, 'USDT', '{}', '{}')`);
  await pool.query(`insert into blocked_instruments values ('main', 'BTC/USDT', 'an order is unknown', $1)`, [at]);
  await pool.query(`insert into incidents (incident_key, account, kind, data) values ('k', 'main', 'oddFill', '{}')`);
}
