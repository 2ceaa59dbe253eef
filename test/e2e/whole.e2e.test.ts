import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { homePaths } from '../../launcher/home/paths.js';
import { startPostgres } from '../../launcher/postgres/server.js';
import { uniform } from '../../exchange/random/seeded.js';
import { freePort } from '../support/free-port.js';
import { temporalIfAny } from '../support/temporal.js';
import { disagreements, readWitness } from '../support/witness.js';
import { ROOT, RunningKeelson, isAlive } from './running-keelson.js';

const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? 20_261_123);
const KILLS = 10;
const INSTRUMENTS = 24;
/** From the close of a bar, at a whole second, to the ledger's last entry it takes about this long on a busy machine. */
const BETWEEN_FRAME_AND_LEDGER_MS = 150;

// The server is found, or built, before: that takes minutes on a new machine, and is not what is tried here.
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('everything, as npm start runs it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-e2e-'));
  const home = join(folder, 'home');
  const config = join(folder, 'keelson.config.json');
  const journal = homePaths(home).venueJournal;
  const running: RunningKeelson[] = [];
  const start = (): RunningKeelson => {
    const keelson = new RunningKeelson(home, config);
    running.push(keelson);
    return keelson;
  };

  beforeAll(() => {
    console.info(`seed ${SEED} (KEELSON_TEST_SEED)`);
    // As root, the account that runs Postgres has to pass through.
    chmodSync(folder, 0o711);
    writeFileSync(config, busyConfig());
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.end('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  it('a signal becomes a filled order, and no crash doubles, loses or orphans one', async () => {
    const first = start();
    const ready = await first.waitFor('ready', (event) => event.event === 'ready', 120_000);
    expect(Object.keys(ready['addresses'] as object)).toEqual(expect.arrayContaining(['api', 'temporalUi', 'venue']));
    await first.waitFor('a signal that is traded', (event) => event.event === 'signal' && event['traded'] === true, 90_000);
    await first.waitFor('a fill', (event) => event.event === 'fill', 30_000);

    // Ten times in the middle of the work: somewhere between the frame that closes a bar and the ledger's last entry.
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const pid = await tradingWorker(first);
      const from = first.events.length;
      await first.waitFor(`a signal of the worker before kill ${kill}`, (event) => event.event === 'signal', 60_000, from);
      await wait(1_000 - (Date.now() % 1_000) + uniform(SEED, kill) * BETWEEN_FRAME_AND_LEDGER_MS);
      process.kill(pid, 'SIGKILL');
      await first.waitFor(`restart ${kill}`, (event) => event.event === 'restart' && event['child'] === 'trading', 30_000, from);
    }
    await tradingWorker(first);
    await first.waitFor('a signal after the last kill', (event) => event.event === 'signal', 60_000, first.events.length);

    // The supervisor itself: nothing of ours outlives it.
    const children = first.childPids();
    expect(children.length).toBeGreaterThanOrEqual(6);
    await first.end('SIGKILL');
    await vanished(children, 30_000);

    // The second start finds what the first left, and goes on.
    const second = start();
    const again = await second.waitFor('ready', (event) => event.event === 'ready', 60_000);
    const reported = second.events.find((event) => event.event === 'step');
    expect(again.time - (reported?.time ?? 0)).toBeLessThan(60_000);
    await second.waitFor('a fill of the second run', (event) => event.event === 'fill', 90_000);

    const stopped = second.childPids();
    expect(await second.end('SIGINT')).toBe(0);
    expect(second.events.at(-1)).toMatchObject({ event: 'stopped' });
    await vanished(stopped, 5_000);

    // Orders that were on their way when it stopped are settled by the next start; then the books are compared.
    const third = start();
    await third.waitFor('ready', (event) => event.event === 'ready', 60_000);
    await settled(third);
    expect(await third.end('SIGTERM')).toBe(0);
    expect(await compare()).toEqual([]);
  });

  /** The process id of the trading worker, once the supervisor has one running. */
  async function tradingWorker(keelson: RunningKeelson): Promise<number> {
    for (let look = 0; look < 600; look += 1) {
      const pid = keelson.pidsOf('trading').find(isAlive);
      if (pid !== undefined) return pid;
      await wait(100);
    }
    throw new Error('no trading worker within a minute');
  }

  /** Pauses trading through the API and waits until no order is open. */
  async function settled(keelson: RunningKeelson): Promise<void> {
    const { addresses } = JSON.parse(readFileSync(homePaths(home).runFile, 'utf8')) as { addresses: { api: string } };
    const headers = {
      authorization: `Bearer ${readFileSync(homePaths(home).ownerKey, 'utf8').trim()}`,
      'content-type': 'application/json',
    };
    const paused = await fetch(new URL('/v1/control/pause', addresses.api), {
      method: 'POST',
      headers,
      body: JSON.stringify({ account: 'main', reason: 'the books are compared' }),
    });
    expect([paused.status, await paused.text()]).toEqual([200, expect.stringContaining('paused')]);
    await keelson.waitFor('the mode', (event) => event.event === 'mode' && event['mode'] === 'paused', 10_000);
    for (let look = 0; look < 60; look += 1) {
      const answer = await fetch(new URL('/v1/status', addresses.api), { headers });
      const status = (await answer.json()) as { accounts: { openOrders: number }[] };
      if (status.accounts.every((account) => account.openOrders === 0)) return;
      await wait(500);
    }
    throw new Error('orders stayed open for 30 s after the pause');
  }

  /** The ledger against the venue's own journal, with nothing else running. */
  async function compare(): Promise<string[]> {
    const server = await startPostgres({ home: homePaths(home).postgres, port: await freePort() });
    const pool = new pg.Pool({ connectionString: server.url });
    try {
      const witness = readWitness(journal, 'main');
      const { rows } = await pool.query<{ status: string; n: number }>(
        `select concat_ws(' ', status, failures->0->>'code') as status, count(*)::int as n from orders group by 1 order by 1`,
      );
      console.info(
        `${witness.orders.size} orders and ${witness.fills.length} fills at the venue; ledger: ${rows.map((row) => `${row.n} ${row.status}`).join(', ')}`,
      );
      expect(witness.fills.length).toBeGreaterThan(KILLS / 2);
      return await disagreements(pool, 'main', witness);
    } finally {
      await pool.end();
      await server.stop();
    }
  }
});

/** The shipped configuration with many instruments, so that nearly every second has orders on their way. */
function busyConfig(): string {
  const shipped = readFileSync(join(ROOT, 'keelson.config.json'), 'utf8').replace(/^\s*\/\/.*$/gm, '');
  const config = JSON.parse(shipped) as {
    strategies: { instruments: string[]; model: { path: string } }[];
    limits: { main: object };
    demo: { data: unknown[]; simulate: { instrument: string; startPrice: string; barVolatilityRatio: number }[] };
    ports: Record<string, number>;
    $schema?: string;
  };
  delete config.$schema;
  const names = Array.from({ length: INSTRUMENTS }, (_, index) => `C${String(index).padStart(2, '0')}/USDT`);
  for (const strategy of config.strategies) {
    strategy.instruments = names;
    strategy.model.path = join(ROOT, strategy.model.path);
  }
  config.limits.main = { ...config.limits.main, maxInstrumentExposure: '2000', maxAccountExposure: '50000', maxOpenOrders: 100 };
  config.demo.data = [];
  config.demo.simulate = names.map((instrument) => ({ instrument, startPrice: '1000', barVolatilityRatio: 0.008 }));
  for (const port of Object.keys(config.ports)) config.ports[port] = 0;
  return JSON.stringify(config);
}

async function vanished(pids: readonly number[], limitMs: number): Promise<void> {
  const until = Date.now() + limitMs;
  for (;;) {
    const left = pids.filter(isAlive);
    if (left.length === 0) return;
    if (Date.now() > until) throw new Error(`processes ${left.join(', ')} are still there`);
    await wait(100);
  }
}
