import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { loadConfig } from '../config/index.js';
import { ACTIONS } from '../core/people/actions.js';
import { allRoutes } from './routes/all.js';

const root = new URL('..', import.meta.url).pathname;

test('docs/reference/api.md lists every route with who may call it', () => {
  const routes = allRoutes({
    config: loadConfig({ path: `${root}keelson.config.json`, env: {} }),
    environment: 'test',
    version: '0',
    database: { query: () => Promise.reject(new Error('no database')) },
    control: {
      execute: () => Promise.resolve(),
      rearm: () => Promise.resolve({ kind: 'released' }),
      startRunbook: () => Promise.resolve(),
      tellRunbook: () => Promise.resolve(),
      runbookDecided: () => Promise.resolve(),
      schedules: () => Promise.resolve([]),
      controlSchedule: () => Promise.resolve(),
      reconcile: () => Promise.resolve(),
      check: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    halts: { latch: () => Promise.reject(new Error('no database')) },
    ledger: { bookMovement: () => Promise.reject(new Error('no database')) },
    metrics: new Registry(),
    logger: pino({ level: 'silent' }),
    now: () => 0,
    newId: () => '',
    temporal: { address: '', namespace: '', ui: null },
    furtherHosts: [],
  });
  const rows = routes.map(({ method, path, access, summary, query, body }) => {
    const who = access === 'everyone' ? 'everyone, without a key' : access === 'read' ? 'any key' : ACTIONS[access].join(', ');
    const input = Object.keys((query ?? body)?.shape ?? {});
    return `| \`${method} ${path}\` | ${who} | ${input.map((name) => `\`${name}\``).join(', ') || '–'} | ${summary} |`;
  });
  const page = readFileSync(`${root}docs/reference/api.md`, 'utf8');
  expect(page.split('\n').filter((line) => /^\| `(GET|POST) /.test(line))).toEqual(rows);
});
