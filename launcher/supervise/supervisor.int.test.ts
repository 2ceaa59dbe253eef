import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify } from '../home/process-identity.js';
import { readChildren } from './children-file.js';
import { stopLeftovers } from './leftovers.js';
import { eventually } from '../../test/support/eventually.js';

const HOST = fileURLToPath(new URL('fixtures/host.mjs', import.meta.url));

/** Some come after several starts and ends of processes. */
const EVENT_MS = 45_000;

interface Told {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A supervisor in a process of its own, with what it told so far. */
class Host {
  readonly process: ChildProcess;
  readonly told: Told[] = [];
  readonly ended: Promise<{ code: number | null; signal: string | null }>;

  constructor(home: string, ...children: readonly string[]) {
    this.process = spawn(process.execPath, [HOST, home, join(home, 'journal'), ...children], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.process.stdout !== null) {
      createInterface({ input: this.process.stdout }).on('line', (line) => this.told.push(JSON.parse(line) as Told));
    }
    this.ended = new Promise((resolve) => this.process.once('close', (code, signal) => resolve({ code, signal })));
  }

  event(name: string): Promise<Told> {
    return eventually(() => {
      const found = this.told.find((told) => told.event === name);
      if (found === undefined) throw new Error(`no ${name} among ${JSON.stringify(this.told)}`);
      return found;
    }, EVENT_MS);
  }

  async ready(): Promise<Readonly<Record<string, number>>> {
    return (await this.event('ready'))['pids'] as Readonly<Record<string, number>>;
  }
}

let home: string;
let host: Host | undefined;
const start = (...children: readonly string[]): Host => (host = new Host(home, ...children));
const journal = (): readonly string[] => readFileSync(join(home, 'journal'), 'utf8').trim().split('\n');
const living = (pids: Readonly<Record<string, number>>): readonly string[] =>
  Object.entries(pids).flatMap(([name, pid]) => (identify(pid) === undefined ? [] : [name]));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'keelson-supervise-'));
});
afterEach(async () => {
  host?.process.kill('SIGKILL');
  await stopLeftovers(readChildren(join(home, 'children.json')), { aloneMs: 3000, toldMs: 1000 });
  rmSync(home, { recursive: true, force: true });
});

describe('the supervisor', () => {
  it('starts children in order and stops them in reverse order', async () => {
    const { process: supervisor, ended, ...rest } = start('a:good', 'server:server', 'b:good', 'c:good');
    const pids = await host!.ready();
    expect(Object.keys(pids)).toEqual(['a', 'server', 'b', 'c']);
    supervisor.kill('SIGINT');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(rest.told.at(-1)).toEqual({
      event: 'stopped',
      reason: 'Ctrl-C',
      stops: [
        ['c', 'stopped'],
        ['b', 'stopped'],
        ['server', 'stopped'],
        ['a', 'stopped'],
      ],
    });
    expect(
      journal()
        .filter((line) => line.includes(' stop'))
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual(['c stopping', 'c stopped', 'b stopping', 'b stopped', 'a stopping', 'a stopped']);
    expect(living(pids)).toEqual([]);
    expect(readChildren(join(home, 'children.json'))).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('stops in order on %s', async (signal) => {
    start('a:good');
    const pids = await host!.ready();
    host!.process.kill(signal);
    expect((await host!.ended).code).toBe(0);
    expect(journal().some((line) => line.startsWith('a stopped'))).toBe(true);
    expect(living(pids)).toEqual([]);
  });

  it('kills a child that does not stop within its limit', async () => {
    start('a:good', 'b:stubborn');
    const pids = await host!.ready();
    host!.process.kill('SIGTERM');
    const stopped = await host!.event('stopped');
    expect(stopped['stops']).toEqual([
      ['b', 'killed'],
      ['a', 'stopped'],
    ]);
    expect(living(pids)).toEqual([]);
  });

  it('ends everything at once on a second Ctrl-C', async () => {
    start('a:good', 'server:server', 'b:stubborn');
    const pids = await host!.ready();
    host!.process.kill('SIGINT');
    await eventually(() => expect(journal().some((line) => line.startsWith('b stopping'))).toBe(true));
    host!.process.kill('SIGINT');
    expect((await host!.ended).code).toBe(130);
    await eventually(() => expect(living(pids)).toEqual([]));
    expect(journal().some((line) => line.startsWith('a stopping'))).toBe(false);
  });

  it('starts a killed child again', async () => {
    start('a:good');
    const { a } = await host!.ready();
    process.kill(a!, 'SIGKILL');
    expect(await host!.event('restart')).toMatchObject({ child: 'a', reason: 'killed by SIGKILL', count: 1 });
    await eventually(() => expect(journal().filter((line) => line.startsWith('a started'))).toHaveLength(2));
  });

  it('starts a server program again', async () => {
    start('s:server');
    const { s } = await host!.ready();
    process.kill(-s!, 'SIGKILL');
    expect(await host!.event('restart')).toMatchObject({ child: 's', count: 1 });
    await eventually(() => expect(readChildren(join(home, 'children.json'))).toHaveLength(1));
  });

  it('ends and restarts a child whose event loop is silent', async () => {
    start('a:hangs');
    await host!.ready();
    expect((await host!.event('restart'))['reason']).toMatch(/event loop was silent for \d+(\.\d)? s/);
  });

  it('does not end a child that says again and again that it waits for a server', async () => {
    start('a:waits');
    await host!.ready();
    expect(host!.told.some((told) => told.event === 'restart')).toBe(false);
  });

  it('gives up on a child that cannot start, and says why', async () => {
    start('a:good', 'b:crash');
    const fatal = await host!.event('fatal');
    expect(fatal['code']).toBe('INFRA_CHILD_FAILED');
    expect(fatal['message']).toContain('b ended 3 times');
    expect(fatal['message']).toContain('exit code 3; Error: this child always crashes');
    expect((await host!.ended).code).toBe(1);
  });

  it('does not repeat a start with a wrong configuration', async () => {
    start('a:configuration');
    const fatal = await host!.event('fatal');
    expect(fatal['message']).toContain('CONFIG_DATABASE: there is no such database');
    expect((await host!.ended).code).toBe(78);
    expect(host!.told.some((told) => told.event === 'restart')).toBe(false);
  });

  it('leaves no process behind when it is killed with -9, not even a hung or a stubborn one', async () => {
    start('a:good', 'server:server', 'b:stubborn', 'c:hangs');
    const pids = await host!.ready();
    await eventually(() => expect(journal().some((line) => line.startsWith('c hangs'))).toBe(true));
    host!.process.kill('SIGKILL');
    await eventually(() => expect(living(pids)).toEqual([]));
    expect(journal().some((line) => line.startsWith('a stopped'))).toBe(true);
  });
});

describe('leftovers of a killed supervisor', () => {
  it('are ended by the next start, and only those', async () => {
    start('a:good', 'server:server');
    const pids = await host!.ready();
    const records = readChildren(join(home, 'children.json'));
    expect(records.map((record) => record.name)).toEqual(['a', 'server']);
    const stranger = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
    try {
      // The stranger has the number that a child had: another start time, so another process.
      const reused = { ...records[0]!, identity: { ...records[0]!.identity, pid: stranger.pid! } };
      const stopped = await stopLeftovers([...records, reused], { aloneMs: 50, toldMs: 1000 });
      expect(stopped).toEqual(['a', 'server']);
      await eventually(() => expect(living(pids)).toEqual([]));
      expect(identify(stranger.pid!)).toBeDefined();
    } finally {
      stranger.kill('SIGKILL');
    }
  });
});
