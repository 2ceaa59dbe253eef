/**
 * Node reads the source map of every file that it loads, which for the packages of a worker is a tenth of its start, and
 * tells nothing of use. The maps of our own files are read before the first of them runs. So whoever imports this before any
 * package loads the packages without theirs; `mapStacks` lets stacks be told in our sources again.
 */
const isAsked = process.execArgv.includes('--enable-source-maps');
process.setSourceMapsEnabled(false);

export function mapStacks(): void {
  process.setSourceMapsEnabled(isAsked);
}
