const coloured = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
const paint = (code, text) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);

/** The whole output of what failed, then one table of everything. */
export function showResults(results) {
  for (const result of results.filter((each) => !each.ok)) {
    process.stdout.write(`\n── ${result.name} ──\n${result.output.trim()}\n`);
  }
  const width = Math.max(...results.map((each) => each.name.length));
  process.stdout.write('\n');
  for (const { name, ok, detail, elapsedMs } of results) {
    const mark = ok ? paint(32, 'ok    ') : paint(31, 'FAILED');
    process.stdout.write(`  ${name.padEnd(width)}  ${mark}  ${(elapsedMs / 1000).toFixed(1).padStart(5)} s  ${detail}\n`);
  }
}
