import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inRoot } from '../bootstrap/paths.mjs';
import { mappings } from './source-map.mjs';

/**
 * What ran outside the test runner's own threads: workflows live in threads and contexts of Temporal's SDK, and end-to-end
 * tests start processes of their own. Node writes their coverage to NODE_V8_COVERAGE; here it becomes lines of our sources.
 */

/** How often the code at each generated offset ran: `at(offset)`. The innermost range that holds an offset decides. */
export function runCounts(functions) {
  const ranges = functions.flatMap((each) => each.ranges);
  ranges.sort((one, other) => one.startOffset - other.startOffset || other.endOffset - one.endOffset);
  const edges = [];
  const open = [];
  const close = (offset) => {
    while (open.length > 0 && open.at(-1).endOffset <= offset) {
      const { endOffset } = open.pop();
      edges.push([endOffset, open.at(-1)?.count ?? 0]);
    }
  };
  for (const range of ranges) {
    close(range.startOffset);
    edges.push([range.startOffset, range.count]);
    open.push(range);
  }
  close(Infinity);
  return {
    at(offset) {
      let [low, high] = [0, edges.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (edges[middle][0] <= offset) low = middle + 1;
        else high = middle;
      }
      return edges[low - 1]?.[1] ?? 0;
    },
  };
}

/** Offsets at which the lines of a text begin. */
function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Adds the lines (from 1) of each source that ran to `ran`: path → set of lines. */
export function addRanLines(ran, { code, map, folder }, functions) {
  const counts = runCounts(functions);
  const starts = lineStarts(code);
  const sources = map.sources.map((source) => resolve(folder, map.sourceRoot ?? '', source));
  for (const { line, column, source, sourceLine } of mappings(map)) {
    if (counts.at(starts[line] + column) === 0) continue;
    const path = sources[source];
    if (!ran.has(path)) ran.set(path, new Set());
    ran.get(path).add(sourceLine + 1);
  }
}

function splitInline(text, folder) {
  const comment = text.lastIndexOf('//# sourceMappingURL=data:');
  const map = JSON.parse(Buffer.from(text.slice(text.indexOf('base64,', comment) + 'base64,'.length).trim(), 'base64').toString());
  return { code: text.slice(0, comment), map, folder };
}

/** The bundle that tests make of the workflows as they are; its name is a hash of its content. */
async function testBundle() {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const silent = () => {};
  const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };
  const { workflowCode } = await import(pathToFileURL(inRoot('dist', 'workers', 'workflow-code.js')).href);
  const { code } = await bundleWorkflowCode({ ...workflowCode(inRoot(), '.ts'), logger });
  return splitInline(code, inRoot());
}

/** Generated code and its map, by the address of the script; undefined for what is not ours. */
function generatedCode() {
  const known = new Map();
  let bundle;
  const find = async (path) => {
    if (path === inRoot('dist', 'workflow-bundle.js')) return splitInline(readFileSync(path, 'utf8'), dirname(path));
    if (/^workflow-bundle-\w+\.js$/.test(basename(path))) {
      bundle ??= await testBundle();
      return basename(bundle.map.file) === basename(path) ? bundle : undefined;
    }
    const isOurs = ['core', 'workflows', 'activities'].some((folder) => path.startsWith(inRoot('dist', folder, '/')));
    if (!isOurs || !existsSync(`${path}.map`)) return undefined;
    return { code: readFileSync(path, 'utf8'), map: JSON.parse(readFileSync(`${path}.map`, 'utf8')), folder: dirname(path) };
  };
  return async (url) => {
    if (!url.startsWith('file://')) return undefined;
    if (!known.has(url)) known.set(url, await find(fileURLToPath(url)));
    return known.get(url);
  };
}

/** Lines of our sources that ran, from the folder that NODE_V8_COVERAGE named: path → set of lines from 1. */
export async function ranLines(folder) {
  const ran = new Map();
  const generated = generatedCode();
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    let report;
    try {
      report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    } catch {
      continue; // A process that was killed while writing: what it ran is not counted.
    }
    for (const { url, functions } of report.result) {
      const found = await generated(url);
      if (found) addRanLines(ran, found, functions);
    }
  }
  return ran;
}
