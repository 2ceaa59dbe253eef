import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJournal } from '../../exchange/journal/reader.js';
import { homePaths } from '../../launcher/home/paths.js';
import { readRunFile } from '../../launcher/home/run-file.js';
import { compareBooks, withLedger } from '../support/books.js';
import { eventually } from '../support/eventually.js';
import { RunningKeelson, isAlive, ROOT } from '../support/running-keelson.js';
import { startConfig } from '../support/start-config.js';
import { temporalIfAny } from '../support/temporal.js';

const run = promisify(execFile);
const LIMIT_MS = 300_000;
/** So calm that no entry of theirs is filled where it rests, while the prices of the others come to theirs within seconds. */
const CALM = Array.from({ length: 12 }, (_, index) => `C${String(index).padStart(2, '0')}/USDT`);
/** On either side: the clocks of venue and database are one, and read at different moments. */
const MOMENT_MS = 50;

/** How entries that are working are settled: canceled by the shutdown, or over by themselves while it waits. */
const WAYS = [
  { how: 'cancel', restMs: 600_000 },
  { how: 'wait', restMs: 15_000 },
] as const;

interface Stopped {
  readonly isStopped: boolean;
  readonly shutdowns: readonly {
    readonly isSafeToStop: boolean;
    readonly report: { readonly openOrders: readonly { readonly clientOrderId: string }[] };
  }[];
}
interface Part {
  readonly name: string;
  readonly outcome: string | null;
  readonly detail: string | null;
}
interface Records {
  readonly pausedTime: number;
  readonly settledTime: number;
  readonly reportedFrom: number;
  readonly reportedUntil: number;
  readonly quietTime: number;
  readonly late: number;
  readonly open: number;
  readonly waiting: number;
  readonly canceledByShutdown: number;
}

// The server is found, or built, before: that takes minutes on a new machine, and is not what is tried here.
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('keelson stop, of everything at work as npm start runs it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-stop-'));
  /** One for each way: at the venue of the one before the prices stand still. */
  let home = folder;
  const running: RunningKeelson[] = [];
  // As root, the account that runs Postgres has to pass through.
  beforeAll(() => chmodSync(folder, 0o711));
  afterAll(async () => {
    await Promise.all(running.map((one) => one.end('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(WAYS)(
    'settles what is working ($how), leaves the stops, tells them exactly, and sends nothing more',
    { timeout: 900_000 },
    async ({ how, restMs }) => {
      home = join(folder, how);
      const config = join(folder, `${how}.json`);
      writeFileSync(config, busyConfig(how, restMs));
      const keelson = new RunningKeelson(home, config);
      running.push(keelson);
      await keelson.waitFor('ready', ({ event }) => event === 'ready', LIMIT_MS);
      await isAtWork();
      const children = keelson.childPids();
      const from = keelson.events.length;
      const [{ stdout }] = await Promise.all([tell('stop', '--json', '--reason', 'a test'), standStill()]);
      const stopped = JSON.parse(stdout) as Stopped;
      expect(stopped).toMatchObject({ isStopped: true, shutdowns: [{ isSafeToStop: true }] });
      await eventually(() => expect(keelson.events.at(-1)).toMatchObject({ event: 'stopped' }), 60_000);
      expect(await keelson.end('SIGKILL')).toBe(0);
      expect(keelson.events.slice(from).filter(({ event }) => event === 'restart')).toEqual([]);
      expect(children.filter(isAlive)).toEqual([]);

      const records = await withLedger(home, async (pool) => (await pool.query<Records>(RECORDS)).rows[0]);
      if (records === undefined) throw new Error('the shutdown is not recorded');
      console.info(
        JSON.stringify({ how, ...records, signals: keelson.events.slice(from).filter(({ event }) => event === 'signal').length }),
      );
      expect(records).toMatchObject({ late: 0, open: 0, waiting: 0 });
      if (how === 'cancel') expect(records.canceledByShutdown).toBeGreaterThan(0);
      else expect(records.canceledByShutdown).toBe(0);
      const journal = readVenue(homePaths(home).venueJournal);
      expect(journal.placed.filter(({ side, time }) => side === 'BUY' && time > records.settledTime + MOMENT_MS)).toEqual([]);
      expect(journal.placed.filter(({ time }) => time > records.quietTime + MOMENT_MS)).toEqual([]);
      const told = (stopped.shutdowns[0]?.report.openOrders ?? []).map(({ clientOrderId }) => clientOrderId).toSorted();
      expect(told.length).toBeGreaterThan(0);
      expect(journal.openBetween(records.reportedFrom - MOMENT_MS, records.reportedUntil + MOMENT_MS)).toContainEqual(told);
      const { disagreements, incidents } = await compareBooks(home);
      expect({ disagreements, incidents }).toEqual({ disagreements: [], incidents: [] });
    },
  );

  it(
    'a person who resumes the account in the middle of it has it back: its entries stay, it trades on, and the shutdown waits for a person',
    { timeout: 900_000 },
    async () => {
      home = join(folder, 'resumed');
      const config = join(folder, 'resumed.json');
      writeFileSync(config, busyConfig('wait', 600_000));
      const keelson = new RunningKeelson(home, config);
      running.push(keelson);
      await keelson.waitFor('ready', ({ event }) => event === 'ready', LIMIT_MS);
      await isAtWork();
      // It ends with a refusal: what it says is on the error, too.
      const said = tell('stop', '--json', '--reason', 'a test').catch((error: unknown) => error as { readonly stdout: string });
      await eventually(async () => expect([await mode(), (await entriesPart())?.outcome]).toEqual(['paused', null]), LIMIT_MS);
      await tell('resume', 'main', '--reason', 'it was a mistake');
      const resumedTime = Date.now();
      const stopped = JSON.parse((await said).stdout) as Stopped;
      expect(stopped).toMatchObject({ isStopped: false, shutdowns: [{ isSafeToStop: false, status: 'waitingForPerson' }] });
      expect(await entriesPart()).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('not paused any more') as string });
      await eventually(() => {
        const bought = readVenue(homePaths(home).venueJournal).placed.filter(({ side }) => side === 'BUY');
        expect(bought.filter(({ time }) => time > resumedTime)).not.toEqual([]);
      }, LIMIT_MS);
      expect(await mode()).toBe('normal');
      expect(await keelson.end('SIGTERM')).toBe(0);
      const canceled = await withLedger(home, async (pool) => (await pool.query(CANCELED_BY_SHUTDOWN)).rows);
      expect(canceled).toEqual([]);
    },
  );

  /** An entry rests that nothing fills, and something is held under a stop at the venue. */
  async function isAtWork(): Promise<void> {
    await eventually(async () => {
      const rests = (await openOrders()).filter(({ status }) => status === 'accepted');
      const has = (purpose: string, isCalm: boolean): boolean =>
        rests.some((one) => one.purpose === purpose && CALM.includes(one.instrument) === isCalm);
      expect([has('entry', true), has('stop', false)]).toEqual([true, true]);
    }, LIMIT_MS);
  }

  /** The prices stand as soon as nothing but stops is working: one that is reached while the processes end would be booked by nobody. */
  async function standStill(): Promise<void> {
    await eventually(async () => {
      expect(await mode()).toBe('paused');
      expect((await openOrders()).filter(({ purpose }) => purpose !== 'stop')).toEqual([]);
    }, LIMIT_MS);
    const { venue } = addresses();
    const instruments = (await (await fetch(new URL('/instruments', venue?.admin))).json()) as readonly { symbol: string }[];
    await Promise.all(
      instruments.map(async ({ symbol }) => fetch(new URL(`/instruments/${symbol}/halt`, venue?.admin), { method: 'POST' })),
    );
  }

  const tell = (...command: readonly string[]): Promise<{ readonly stdout: string }> =>
    run(process.execPath, ['scripts/keelson.mjs', ...command], { cwd: ROOT, env: { ...process.env, KEELSON_HOME: home } });

  const mode = async (): Promise<string | undefined> =>
    (await read<{ accounts: readonly { mode: string }[] }>('/v1/status')).accounts[0]?.mode;

  /** The newest part of the shutdown's step that settles the entries. */
  async function entriesPart(): Promise<Part | undefined> {
    const { runs } = await read<{ runs: readonly { runId: string; runbook: string }[] }>('/v1/runbooks?account=main');
    const shutdown = runs.find(({ runbook }) => runbook === 'gracefulShutdown');
    if (shutdown === undefined) return undefined;
    return (await read<{ parts: readonly Part[] }>(`/v1/runbooks/run?runId=${shutdown.runId}`)).parts.findLast(
      ({ name }) => name === 'entries',
    );
  }

  const openOrders = async (): Promise<readonly { purpose: string; status: string; instrument: string }[]> =>
    (await read<{ orders: readonly { purpose: string; status: string; instrument: string }[] }>('/v1/orders?open=true&limit=200')).orders;

  function addresses(): NonNullable<ReturnType<typeof readRunFile>>['addresses'] {
    const found = readRunFile(homePaths(home).runFile)?.addresses;
    if (found === undefined) throw new Error('nothing runs there');
    return found;
  }

  async function read<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${readFileSync(homePaths(home).ownerKey, 'utf8').trim()}` };
    return (await (await fetch(new URL(path, addresses().api), { headers })).json()) as T;
  }
});

const CANCELED_BY_SHUTDOWN = `select data from audit_events where kind = 'order.pendingCancel' and data->>'because' = 'shutdown'`;

/** Of the newest shutdown. `late`: what was entered after its pause. */
const RECORDS = `
  with shutdown as (select * from runbook_runs where runbook = 'gracefulShutdown' order by created_at desc limit 1),
    paused as (select max(a.occurred_at) as at from audit_events a, shutdown s where a.kind = 'mode.changed' and a.data->>'runId' = s.run_id::text),
    parts as (select p.* from runbook_parts p join shutdown using (run_id) where p.part = 'verification')
  select epoch_ms(paused.at)::float8 as "pausedTime",
    (select epoch_ms(ended_at)::float8 from parts where name = 'entries') as "settledTime",
    (select epoch_ms(started_at)::float8 from parts where name = 'report') as "reportedFrom",
    (select epoch_ms(ended_at)::float8 from parts where name = 'report') as "reportedUntil",
    (select epoch_ms(ended_at)::float8 from parts where name = 'quiet') as "quietTime",
    (select count(*)::int from orders where purpose = 'entry' and status <> 'denied' and created_at > paused.at) as late,
    (select count(*)::int from orders where purpose <> 'stop' and final_at is null) as open,
    (select count(*)::int from audit_events a where a.kind = 'order.pendingCancel' and a.data->>'because' = 'shutdown'
       and a.occurred_at >= paused.at) as "canceledByShutdown",
    (select count(*)::int from outbox where done_at is null) as waiting
  from paused`;

/** What the venue's own journal says of our account: what was placed when, and which orders were open at each moment of a time. */
function readVenue(file: string) {
  const placed: { readonly clientOrderId: string; readonly side: string; readonly time: number }[] = [];
  const states: { readonly time: number; readonly open: readonly string[] }[] = [];
  const known = new Set<string>();
  const open = new Set<string>();
  readJournal(file, ({ time, events }) => {
    for (const event of events) {
      if (event.type !== 'order' && event.type !== 'fill') continue;
      const { account, clientOrderId, side, status } = event.type === 'order' ? event.order : event;
      if (account !== 'main') continue;
      if (!known.has(clientOrderId)) placed.push({ clientOrderId, side, time });
      known.add(clientOrderId);
      if (status === 'NEW' || status === 'PARTIALLY_FILLED') open.add(clientOrderId);
      else open.delete(clientOrderId);
    }
    states.push({ time, open: [...open].toSorted() });
  });
  return {
    placed,
    openBetween(from: number, until: number): readonly (readonly string[])[] {
      const before = states.findLast(({ time }) => time < from);
      return [...(before === undefined ? [] : [before]), ...states.filter(({ time }) => time >= from && time <= until)].map(
        (one) => one.open,
      );
    },
  };
}

/** The shipped configuration with entries that rest, of which most do so undisturbed. */
function busyConfig(workingEntries: string, workMs: number): string {
  return startConfig((config) => {
    const [momentum] = config.strategies;
    if (momentum === undefined) throw new Error('one strategy is shipped');
    momentum.instruments = [...momentum.instruments, ...CALM];
    [momentum.execution, momentum.signalValidMs] = [{ kind: 'limit', offsetBps: 60, workMs }, 600_000];
    config.accounts.main = { ...config.accounts.main, shutdown: { workingEntries, waitAtMostMs: 120_000 } };
    config.demo.simulate.push(...CALM.map((instrument) => ({ instrument, startPrice: '1000', barVolatilityRatio: 0.0002 })));
    config.limits.main = { ...config.limits.main, maxAccountExposure: '50000', maxOpenOrders: 50 };
  });
}
