import { Registry } from 'prom-client';
import { pino } from 'pino';
import type { ApiContext } from '../../api/context.js';
import { loadConfig } from '../../config/index.js';

const noDatabase = (): Promise<never> => Promise.reject(new Error('no database'));

/** What the routes need in order to be there; nothing answers behind it. */
export const IDLE_CONTEXT: ApiContext = {
  config: loadConfig({ path: new URL('../../keelson.config.json', import.meta.url).pathname, env: {} }),
  environment: 'test',
  version: '1.2.3',
  database: { query: noDatabase },
  urgent: { query: noDatabase },
  longReads: { query: noDatabase },
  control: {
    execute: () => Promise.resolve(),
    rearm: () => Promise.resolve({ kind: 'released' }),
    planRunbook: () => Promise.reject(new Error('nobody plans')),
    startRunbook: () => Promise.resolve(),
    tellRunbook: () => Promise.resolve(),
    runbookDecided: () => Promise.resolve(),
    schedules: () => Promise.resolve([]),
    controlSchedule: () => Promise.resolve(),
    reconcile: () => Promise.resolve(),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  },
  halts: { latch: noDatabase, drill: noDatabase },
  ledger: { bookMovement: noDatabase },
  metrics: new Registry(),
  logger: pino({ level: 'silent' }),
  now: () => 0,
  newId: () => 'id',
  temporal: { address: '', namespace: '', ui: null },
  furtherHosts: [],
};
