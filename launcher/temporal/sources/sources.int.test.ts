import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { type RequestListener, type Server, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { build } from './build.js';
import { download } from './download.js';
import { builtPath, keptServer } from './kept.js';
import { namedBinary, onPath } from './named.js';
import type { BinarySource, Outcome, SourceStep } from './source.js';

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL('../../../deploy/temporal', import.meta.url));
const PROGRAM = '#!/bin/sh\necho "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"\n';

let folder: string;
let cacheDir: string;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-sources-'));
  cacheDir = join(folder, 'cache');
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function program(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

async function find(source: BinarySource): Promise<{ outcome: Outcome; steps: SourceStep[] }> {
  const steps: SourceStep[] = [];
  return { outcome: await source.find((step) => steps.push(step)), steps };
}

const found = (path: string) => ({ binary: { path, version: '1.32.0', exitsWithStdin: false } });

describe('programs that are there', () => {
  test('the one that is named, if it says which server it has', async () => {
    const path = await program('temporal', PROGRAM);
    expect((await find(namedBinary({ KEELSON_TEMPORAL_BIN: path }))).outcome).toEqual(found(path));
    const other = await program('other', '#!/bin/sh\necho hello\n');
    expect((await find(namedBinary({ KEELSON_TEMPORAL_BIN: other }))).outcome).toMatchObject({ whyNot: expect.stringContaining('hello') });
    expect((await find(namedBinary({ KEELSON_TEMPORAL_BIN: join(folder, 'none') }))).outcome).toMatchObject({
      whyNot: expect.stringContaining('is not there'),
    });
  });

  test('the first on PATH', async () => {
    const path = await program('temporal', PROGRAM);
    expect((await find(onPath({ PATH: `/nowhere:${folder}` }))).outcome).toEqual(found(path));
    expect((await find(onPath({ PATH: '/nowhere' }))).outcome).toMatchObject({ whyNot: 'it is not there' });
  });
});

describe('the download', () => {
  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }
  const patient = { connectMs: 2000, silentMs: 2000 };

  test('is unpacked, kept, and found there the next time', async () => {
    await program('temporal', PROGRAM);
    await run('tar', ['-czf', 'archive.tar.gz', 'temporal'], { cwd: folder });
    const archive = await readFile(join(folder, 'archive.tar.gz'));
    const asked: string[] = [];
    const origin = await serve((request, response) => {
      asked.push(request.url ?? '');
      if (request.url?.startsWith('/cli/') === true) {
        response.end(JSON.stringify({ archiveUrl: `${origin}/moved`, fileToExtract: 'temporal' }));
      } else if (request.url === '/moved') response.writeHead(302, { location: '/archive' }).end();
      else response.writeHead(200, { 'content-length': archive.length }).end(archive);
    });
    const { outcome, steps } = await find(download(cacheDir, patient, origin));
    expect(outcome).toMatchObject({ binary: { version: '1.32.0' } });
    expect(asked).toEqual([expect.stringMatching(/^\/cli\/v1\.9\.1\?arch=/), '/moved', '/archive']);
    expect(steps.at(-1)).toEqual({ message: 'bytes downloaded', done: archive.length, total: archive.length });
    expect((await find(keptServer(cacheDir, SOURCES))).outcome).toEqual(outcome);
    expect(await readdir(join(cacheDir, 'temporal'))).toHaveLength(1);
  });

  test.each<[string, RequestListener, RegExp]>([
    ['a refusal', (_, response) => void response.writeHead(403).end(), /answered with status 403/],
    ['silence', () => {}, /sent nothing for 0\.2 s/],
    ['a body that stops', (_, response) => void response.writeHead(200, { 'content-length': 100 }).write('{'), /sent nothing|aborted/],
    ['a cut', (request) => void request.socket.destroy(), /socket hang up/],
  ])('names its reason: %s', async (_, listener, reason) => {
    const origin = await serve(listener);
    const { outcome } = await find(download(cacheDir, { connectMs: 200, silentMs: 200 }, origin));
    expect(outcome).toMatchObject({ whyNot: expect.stringMatching(reason) });
  });
});

describe('the build', () => {
  let path: string;
  beforeEach(async () => {
    await mkdir(join(folder, 'bin'));
    path = `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`;
    await cp(SOURCES, join(folder, 'src'), { recursive: true });
  });
  const buildHere = (limits = { downloadingMs: 10_000, compilingMs: 10_000 }): BinarySource =>
    build(cacheDir, join(folder, 'src'), { PATH: path }, limits);

  test('counts modules and packages and keeps the program by the hash of its sources', async () => {
    await program(
      'bin/go',
      `#!/bin/sh\nfor word in "$@"; do case $previous in -o) target=$word;; esac; previous=$word; done
echo "go: downloading example.org/module v1.0.0" >&2\necho "example.org/module/part" >&2
printf '${PROGRAM.replaceAll('\n', '\\n')}' > "$target"; chmod +x "$target"\n`,
    );
    const { outcome, steps } = await find(buildHere());
    expect(outcome).toEqual(found(await builtPath(cacheDir, join(folder, 'src'))));
    expect(steps.map(({ message, done }) => `${done} ${message}`)).toEqual(['1 Go modules downloaded', '1 packages built']);
    await writeFile(join(folder, 'src', 'main.go'), 'package main');
    expect((await find(keptServer(cacheDir, join(folder, 'src')))).outcome).toHaveProperty('whyNot');
  });

  test('a failure is told in the compiler’s words', async () => {
    await program('bin/go', '#!/bin/sh\necho "./main.go:3:1: undefined: x" >&2\nexit 1\n');
    expect((await find(buildHere())).outcome).toMatchObject({ whyNot: 'go build failed (1): ./main.go:3:1: undefined: x' });
  });

  test('one that says nothing for too long is ended with all its processes', async () => {
    await program(
      'bin/go',
      `#!/bin/sh\necho "go: downloading example.org/module v1.0.0" >&2\nsleep 600 &\necho $! > ${folder}/pid\nwait\n`,
    );
    const { outcome } = await find(buildHere({ downloadingMs: 500, compilingMs: 500 }));
    expect(outcome).toMatchObject({ whyNot: expect.stringContaining('printed nothing') });
    const pid = (await readFile(join(folder, 'pid'), 'utf8')).trim();
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '(gone) Z');
    expect(state).toMatch(/\) [ZX]/);
  });
});
