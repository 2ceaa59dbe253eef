import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { workflowCode } from '../../workers/workflow-code.js';

/** A text of the source, which must be there once, and what stands in its place. */
export type Edit = readonly [from: string, to: string];

const ofTree = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The workflows with edits to one of their sources, as they would be after a change of code. `file`: from the root. */
export function bundleEdited(file: string, edits: readonly Edit[]): Promise<WorkflowBundle> {
  return bundleWith({ [file]: edits });
}

/** The same with edits to several. */
export function bundleWith(editsOf: Readonly<Record<string, readonly Edit[]>>): Promise<WorkflowBundle> {
  const loader = ofTree('test/support/fixtures/edit-source.cjs');
  const rules = Object.entries(editsOf).map(([file, edits]) => {
    const resource = ofTree(file);
    return { test: (path: string) => path === resource, enforce: 'pre' as const, loader, options: { edits } };
  });
  return bundleWorkflowCode({
    ...workflowCode(ofTree(''), '.ts'),
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error },
    webpackConfigHook: (config) => ({ ...config, module: { ...config.module, rules: [...(config.module?.rules ?? []), ...rules] } }),
  });
}
