import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';

/** What `bundleWorkflowCode` takes to bundle the workflows of this version. */
export interface WorkflowCode {
  readonly workflowsPath: string;
  readonly workflowInterceptorModules: string[];
  /** Modules that all runs of a worker share: {@link sharedModules}. */
  readonly preloadModules: string[];
}

/** The workflows below `root`: of the sources (`.ts`), or of what was compiled of them (`.js`). */
export function workflowCode(root: string, extension: '.ts' | '.js'): WorkflowCode {
  const folder = join(root, 'workflows');
  return {
    workflowsPath: join(folder, `index${extension}`),
    workflowInterceptorModules: [join(folder, `epoch${extension}`)],
    preloadModules: sharedModules(folder, extension),
  };
}

/**
 * What workflows import of `core/`. A run evaluates anew each module of its bundle that is not shared, a millisecond and a half before its
 * first step; `core/` keeps nothing between calls (`test/tidy/state.test.ts`), so that its modules may be evaluated once for all runs. The modules
 * of `workflows/` may not: what they are given belongs to one run.
 */
function sharedModules(folder: string, extension: string): string[] {
  const shared = new Set<string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (extname(name) !== extension || name.endsWith(`.test${extension}`) || name.endsWith('.d.ts')) continue;
    const file = join(folder, name);
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/^import \{.* from '((?:\.\.\/)+core\/[^']+)\.js';$/gm))
      shared.add(join(dirname(file), `${path}${extension}`));
  }
  return [...shared].toSorted();
}
