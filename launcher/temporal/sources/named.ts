import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { probe } from './probe.js';
import type { BinarySource } from './source.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The program that KEELSON_TEMPORAL_BIN names. */
export function namedBinary(env: Environment): BinarySource {
  return {
    name: 'KEELSON_TEMPORAL_BIN',
    find: async () => {
      const path = env['KEELSON_TEMPORAL_BIN'];
      if (path === undefined || path === '') {
        return { whyNot: 'it is not set', whatToDo: 'set it to a `temporal` program' };
      }
      const found = await probe(path);
      if (typeof found !== 'string') return { binary: found };
      return { whyNot: found, whatToDo: 'correct the path' };
    },
  };
}

/** `temporal` where a shell would find it. */
export function onPath(env: Environment): BinarySource {
  return {
    name: '`temporal` on PATH',
    find: async () => {
      const path = await which('temporal', env);
      if (path === undefined) return { whyNot: 'it is not there', whatToDo: 'install the Temporal CLI (docs.temporal.io/cli)' };
      const found = await probe(path);
      if (typeof found !== 'string') return { binary: found };
      return { whyNot: found, whatToDo: 'update the Temporal CLI' };
    },
  };
}

/** The first executable of that name in the folders of PATH, then in `others`. */
export async function which(name: string, env: Environment, others: readonly string[] = []): Promise<string | undefined> {
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), ...others];
  for (const folder of folders) {
    const path = join(folder, name);
    const isExecutable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return path;
  }
  return undefined;
}
