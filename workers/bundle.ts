import { bundleWorkflowCode } from '@temporalio/worker';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { workflowCode } from './workflow-code.js';

/** Where the build leaves the bundle of the workflows, and workers find it. */
export const WORKFLOW_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** Bundles the compiled workflows, once at the build, so that a worker starts in a second and not in ten. */
async function writeBundle(): Promise<void> {
  const logger = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ ...workflowCode(fileURLToPath(new URL('..', import.meta.url)), '.js'), logger });
  await writeFile(WORKFLOW_BUNDLE, code);
}

function ignore(): void {
  // The bundler tells of every step; only what went wrong is of interest.
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeBundle();
