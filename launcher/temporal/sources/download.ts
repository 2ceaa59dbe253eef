import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { type IncomingMessage, get as getPlain } from 'node:http';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { PINNED_CLI_VERSION, downloadedPath } from './kept.js';
import { probe } from './probe.js';
import type { BinarySource, SourceStep } from './source.js';

const run = promisify(execFile);

/** Time limits of each request, ms. */
interface Limits {
  readonly connectMs: number;
  readonly silentMs: number;
}

const LIMITS: Limits = { connectMs: 5000, silentMs: 30_000 };
const ORIGIN = 'https://temporal.download';
const MAX_REDIRECTS = 5;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The address that the SDK's test server asks for an archive. Asked for a fixed version and kept: the SDK's own way
 * asks for the newest each day.
 */
export function releaseAddress(platform: string, architecture: string, origin = ORIGIN): string {
  const query = new URLSearchParams({
    arch: ARCHITECTURES[architecture] ?? architecture,
    platform,
    format: 'tar.gz',
  });
  return `${origin}/cli/v${PINNED_CLI_VERSION}?${query.toString()}`;
}

/** The official program in the pinned version, downloaded once into the cache. */
export function download(cacheDir: string, limits: Limits = LIMITS, origin = ORIGIN): BinarySource {
  return {
    name: `download of the official CLI ${PINNED_CLI_VERSION}`,
    find: async (progress) => {
      const target = downloadedPath(cacheDir);
      try {
        await downloadTo(target, releaseAddress(process.platform, process.arch, origin), progress, limits);
      } catch (error) {
        return {
          whyNot: error instanceof Error ? error.message : String(error),
          whatToDo: 'let this machine reach temporal.download and github.com by HTTPS',
        };
      }
      const found = await probe(target);
      if (typeof found !== 'string') return { binary: found };
      await rm(target, { force: true });
      return { whyNot: `what was downloaded is not usable: ${found}`, whatToDo: 'try again; report it if it stays' };
    },
  };
}

async function downloadTo(target: string, address: string, progress: (step: SourceStep) => void, limits: Limits): Promise<void> {
  const release = await open(address, limits);
  const { archiveUrl, fileToExtract } = JSON.parse(await text(release)) as { archiveUrl: string; fileToExtract: string };
  await mkdir(dirname(dirname(target)), { recursive: true });
  const folder = await mkdtemp(join(dirname(dirname(target)), 'unfinished-'));
  try {
    const archive = join(folder, 'archive.tar.gz');
    const body = await open(archiveUrl, limits);
    const total = Number(body.headers['content-length'] ?? 0);
    let done = 0;
    body.on('data', (chunk: Buffer) => {
      done += chunk.length;
      progress({ message: 'bytes downloaded', done, ...(total > 0 ? { total } : {}) });
    });
    await pipeline(body, createWriteStream(archive));
    await run('tar', ['-xzf', archive, '-C', folder, fileToExtract]);
    await chmod(join(folder, fileToExtract), 0o755);
    await mkdir(dirname(target), { recursive: true });
    // Renamed last: a program of that name is always complete.
    await rename(join(folder, fileToExtract), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Requests by HTTPS and follows redirects; rejects with the reason in words when a limit passes. */
async function open(address: string, limits: Limits, redirects = MAX_REDIRECTS): Promise<IncomingMessage> {
  const { host, hostname, protocol } = new URL(address);
  const isEncrypted = protocol === 'https:';
  if (!isEncrypted && hostname !== '127.0.0.1') throw new Error(`${host} is not asked without HTTPS`);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (isEncrypted ? get : getPlain)(address, { headers: { 'user-agent': 'keelson' } });
    const fail = (why: string) => (): void => void request.destroy(new Error(why));
    const connecting = setTimeout(fail(`no connection to ${host} within ${limits.connectMs / 1000} s`), limits.connectMs);
    request.once('socket', (socket) => socket.once(isEncrypted ? 'secureConnect' : 'connect', () => clearTimeout(connecting)));
    request.setTimeout(limits.silentMs, fail(`${host} sent nothing for ${limits.silentMs / 1000} s`));
    request.once('error', (error) => {
      clearTimeout(connecting);
      reject(new Error(error.message.includes(host) ? error.message : `${host}: ${error.message}`));
    });
    request.once('response', (answer) => {
      clearTimeout(connecting);
      resolve(answer);
    });
  });
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if (status >= 300 && status < 400 && location !== undefined && redirects > 0) {
    response.resume();
    return open(new URL(location, address).href, limits, redirects - 1);
  }
  if (status === 200) return response;
  response.resume();
  throw new Error(`${host} answered with status ${status}`);
}

async function text(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let content = '';
  for await (const chunk of response) content += String(chunk);
  return content;
}
