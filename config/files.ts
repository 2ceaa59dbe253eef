import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { failure } from '../core/errors.js';
import { throwProblems, type Problem } from './problem.js';
import type { Config } from './schema.js';

/**
 * Looks at the files that the configuration names: each approved model, by its hash, and each recorded series. Paths are
 * relative to the folder of the configuration file.
 * @param path of the configuration file.
 * @throws KeelsonError CONFIG_INVALID with every problem, MODEL_MISSING or MODEL_HASH_MISMATCH when that is the only one.
 */
export function checkFiles(config: Config, path: string): void {
  const folder = dirname(resolve(path));
  const models = config.strategies.flatMap(({ model }, index) =>
    modelProblems(resolve(folder, model.path), model, `strategies[${index}].model`),
  );
  const series = config.demo.data.flatMap((entry, index): Problem[] =>
    statSync(resolve(folder, entry.path), { throwIfNoEntry: false })?.isFile() === true
      ? []
      : [{ path: `demo.data[${index}].path`, message: `expected a file of recorded bars, found none at ${resolve(folder, entry.path)}` }],
  );
  throwProblems(path, [...models, ...series]);
}

function modelProblems(file: string, model: { readonly path: string; readonly sha256: string }, at: string): Problem[] {
  const content = contentOf(file);
  if (content === undefined) return [problem(`${at}.path`, 'MODEL_MISSING', { path: file })];
  const found = createHash('sha256').update(content).digest('hex');
  return found === model.sha256 ? [] : [problem(`${at}.sha256`, 'MODEL_HASH_MISMATCH', { path: file, found, expected: model.sha256 })];
}

function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function problem(path: string, code: 'MODEL_MISSING' | 'MODEL_HASH_MISMATCH', values: Readonly<Record<string, string>>): Problem {
  return { path, message: failure(code, values).message, cause: { code, values } };
}
