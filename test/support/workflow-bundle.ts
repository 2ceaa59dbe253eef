import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workflowCode } from '../../workers/workflow-code.js';

const EXTENSION = extname(fileURLToPath(import.meta.url)) === '.ts' ? '.ts' : '.js';

let bundle: Promise<WorkflowBundle> | undefined;

/**
 * The workflows, bundled once for a run of the tests: from their sources by the process that holds the servers, or, in a program of the tests,
 * from what was compiled of them.
 */
export function workflowBundle(): Promise<WorkflowBundle> {
  return (bundle ??= EXTENSION === '.ts' ? bundleOfRun() : bundleWorkflows());
}

async function bundleOfRun(): Promise<WorkflowBundle> {
  // Programs of the tests run without vitest.
  const { askForServer } = await import('./ask.js');
  const { path } = await askForServer<BundleOffer>('bundle');
  return { code: await readFile(path, 'utf8') };
}

/** Where the file is that holds the bundle of this run. */
export interface BundleOffer {
  readonly path: string;
}

export interface BundleProvider {
  get(): Promise<BundleOffer>;
  stop(): Promise<void>;
}

/** The bundle of a test run, made when it is first asked for: some eighty files want it, and making it takes a core three seconds. */
export function provideBundle(): BundleProvider {
  let made: Promise<{ offer: BundleOffer; folder: string }> | undefined;
  return {
    get: async () => (await (made ??= make())).offer,
    stop: async () => {
      const { folder } = (await made?.catch(() => undefined)) ?? {};
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function make(): Promise<{ offer: BundleOffer; folder: string }> {
  const { code } = await bundleWorkflows();
  const folder = await mkdtemp(join(tmpdir(), 'keelson-test-bundle-'));
  const path = join(folder, 'workflow-bundle.js');
  await writeFile(path, code);
  return { offer: { path }, folder };
}

function bundleWorkflows(): Promise<WorkflowBundle> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  return bundleWorkflowCode({ ...workflowCode(fileURLToPath(new URL('../..', import.meta.url)), EXTENSION), logger: quiet });
}
