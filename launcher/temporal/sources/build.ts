import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pid } from 'node:process';
import { startGuarded } from '../../guarded-process.js';
import { builtPath } from './kept.js';
import { which } from './named.js';
import { probe } from './probe.js';
import type { BinarySource, Refusal, SourceStep } from './source.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** How many packages a cold build compiles, about: for the progress only. */
const PACKAGES = 1790;

/** How long the build may print nothing, ms. Modules come from the network; a large package or the link takes time. */
interface Limits {
  readonly downloadingMs: number;
  readonly compilingMs: number;
}

const LIMITS: Limits = { downloadingMs: 40_000, compilingMs: 300_000 };

/** Our own program of `deploy/temporal`, built from public Go modules: minutes and about 4 GB of caches the first time. */
export function build(cacheDir: string, sourceDir: string, env: Environment, limits: Limits = LIMITS): BinarySource {
  return {
    name: 'build from Go modules',
    find: async (progress) => {
      const go = await which('go', env, ['/usr/local/go/bin', join(homedir(), 'go', 'bin'), '/opt/homebrew/bin']);
      if (go === undefined) {
        return { whyNot: 'there is no `go` on PATH', whatToDo: 'install Go 1.26.8 or newer (go.dev/dl)' };
      }
      const target = await builtPath(cacheDir, sourceDir);
      const refusal = await compile(go, sourceDir, target, env, limits, progress);
      if (refusal !== undefined) return refusal;
      const found = await probe(target);
      if (typeof found !== 'string') return { binary: found };
      return { whyNot: `what was built is not usable: ${found}`, whatToDo: `go build in ${sourceDir} and look` };
    },
  };
}

/** What one line of `go build -v` stands for: a module that is fetched, or a package that was compiled. */
export function readBuildLine(line: string): 'module' | 'package' | 'other' {
  if (line.startsWith('go: downloading ')) return 'module';
  return /^[a-z][\w./-]*$/i.test(line) ? 'package' : 'other';
}

async function compile(
  go: string,
  sourceDir: string,
  target: string,
  env: Environment,
  limits: Limits,
  progress: (step: SourceStep) => void,
): Promise<Refusal | undefined> {
  await mkdir(dirname(target), { recursive: true });
  const unfinished = `${target}.${pid}`;
  const other: string[] = [];
  let [modules, packages, isSilent] = [0, 0, false];
  let patience: NodeJS.Timeout | undefined;
  const process = startGuarded({
    program: go,
    arguments: ['build', '-v', '-trimpath', '-ldflags=-s -w', '-o', unfinished, '.'],
    cwd: sourceDir,
    env: { ...env },
    exitsWithStdin: false,
    onLine: (line) => {
      const kind = readBuildLine(line);
      if (kind === 'module') progress({ message: 'Go modules downloaded', done: (modules += 1) });
      else if (kind === 'package') progress({ message: 'packages built', done: (packages += 1), total: PACKAGES });
      else other.push(line);
      wait();
    },
  });
  function wait(): void {
    clearTimeout(patience);
    patience = setTimeout(giveUp, packages > 0 ? limits.compilingMs : limits.downloadingMs);
  }
  function giveUp(): void {
    isSilent = true;
    process.kill();
  }
  wait();
  try {
    const { code = 'it could not be started' } = await process.exited;
    if (code === 0) {
      await rename(unfinished, target);
      return undefined;
    }
    const said = other.slice(-2).join('; ').slice(0, 500);
    const whyNot = isSilent ? `the build printed nothing for too long after ${packages} packages` : `go build failed (${code}): ${said}`;
    return { whyNot, whatToDo: `let this machine reach the Go module proxy (GOPROXY); try \`go build\` in ${sourceDir}` };
  } finally {
    clearTimeout(patience);
    await rm(unfinished, { force: true });
  }
}
