import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rootFolder } from '../config/index.js';
import { parseJsonc } from '../config/jsonc.js';

const compiled = (file: string): string => fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
const TELLS_CONNECTIONS = fileURLToPath(new URL('../test/support/fixtures/tell-connections.cjs', import.meta.url));
const LIMIT_MS = 120_000;
/** Nobody answers there; whoever tries is told of. */
const NOBODY = { rest: 'https://127.0.0.1:1', stream: 'wss://127.0.0.1:1', wsApi: 'wss://127.0.0.1:1' };
const KEYS = { EXCHANGE_API_KEY: 'a-key', EXCHANGE_API_SECRET: 'a-secret-of-the-account' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-live-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly told: string;
}

/** Runs a compiled program to its end, with the account of the shipped configuration on a venue of real money. */
function start(program: string, account: object, env: NodeJS.ProcessEnv): Promise<Ended> {
  const shipped = parseJsonc(readFileSync(join(rootFolder(), 'keelson.config.json'), 'utf8')) as Record<string, object>;
  const config = {
    ...shipped,
    venues: { binance: { profile: 'binance', paper: false, urls: NOBODY } },
    accounts: { main: { venue: 'binance', ...account } },
  };
  const file = join(folder, 'keelson.config.json');
  writeFileSync(file, JSON.stringify({ ...config, $schema: undefined }));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--require', TELLS_CONNECTIONS, compiled(program)], {
      env: { PATH: process.env['PATH'], KEELSON_CONFIG: file, KEELSON_HOME: join(folder, 'home'), ...KEYS, ...env },
    });
    let told = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (told += String(chunk)));
    child.on('close', (code) => resolve({ code, told }));
  });
}

describe('a start that would trade real money', () => {
  const CONSENT = { allowLiveTrading: true, acceptUnproven: true };
  const PRODUCTION = { ENVIRONMENT: 'production' };
  const LIVE = /needs ENVIRONMENT=production and allowLiveTrading: true/;
  const UNPROVEN = /has not been proven against binance.*set acceptUnproven: true/s;

  it.each([
    ['ENVIRONMENT=production', 'CONFIG_LIVE_TRADING', CONSENT, {}, LIVE, ['launcher/main.js', 'workers/trading.js']],
    ['allowLiveTrading', 'CONFIG_LIVE_TRADING', { acceptUnproven: true }, PRODUCTION, LIVE, ['launcher/main.js']],
    [
      'acceptUnproven',
      'CONFIG_VENUE_UNPROVEN',
      { allowLiveTrading: true },
      PRODUCTION,
      UNPROVEN,
      ['launcher/main.js', 'workers/guardian.js'],
    ],
  ])(
    'is refused without %s, by the launcher and by a process that could trade: 78, what to do, and nobody is asked anything',
    async (_, code, account, env, says, programs) => {
      for (const program of programs) {
        const ended = await start(program, account, env);
        expect([program, ended.code, ended.told]).toEqual([program, 78, expect.stringMatching(says)]);
        expect(ended.told).toContain(code);
        expect(ended.told).not.toContain('CONNECTS');
        expect(ended.told).not.toContain(KEYS.EXCHANGE_API_SECRET);
      }
    },
    LIMIT_MS,
  );

  it(
    'with all of them goes on to the next question, and would be heard asking it',
    async () => {
      const ended = await start('launcher/main.js', CONSENT, { ...PRODUCTION, DATABASE_URL: 'postgres://user@127.0.0.1:1/ledger' });
      expect(ended).toEqual({ code: 78, told: expect.stringContaining('CONFIG_DATABASE') as string });
      expect(ended.told).toContain('CONNECTS');
      expect(ended.told).not.toMatch(/CONFIG_LIVE|UNPROVEN/);
    },
    LIMIT_MS,
  );
});
