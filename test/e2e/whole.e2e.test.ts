import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniform } from '../../exchange/random/seeded.js';
import { temporalIfAny } from '../support/temporal.js';
import { compareBooks, pauseAndSettle } from '../support/books.js';
import { RunningKeelson, isAlive } from '../support/running-keelson.js';
import { startConfig } from '../support/start-config.js';

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

  // Each of the three starts checks the account before it trades; a busy machine takes its time for that.
  it('a signal becomes a filled order, and no crash doubles, loses or orphans one', { timeout: 600_000 }, async () => {
    const first = start();
    const ready = await first.waitFor('ready', (event) => event.event === 'ready', 120_000);
    expect(Object.keys(ready['addresses'] as object)).toEqual(expect.arrayContaining(['api', 'temporalUi', 'venue']));
    await first.waitFor('a signal that is traded', (event) => event.event === 'signal' && event['traded'] === true, 90_000);
    await first.waitFor('a fill', (event) => event.event === 'fill', 90_000);

    // Ten times in the middle of the work: somewhere between the frame that closes a bar and the ledger's last entry.
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const pid = await tradingWorker(first);
      const from = first.events.length;
      await first.waitFor(`a signal of the worker before kill ${kill}`, (event) => event.event === 'signal', 60_000, from);
      await wait(1_000 - (Date.now() % 1_000) + uniform(SEED, kill) * BETWEEN_FRAME_AND_LEDGER_MS);
      process.kill(pid, 'SIGKILL');
      await first.waitFor(`restart ${kill}`, (event) => event.event === 'restart' && event['child'] === 'trading', 60_000, from);
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
    const again = await second.waitFor('ready', (event) => event.event === 'ready', 120_000);
    const reported = second.events.find((event) => event.event === 'step');
    expect(again.time - (reported?.time ?? 0)).toBeLessThan(60_000);
    await second.waitFor('a fill of the second run', (event) => event.event === 'fill', 90_000);

    const stopped = second.childPids();
    expect(await second.end('SIGINT')).toBe(0);
    expect(second.events.at(-1)).toMatchObject({ event: 'stopped' });
    await vanished(stopped, 30_000);

    // Orders that were on their way when it stopped are settled by the next start; then the books are compared.
    const third = start();
    await third.waitFor('ready', (event) => event.event === 'ready', 120_000);
    await pauseAndSettle(home, third);
    expect(await third.end('SIGTERM')).toBe(0);
    const books = await compareBooks(home);
    console.info(`${books.venueOrders} orders, ${books.venueFills} fills at the venue; ledger: ${books.ledgerOrders.join(', ')}`);
    expect(books.venueFills).toBeGreaterThan(KILLS / 2);
    expect(books.disagreements).toEqual([]);
    expect(books.incidents).toEqual([]);
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
});

/** The shipped configuration with many instruments, so that nearly every second has orders on their way. */
function busyConfig(): string {
  const names = Array.from({ length: INSTRUMENTS }, (_, index) => `C${String(index).padStart(2, '0')}/USDT`);
  return startConfig((config) => {
    for (const strategy of config.strategies) strategy.instruments = names;
    config.limits.main = {
      ...config.limits.main,
      maxInstrumentExposure: '2000',
      maxAccountExposure: '50000',
      maxOpenOrders: 100,
      maxStrategyOrdersPerMinute: 1_000,
      maxAccountOrdersPerMinute: 1_000,
    };
    config.demo.data = [];
    config.demo.simulate = names.map((instrument) => ({ instrument, startPrice: '1000', barVolatilityRatio: 0.008 }));
  });
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
