import { posix } from 'node:path';
import { withoutComments } from '../code-text.js';
import { isCode, type TreeFile } from '../tree.js';

/** One import: `to` is a path of the tree, or the name of a package (`pg`, `@scope/name`, `node:fs`). */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** By `import()`: only when it is wanted. */
  readonly isDynamic: boolean;
}

const STATEMENT = /^[ \t]*(?:import|export)\s+(type\s+)?(?:([\w$*{}\s,]*?)\s*from\s*)?['"]([^'"\n]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;
const ONLY_TYPES = /^\{\s*(?:type\s+[\w$]+(?:\s+as\s+[\w$]+)?\s*,?\s*)+\}$/;

/** The path of the tree that a relative specifier of `from` means; `./x.js` is written for `x.ts`. */
function resolve(from: string, specifier: string, paths: ReadonlySet<string>): string {
  const target = posix.normalize(posix.join(posix.dirname(from), specifier));
  const candidates = [target, target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.tsx')];
  return candidates.find((candidate) => paths.has(candidate)) ?? target;
}

const packageName = (specifier: string): string => {
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
};

/** Every import of the given files, static and dynamic, in order of appearance. */
export function importEdges(files: readonly TreeFile[]): Edge[] {
  const code = files.filter((file) => isCode(file.path));
  const paths = new Set(files.map((file) => file.path));
  return code.flatMap(({ path, text }) => {
    const source = withoutComments(text);
    const edge = (specifier: string, isTypeOnly: boolean, isDynamic = false): Edge => ({
      from: path,
      to: specifier.startsWith('.') ? resolve(path, specifier, paths) : packageName(specifier),
      isTypeOnly,
      isDynamic,
    });
    const statements = [...source.matchAll(STATEMENT)].map((match) =>
      edge(match[3] ?? '', match[1] !== undefined || ONLY_TYPES.test((match[2] ?? '').trim())),
    );
    return [...statements, ...[...source.matchAll(DYNAMIC)].map((match) => edge(match[1] ?? '', false, true))];
  });
}

function neighbours(edges: readonly Edge[]): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  return next;
}

/** Circles of files that need each other at run time, each once, beginning with its first path in the alphabet. */
export function cycles(edges: readonly Edge[]): string[][] {
  const next = neighbours(edges.filter((edge) => !edge.isTypeOnly));
  const done = new Set<string>();
  const found = new Map<string, string[]>();
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      const circle = trail.slice(seenAt);
      const first = circle.indexOf([...circle].sort()[0] ?? path);
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      found.set(turned.join('\0'), turned);
      return;
    }
    if (done.has(path)) return;
    for (const to of next.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return [...found.values()];
}

/** The files that no entry reaches, by imports of any kind. */
export function unreachable(files: readonly string[], edges: readonly Edge[], entries: readonly string[]): string[] {
  const next = neighbours(edges);
  const seen = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    queue.push(...(next.get(path) ?? []));
  }
  return files.filter((file) => !seen.has(file));
}
